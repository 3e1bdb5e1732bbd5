"""Feedback, which is only ever added to."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Make the table."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "feedback",
        sa.Column("id", key, primary_key=True),
        sa.Column("stream_id", sa.String(200), nullable=False),
        sa.Column("session", sa.String(200), nullable=False),
        sa.Column("alarm_id", sa.String(64)),
        sa.Column("condition", sa.String(64)),
        sa.Column("sample", sa.BigInteger()),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("label", sa.String(4)),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("disputes", key, sa.ForeignKey("feedback.id")),
    )
    for name in ("stream_id", "alarm_id", "at_ms"):
        op.create_index(f"ix_feedback_{name}", "feedback", [name])


def downgrade() -> None:
    """Take it away."""
    op.drop_table("feedback")
