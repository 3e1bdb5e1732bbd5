"""The database: opened by its address, brought to the newest form, or to another one."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from ingest.errors import InputError

MIGRATIONS = Path(__file__).parents[1] / "migrations"
"""Folder of the steps from one form to the next."""


def wall_ms() -> int:
    """UTC now, ms since 1970."""
    return time.time_ns() // 1_000_000


class Database:
    """A database of the console.

    Parameters
    ----------
    address : str
        ``sqlite:///FILE`` or ``postgresql+psycopg://USER@HOST:PORT/NAME``; a bare path is a file
        of SQLite, ``postgresql://`` is taken as the above.
    now_ms : callable
        UTC, ms since 1970.

    Raises
    ------
    InputError
        If the address is malformed.
    """

    def __init__(self, address: str, now_ms: Callable[[], int] = wall_ms) -> None:
        if "://" not in address:
            address = f"sqlite:///{address}"
        try:
            url = make_url(address)
        except ArgumentError as error:
            raise InputError(f"database address {address!r} is malformed: {error}") from error
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError(f"database {url.drivername!r} is unknown; known: sqlite, postgresql")
        self.now_ms = now_ms
        self.engine: Engine = create_engine(url, pool_pre_ping=True)
        if url.get_backend_name() == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
        self.session: sessionmaker[Session] = sessionmaker(self.engine, expire_on_commit=False)

    def migrate(self, to: str = "head") -> None:
        """Bring it to a form: ``head`` is the newest, ``base`` an empty database.

        Raises
        ------
        InputError
            If it cannot be reached or changed.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        try:
            with self.engine.begin() as connection:
                config.attributes["connection"] = connection
                current = _form(connection)
                down = to == "base" or (current is not None and to != "head" and to < current)
                (command.downgrade if down else command.upgrade)(config, to)
        except SQLAlchemyError as error:
            where = self.engine.url.render_as_string(hide_password=True)
            raise InputError(f"database {where}: {str(error).splitlines()[0]}") from error

    def form(self) -> str | None:
        """Name of the form it has; None where it is empty."""
        with self.engine.connect() as connection:
            return _form(connection)

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()


def _form(connection: Any) -> str | None:
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    """Let readers and a writer work at once, and foreign keys hold."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()
