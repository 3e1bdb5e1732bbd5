"""The audit log: who did what and when, one JSON object a line, each bound to the one before.

Every line holds the hash of the line before it and its own, so that a line that
was changed, taken out, put in or moved is seen, and so is everything behind it.
With a key the hashes are HMACs, and whoever has no key cannot make a chain anew.
A chain does not show that its last lines were cut off, nor without a key that all
of it was written anew: for that a checkpoint (:mod:`deploy.security.checkpoints`)
is kept elsewhere.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from inference.alarm_json import canonical
from ingest.errors import InputError
from ingest.json_text import read_json

LOG_SCHEMA = "vigil.audit-log/1"
"""Name and version of the form."""
MOST_LINE_BYTES = 8192
"""Longest line."""
MOST_WHO_CHARS = 200
"""Longest name of a person or program."""
LEAST_KEY_BYTES = 32
"""Shortest key."""
BEGIN = "0" * 64
"""What stands for the hash before the first line."""

_WHAT = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line."""

    n: int
    """Number of the line, from 0; the first one tells of the log itself."""
    at: str
    """When, UTC, as ISO 8601 with microseconds."""
    who: str
    """Role, account or program; never a patient."""
    what: str
    """What was done, words with dots, such as ``command.acknowledge``."""
    details: Mapping[str, Any]
    """What else there is to say: JSON values by name; no name, birth date or signal."""
    previous: str
    """Hash of the line before, hex."""
    hash: str
    """Hash of this line without this key, hex."""


class TamperedError(InputError):
    """A line is not as it was written, or not where it was."""


class AuditLog:
    """Appends to an audit log; makes it where it is not there. Safe from several threads.

    Parameters
    ----------
    path : Path
        File; one process writes it at a time.
    key : bytes, optional
        Makes the hashes HMACs; 32 bytes or more. A log that is there must have been begun so.
    sync : bool
        Wait after each line until it is on the disk.
    now_s : callable
        Wall clock, s since 1970.

    Raises
    ------
    InputError
        If the file cannot be written, is no audit log, has another key, or is being written by
        another process.
    TamperedError
        If what is there was changed: nothing may be added to it then.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, AuditLog(Path(folder) / "a.jsonl") as log:
    ...     entry = log.append("nurse 7", "command.acknowledge", {"stream_id": "p1"})
    ...     entry.n, verify(log.path).n_lines
    (1, 2)
    """

    def __init__(
        self,
        path: Path,
        *,
        key: bytes | None = None,
        sync: bool = True,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.path, self._key, self._sync, self._now_s = path, check_key(key), sync, now_s
        self._lock = threading.Lock()
        self.torn = b""
        try:
            self._file: BinaryIO = path.open("ab", buffering=0)
        except OSError as error:
            raise InputError(f"audit log {path} cannot be written: {error.strerror}") from error
        try:
            _claim(self._file, path)
            found = verify(path, key)
            self.torn = found.torn
            if found.torn:
                _set_aside(path, found)
            self._n, self._last = found.n_lines, found.last_hash
            if self._n == 0:
                head = {"schema": LOG_SCHEMA, "id": secrets.token_hex(8), "hash": _name_of(key)}
                self.append("vigil", "log.begin", head)
        except BaseException:
            self._file.close()
            raise

    @property
    def head(self) -> tuple[int, str]:
        """Number of lines, and the hash of the last."""
        with self._lock:
            return self._n, self._last

    def append(self, who: str, what: str, details: Mapping[str, Any] | None = None) -> AuditEntry:
        """Write one line; when this returns it is on the disk (with ``sync``).

        Raises
        ------
        InputError
            If ``who`` is empty or too long, ``what`` is malformed, or the line would be too long.
        OSError
            If it cannot be written; what it says must not be done then.
        """
        if not 0 < len(who.strip()) <= MOST_WHO_CHARS:
            raise InputError(f"audit log: who must be 1 to {MOST_WHO_CHARS} characters")
        if not _WHAT.fullmatch(what) or len(what) > MOST_WHO_CHARS:
            raise InputError(f"audit log: {what[:80]!r} must be lower-case words with dots")
        with self._lock:
            keys: dict[str, Any] = {
                "n": self._n,
                "at": datetime.fromtimestamp(self._now_s(), UTC).isoformat(timespec="microseconds"),
                "who": who,
                "what": what,
                "details": dict(details or {}),
                "previous": self._last,
            }
            entry = AuditEntry(**keys, hash=_hash(keys, self._key))
            self._write(_line(entry))
            self._n, self._last = self._n + 1, entry.hash
        return entry

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, line: bytes) -> None:
        """Write a whole line or nothing."""
        begin = self._file.seek(0, os.SEEK_END)
        if self._file.write(line) != len(line):
            self._file.truncate(begin)
            raise OSError(errno.ENOSPC, f"audit log {self.path} is full")
        if self._sync:
            os.fsync(self._file.fileno())


@dataclass(frozen=True, slots=True)
class Verified:
    """What a log that is whole holds."""

    n_lines: int
    """Lines, with the first that tells of the log itself."""
    last_hash: str
    """Hash of the last line."""
    log_id: str
    """Name that the log was given at its begin; empty where there is no line."""
    n_good_bytes: int
    """Length of the whole lines."""
    torn: bytes = b""
    """A last line without its end: power was lost while it was written."""
    hashes: tuple[str, ...] = ()
    """Hash of every line, where they were asked for."""


def verify(path: Path, key: bytes | None = None, *, keep_hashes: bool = False) -> Verified:
    """Read a log from its begin and see that every line is as it was written.

    Raises
    ------
    InputError
        If it cannot be read, is no audit log, or the key is missing or not of its kind.
    TamperedError
        Naming the first line that does not fit.
    """
    n, last, log_id, n_good, torn = 0, BEGIN, "", 0, b""
    hashes: list[str] = []
    for line in _lines(path):
        if not line.endswith(b"\n"):
            torn = line
            break
        entry = _read(path, n, line)
        if n == 0:
            log_id = _check_head(path, entry, key)
        if entry.n != n or entry.previous != last:
            raise TamperedError(f"audit log {path}, line {n + 1}: does not follow the line before")
        keys = {name: value for name, value in asdict(entry).items() if name != "hash"}
        if not hmac.compare_digest(_hash(keys, key), entry.hash) or line != _line(entry):
            raise TamperedError(
                f"audit log {path}, line {n + 1}: its hash does not fit: it was changed"
                + (", or the key is another" if key else "")
            )
        n, last, n_good = n + 1, entry.hash, n_good + len(line)
        if keep_hashes:
            hashes.append(entry.hash)
    return Verified(n, last, log_id, n_good, torn, tuple(hashes))


def read(path: Path, key: bytes | None = None) -> Iterator[AuditEntry]:
    """Yield the entries of a log that :func:`verify` finds whole.

    Raises
    ------
    InputError
        As :func:`verify` does.
    """
    found = verify(path, key)
    for n, line in enumerate(_lines(path)):
        if n < found.n_lines:
            yield _read(path, n, line)


def check_key(key: bytes | None) -> bytes | None:
    """Refuse a key that is too short.

    Raises
    ------
    InputError
        Saying how long it must be.
    """
    if key is not None and len(key) < LEAST_KEY_BYTES:
        raise InputError(f"audit log: a key has {LEAST_KEY_BYTES} bytes or more, not {len(key)}")
    return key


def _lines(path: Path) -> Iterator[bytes]:
    """Yield lines with their ends, none longer than allowed in memory."""
    try:
        with path.open("rb") as file:
            while line := file.readline(MOST_LINE_BYTES + 1):
                if len(line) > MOST_LINE_BYTES:
                    raise TamperedError(
                        f"audit log {path}: a line of more than {MOST_LINE_BYTES} bytes"
                    )
                yield line
    except OSError as error:
        raise InputError(f"audit log {path} cannot be read: {error.strerror}") from error


def _read(path: Path, n: int, line: bytes) -> AuditEntry:
    """Read one line, checking its form only."""
    try:
        keys: dict[str, Any] = read_json(line, "a line", MOST_LINE_BYTES)
        entry = AuditEntry(**keys)
    except (ValueError, TypeError) as error:
        raise _no_line(path, n) from error
    shapes = {"n": int, "at": str, "who": str, "what": str, "details": dict}
    hashes = (keys["previous"], keys["hash"])
    if not all(isinstance(keys[name], kind) for name, kind in shapes.items()) or not all(
        isinstance(digest, str) and _HASH.fullmatch(digest) for digest in hashes
    ):
        raise _no_line(path, n)
    return entry


def _no_line(path: Path, n: int) -> TamperedError:
    return TamperedError(f"audit log {path}, line {n + 1} is no line of an audit log")


def _check_head(path: Path, entry: AuditEntry, key: bytes | None) -> str:
    """See that a log's first line is one, and that it was begun with a key or without, as asked."""
    if entry.what != "log.begin" or entry.details.get("schema") != LOG_SCHEMA:
        raise InputError(f"{path} is no audit log: its first line does not say {LOG_SCHEMA!r}")
    if entry.details.get("hash") != _name_of(key):
        needs = "needs its key" if key is None else "was begun without a key"
        raise InputError(f"audit log {path} {needs}: it says {entry.details.get('hash')!r}")
    return str(entry.details.get("id", ""))


def _hash(keys: Mapping[str, Any], key: bytes | None) -> str:
    """Return the hash of a line's content; raise what says that it is no JSON."""
    try:
        content = canonical(keys)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"audit log: what is to be said is no JSON: {error}") from error
    if key is None:
        return hashlib.sha256(content).hexdigest()
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _line(entry: AuditEntry) -> bytes:
    line = canonical(asdict(entry)) + b"\n"
    if len(line) > MOST_LINE_BYTES:
        raise InputError(f"audit log: a line of {len(line)} bytes: {MOST_LINE_BYTES} fit")
    return line


def _name_of(key: bytes | None) -> str:
    return "sha256" if key is None else "hmac-sha256"


def _claim(file: BinaryIO, path: Path) -> None:
    """Lock the file against other writers; closing lets it go."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InputError(f"audit log {path} is being written by another process") from error


def _set_aside(path: Path, found: Verified) -> None:
    """Keep a torn end beside the log and take it out."""
    with path.with_name(path.name + ".torn").open("ab") as file:
        file.write(found.torn + b"\n")
    os.truncate(path, found.n_good_bytes)
