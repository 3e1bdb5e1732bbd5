"""Keys of the streams' content: one a stream, wrapped by a master secret, destroyed to erase.

They stand outside the archive, in a small SQLite file, each wrapped (AES-256-GCM) by a key
that comes from the master secret. Content that was sealed under a key can be read by nobody
once the key is destroyed, wherever copies of the archive lie; of copies of the key file that
can only be said of those that were made later.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ingest.errors import InputError

LEAST_SECRET_BYTES = 32
"""Shortest master secret."""
KEY_BYTES, NONCE_BYTES = 32, 12
BUSY_S = 30.0
"""How long another process may hold the file, s."""

_TABLE = """
CREATE TABLE IF NOT EXISTS stream_keys (
    stream_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    wrapped BLOB,
    made_s INTEGER NOT NULL,
    destroyed_s INTEGER,
    PRIMARY KEY (stream_id, generation)
) WITHOUT ROWID
"""


class StreamKeys:
    """The keys in one file; to be used by one thread at a time.

    Parameters
    ----------
    path : Path
        The file; made where there is none, readable by its owner alone.
    secret : bytes
        Master secret, at least 32 bytes.

    Raises
    ------
    InputError
        If the file cannot be used, the secret is too short, or it is not the file's.
    """

    def __init__(self, path: Path, secret: bytes) -> None:
        if len(secret) < LEAST_SECRET_BYTES:
            raise InputError(
                f"the master secret has {len(secret)} bytes: at least {LEAST_SECRET_BYTES}"
            )
        info = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"vigil archive stream keys 1")
        self._wrap = AESGCM(info.derive(secret))
        self._known: dict[tuple[str, int], bytes | None] = {}
        self._current: dict[str, int] = {}
        self._path = path
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._database = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            # What is overwritten must not stay on a free page.
            self._database.execute("PRAGMA secure_delete = ON")
            self._database.execute("PRAGMA journal_mode = TRUNCATE")
            self._database.execute("PRAGMA synchronous = EXTRA")
            self._database.execute(_TABLE)
            self._version = self._data_version()
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"the archive's keys {path} cannot be used: {error}") from error
        self._check_secret()

    def refresh(self) -> None:
        """Forget keys that another process may have destroyed since."""
        version = self._data_version()
        if version != self._version:
            self._version = version
            self._known.clear()
            self._current.clear()

    def current(self, stream_ids: set[str]) -> dict[str, int]:
        """Return the generation under which each stream is sealed now; keys are made, durably.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        new = sorted(stream_ids - self._current.keys())
        if new:
            self._make(new)
        return {stream_id: self._current[stream_id] for stream_id in stream_ids}

    def key(self, stream_id: str, generation: int) -> bytes | None:
        """Return a key; None if it was destroyed.

        Raises
        ------
        InputError
            If there never was one: the file is not that of this archive.
        """
        at = (stream_id, generation)
        if at not in self._known:
            row = self._database.execute(
                "SELECT wrapped FROM stream_keys WHERE stream_id = ? AND generation = ?", at
            ).fetchone()
            if row is None:
                raise InputError(
                    f"{self._path} has no key {generation} of a stream of the archive: "
                    "is it the archive's own?"
                )
            self._known[at] = None if row[0] is None else self._unwrap(stream_id, row[0])
        return self._known[at]

    def destroy(self, stream_id: str) -> int:
        """Destroy all keys of a stream; return how many there were.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        try:
            with self._database:
                done = self._database.execute(
                    "UPDATE stream_keys SET wrapped = NULL, destroyed_s = ? "
                    "WHERE stream_id = ? AND wrapped IS NOT NULL",
                    (int(time.time()), stream_id),
                )
            self._database.execute("VACUUM")
        except sqlite3.Error as error:
            raise OSError(f"{self._path} cannot be written: {error}") from error
        self._known.clear()
        self._current.clear()
        return done.rowcount

    def destroyed(self) -> dict[str, int]:
        """Return by stream when its last key was destroyed, s since 1970."""
        rows = self._database.execute(
            "SELECT stream_id, MAX(destroyed_s) FROM stream_keys "
            "WHERE wrapped IS NULL GROUP BY stream_id"
        )
        return {str(stream_id): int(at_s) for stream_id, at_s in rows}

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self, stream_ids: list[str]) -> None:
        """Make the keys that streams lack, in one transaction."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:
                for stream_id in stream_ids:
                    last, held = self._database.execute(
                        "SELECT MAX(generation), MAX(CASE WHEN wrapped IS NULL THEN 0 ELSE "
                        "generation END) FROM stream_keys WHERE stream_id = ?",
                        (stream_id,),
                    ).fetchone()
                    if held:
                        self._current[stream_id] = held
                        continue
                    generation = (last or 0) + 1
                    key = AESGCM.generate_key(8 * KEY_BYTES)
                    self._database.execute(
                        "INSERT INTO stream_keys VALUES (?, ?, ?, ?, NULL)",
                        (stream_id, generation, self._wrapped(stream_id, key), int(time.time())),
                    )
                    self._known[stream_id, generation] = key
                    self._current[stream_id] = generation
        except sqlite3.Error as error:
            self._current.clear()
            self._known.clear()
            raise OSError(f"{self._path} cannot be written: {error}") from error

    def _wrapped(self, stream_id: str, key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrap.encrypt(nonce, key, stream_id.encode())

    def _unwrap(self, stream_id: str, wrapped: bytes) -> bytes:
        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return self._wrap.decrypt(nonce, sealed, stream_id.encode())
        except InvalidTag:
            raise InputError(f"the master secret is not that of {self._path}") from None

    def _check_secret(self) -> None:
        """Refuse a secret that does not open the keys that are there."""
        try:
            row = self._database.execute(
                "SELECT stream_id, wrapped FROM stream_keys WHERE wrapped IS NOT NULL LIMIT 1"
            ).fetchone()
            if row is not None:
                self._unwrap(*row)
        except InputError:
            self._database.close()
            raise

    def _data_version(self) -> int:
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])
