"""Accounts of an OpenID provider."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Add who vouches for an account, and under which name."""
    op.add_column("account", sa.Column("oidc_issuer", sa.String(500)))
    op.add_column("account", sa.Column("oidc_subject", sa.String(300)))
    op.create_index("account_oidc", "account", ["oidc_issuer", "oidc_subject"], unique=True)


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("account_oidc", "account")
    op.drop_column("account", "oidc_subject")
    op.drop_column("account", "oidc_issuer")
