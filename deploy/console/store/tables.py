"""The tables of the console's database. Times are UTC, ms since 1970, as on the page."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys only


class Base(DeclarativeBase):
    """All tables."""


class AccountRow(Base):
    """Somebody who may sign in."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    roles: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    oidc_issuer: Mapped[str | None] = mapped_column(String(500))
    oidc_subject: Mapped[str | None] = mapped_column(String(300))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_ms: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("account_oidc", "oidc_issuer", "oidc_subject", unique=True),)


class SessionRow(Base):
    """A signed-in browser; of its secret only a hash is kept."""

    __tablename__ = "session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    csrf: Mapped[str] = mapped_column(String(64))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    expires_ms: Mapped[int] = mapped_column(BigInteger, index=True)


class FeedbackRow(Base):
    """What somebody said of an alarm or a beat. Rows are added, never changed or taken out."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(_ID, primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(200), index=True)
    session: Mapped[str] = mapped_column(String(200))
    alarm_id: Mapped[str | None] = mapped_column(String(64), index=True)
    condition: Mapped[str | None] = mapped_column(String(64))
    sample: Mapped[int | None] = mapped_column(BigInteger)
    verdict: Mapped[str] = mapped_column(String(20))
    label: Mapped[str | None] = mapped_column(String(4))
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    at_ms: Mapped[int] = mapped_column(BigInteger, index=True)
    disputes: Mapped[int | None] = mapped_column(ForeignKey("feedback.id"))
