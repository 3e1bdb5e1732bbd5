"""The outbox's SQLite file: its schema, how it is opened, and what is done where it is damaged."""

from __future__ import annotations

import logging
import sqlite3
import time
from enum import Enum
from pathlib import Path

from ingest.errors import InputError

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
"""Version of the tables, in ``user_version``."""

SCHEMA = """
CREATE TABLE streams (
    number INTEGER PRIMARY KEY,
    stream_id TEXT NOT NULL,
    session TEXT NOT NULL,
    fs REAL NOT NULL,
    end_sample INTEGER NOT NULL,
    sent_sample INTEGER NOT NULL DEFAULT -1,
    epoch INTEGER NOT NULL DEFAULT 0,
    heard_ms INTEGER NOT NULL,
    recent TEXT NOT NULL,
    UNIQUE (stream_id, session)
);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    first_sample INTEGER NOT NULL,
    end_sample INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    value BLOB NOT NULL
);
CREATE TABLE totals (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO totals VALUES
    ('frames', 0), ('notes', 0), ('dropped_frames', 0), ('dropped_notes', 0);
"""

PAGE_BYTES = 8192
"""Bytes of a page: a frame of a second of one or two leads fits in one."""

WAL_PAGES = 1000
"""Pages after which the write-ahead log is put into the file and begun anew: 8 MB of it."""

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""Codes of SQLite for a file that is no database, or no whole one."""


class Sync(Enum):
    """What a commit waits for."""

    FULL = "full"
    """The disk (fsync): what was acknowledged outlives a loss of power."""
    NORMAL = "normal"
    """The operating system: what was acknowledged outlives the process, but a loss of power may
    take the frames since the last checkpoint; the file stays whole."""


class StoreError(RuntimeError):
    """The disk took nothing: it is full, gone, or fails. Nothing of the call counts."""


def open_database(
    path: Path, sync: Sync, wait_s: float = 5.0
) -> tuple[sqlite3.Connection, Path | None]:
    """Open the outbox, or make it.

    Parameters
    ----------
    path : Path
        The file; its folder must be there. SQLite keeps ``-wal`` and ``-shm`` beside it.
    sync : Sync
        What a commit waits for.
    wait_s : float
        How long another process may have it, s.

    Returns
    -------
    connection : sqlite3.Connection
        In write-ahead mode, to be used under a lock.
    set_aside : Path or None
        Where a damaged file was moved to; a new one was begun then.

    Raises
    ------
    InputError
        If the file cannot be used, or another version of Vigil made it, or another process
        has it open.
    """
    try:
        return _open(path, sync, wait_s), None
    except OSError as error:
        raise InputError(f"the store {path} cannot be made: {error.strerror}") from error
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGED:
            raise InputError(f"the store {path} cannot be opened: {error}") from error
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        logger.critical("the store %s is damaged (%s): set aside as %s", path, error, aside)
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        return _open(path, sync, wait_s), aside


def used_bytes(db: sqlite3.Connection) -> int:
    """Return the bytes of the file that hold something: its free pages are used again."""
    pages, free = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count")
    )
    return (pages - free) * PAGE_BYTES


def _open(path: Path, sync: Sync, wait_s: float) -> sqlite3.Connection:
    path.touch(mode=0o600)  # what patients' hearts did is nobody else's; -wal takes on the mode
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=wait_s
    )
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        # One process a store: two gateways on one file would send everything twice.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {sync.value.upper()}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise InputError(f"the store {path} is of version {version}, not {SCHEMA_VERSION}")
        if version == 0:
            connection.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        # Takes the lock now, and reads a first page of every table.
        for table in ("streams", "outbox", "notes", "totals"):
            connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()  # noqa: S608  # fixed names
    except BaseException:
        connection.close()
        raise
    return connection
