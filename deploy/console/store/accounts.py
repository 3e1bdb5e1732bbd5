"""Accounts with argon2 passwords, and the sessions of those who signed in."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from deploy.console.roles import Role, read_roles
from deploy.console.store.database import Database
from deploy.console.store.tables import AccountRow, SessionRow
from ingest.errors import InputError

SESSION_S = 12 * 3600.0
"""How long somebody stays signed in: a shift, s."""
LEAST_PASSWORD, MOST_PASSWORD = 12, 200
"""Length of a password, characters (NIST SP 800-63B asks for 8 or more, and no rules beside)."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in."""

    id: int
    """Number."""
    name: str
    """Name, as it stands in logs."""
    roles: frozenset[Role]
    """What the account is for."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session."""

    account: Account
    """Whose it is."""
    csrf: str
    """What changing requests must carry."""
    expires_ms: int
    """When it ends, UTC, ms since 1970."""


class Accounts:
    """The accounts and sessions of a database.

    Parameters
    ----------
    database : Database
        Where.
    session_s : float
        Length of a session, s.
    hasher : PasswordHasher, optional
        How passwords are hashed; by default argon2id as RFC 9106 recommends it.
    """

    def __init__(
        self,
        database: Database,
        session_s: float = SESSION_S,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._db, self._session_s = database, session_s
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(8))

    def add(self, name: str, roles: list[str], password: str | None = None) -> Account:
        """Add an account.

        Raises
        ------
        InputError
            If the name is empty or taken, a role is unknown, or the password is too short or long.
        """
        found = read_roles(roles)
        if not 0 < len(name.strip()) <= 100 or not name.isprintable():
            raise InputError("an account's name must have 1 to 100 characters, all printable")
        if password is not None and not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise InputError(f"a password must have {LEAST_PASSWORD} to {MOST_PASSWORD} characters")
        row = AccountRow(
            name=name.strip(),
            roles=" ".join(sorted(found)),
            password_hash=None if password is None else self._hasher.hash(password),
            active=True,
            created_ms=self._db.now_ms(),
        )
        try:
            with self._db.session.begin() as session:
                session.add(row)
        except IntegrityError as error:
            raise InputError(f"there is an account {name!r} already") from error
        return _account(row)

    def check(self, name: str, password: str) -> Account | None:
        """Return the account if the password is right; takes as long where there is none."""
        with self._db.session() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.name == name))
        known = row.password_hash if row is not None and row.active else None
        try:
            self._hasher.verify(known or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return None
        return None if row is None or known is None else _account(row)

    def of_provider(self, issuer: str, subject: str, name: str, roles: frozenset[Role]) -> Account:
        """Find or make the account of somebody whom an OpenID provider knows; take over the roles.

        Raises
        ------
        InputError
            If the account is switched off, or its name belongs to another.
        """
        told = " ".join(sorted(roles))
        try:
            with self._db.session.begin() as session:
                row = session.scalar(
                    select(AccountRow).where(
                        AccountRow.oidc_issuer == issuer, AccountRow.oidc_subject == subject
                    )
                )
                if row is None:
                    row = AccountRow(
                        name=name[:100],
                        active=True,
                        created_ms=self._db.now_ms(),
                        oidc_issuer=issuer,
                        oidc_subject=subject,
                    )
                    session.add(row)
                row.roles = told
        except IntegrityError as error:
            raise InputError(f"the name {name!r} belongs to another account") from error
        if not row.active:
            raise InputError(f"the account {name!r} is switched off")
        return _account(row)

    def named(self, name: str) -> Account | None:
        """Return the account of that name."""
        with self._db.session() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.name == name))
        return None if row is None else _account(row)

    def all(self) -> list[Account]:
        """Return all accounts that are active, by name."""
        with self._db.session() as session:
            rows = session.scalars(
                select(AccountRow).where(AccountRow.active).order_by(AccountRow.name)
            )
            return [_account(row) for row in rows]

    def sign_in(self, account: Account) -> tuple[str, SignedIn]:
        """Begin a session; return its secret, which is kept nowhere, and the session."""
        token, now_ms = secrets.token_urlsafe(32), self._db.now_ms()
        signed = SignedIn(
            account, secrets.token_urlsafe(32), now_ms + round(self._session_s * 1000)
        )
        with self._db.session.begin() as session:
            session.execute(delete(SessionRow).where(SessionRow.expires_ms <= now_ms))
            session.add(
                SessionRow(
                    token_hash=_hash(token),
                    account_id=account.id,
                    csrf=signed.csrf,
                    created_ms=now_ms,
                    expires_ms=signed.expires_ms,
                )
            )
        return token, signed

    def signed_in(self, token: str) -> SignedIn | None:
        """Return the session of a secret; None where there is none, or it is over."""
        with self._db.session() as session:
            found = session.execute(
                select(SessionRow, AccountRow)
                .join(AccountRow, SessionRow.account_id == AccountRow.id)
                .where(SessionRow.token_hash == _hash(token), AccountRow.active)
            ).first()
        if found is None or found[0].expires_ms <= self._db.now_ms():
            return None
        return SignedIn(_account(found[1]), found[0].csrf, found[0].expires_ms)

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self._db.session.begin() as session:
            session.execute(delete(SessionRow).where(SessionRow.token_hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _account(row: AccountRow) -> Account:
    return Account(row.id, row.name, read_roles(row.roles.split()))
