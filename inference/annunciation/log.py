"""The append-only log of annunciation: what was given and when, one JSON object a line.

The first line tells the policy and limits; each further one a change or a
command that was taken in, or that a stream's time was carried on. Signals
follow from these, so :func:`replay` makes the same state of any prefix. A line
is written before what it says is done. Lines are numbered, so that a missing
one is noticed; a last line without its end (power lost while writing) is told,
and set aside before anything is appended.
"""

from __future__ import annotations

import dataclasses
import errno
import importlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from inference.alarm_json import canonical
from inference.annunciation.inputs import Archive, Change, Command
from inference.annunciation.machine import Annunciator
from inference.annunciation.policy import Policy
from inference.annunciation.wire import given_from_dict, given_to_dict
from inference.limits import Limits
from ingest.errors import InputError
from ingest.json_text import read_json

LOG_SCHEMA = "vigil.annunciation-log/1"
"""Name and version of the form."""


MOST_BYTES = 64 << 20
"""Size at which a log begins anew, bytes: by the states that it has led to."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a stream's annunciator: all before it can be forgotten."""

    state: Mapping[str, Any]
    """As :meth:`Annunciator.state` gives it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line behind the first."""

    at_ms: int
    """When, on the annunciators' clock, ms."""
    stream_id: str
    """Pseudonym of the stream."""
    given: Change | Command | Checkpoint | Archive
    """What was taken in."""
    unix_ns: int | None = None
    """When by the wall clock, ns since 1970, for people; nothing is computed from it."""


@dataclass(frozen=True, slots=True)
class ReadLog:
    """A log as it was read."""

    policy: Policy
    """Policy in force."""
    limits: Limits
    """Limits at the begin."""
    entries: tuple[Entry, ...]
    """Lines behind the first."""
    torn: bytes = b""
    """A last line without its end; empty where there is none."""
    n_good_bytes: int = 0
    """Length of the whole lines."""


class LogWriter:
    """Appends to a log; makes it where it is not there.

    Parameters
    ----------
    path : Path
        File.
    policy, limits : Policy, Limits
        In force; a log that is there must be of the same.
    sync : bool
        Wait after each line until it is on the disk; else :meth:`flush` does, for all
        lines since.
    most_bytes : int
        Size from which on :attr:`is_full`.

    Raises
    ------
    InputError
        If the file cannot be written, is no such log, is of another policy, or is
        being written by another process.
    """

    def __init__(
        self,
        path: Path,
        policy: Policy,
        limits: Limits,
        *,
        sync: bool = True,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.path, self._sync, self._most_bytes = path, sync, most_bytes
        self._head = _head(policy, limits)
        self.torn = b""
        self._n_lines = 0
        self._waiting = False
        try:
            self._file: BinaryIO = path.open("ab", buffering=0)
        except OSError as error:
            raise InputError(f"the log {path} cannot be written: {error.strerror}") from error
        try:
            _claim(self._file, path)
            if path.stat().st_size:
                self._continue(policy, limits)
            if self._n_lines == 0:
                self._write({"schema": LOG_SCHEMA, **_head(policy, limits)})
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, entry: Entry) -> None:
        """Write one line.

        Raises
        ------
        OSError
            If it cannot be written; what it says must not be done then.
        """
        keys: dict[str, Any] = {
            "at_ms": entry.at_ms,
            "stream_id": entry.stream_id,
            **_given_to_dict(entry.given),
        }
        if entry.unix_ns is not None:
            keys["unix_ns"] = entry.unix_ns
        self._write(keys)

    @property
    def is_full(self) -> bool:
        """True where it has grown so large that it should :meth:`begin_anew`."""
        return self._file.tell() >= self._most_bytes

    def begin_anew(self, beds: Mapping[str, Annunciator]) -> None:
        """Put a new log in this one's place that leads to the same states; keep this one as ``.1``.

        At every moment one of them stands under the log's name, whole.

        Raises
        ------
        OSError
            If it cannot be written; this log goes on then, and is full only when it has
            grown by as much again.
        """
        grown = self.path.with_name(self.path.name + ".new")
        former = self.path.with_name(self.path.name + ".1")
        lines = [{"schema": LOG_SCHEMA, **self._head}]
        lines += [
            {"at_ms": bed.now_ms, "stream_id": name, "checkpoint": _short(bed)}
            for name, bed in beds.items()
        ]
        text = b"".join(canonical({"n": n, **keys}) + b"\n" for n, keys in enumerate(lines))
        try:
            with grown.open("wb") as made:
                made.write(text)
                made.flush()
                os.fsync(made.fileno())
            anew: BinaryIO = grown.open("ab", buffering=0)
        except OSError:
            self._most_bytes *= 2
            grown.unlink(missing_ok=True)
            raise
        _claim(anew, self.path)
        former.unlink(missing_ok=True)
        os.link(self.path, former)
        grown.replace(self.path)
        self._file.close()
        self._file, self._n_lines, self._waiting = anew, len(lines), False
        self._file.seek(0, os.SEEK_END)

    def flush(self) -> None:
        """Wait until all lines are on the disk.

        Raises
        ------
        OSError
            If they cannot be brought there.
        """
        if self._waiting:
            os.fsync(self._file.fileno())
            self._waiting = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _continue(self, policy: Policy, limits: Limits) -> None:
        """Go on behind what is there; keep a torn end beside it."""
        found = read_log(self.path)
        if found.n_good_bytes and _head(found.policy, found.limits) != _head(policy, limits):
            raise InputError(f"the log {self.path} is of another policy or of other limits")
        if found.torn:
            self.torn = found.torn
            aside = self.path.with_name(self.path.name + ".torn")
            with aside.open("ab") as file:
                file.write(found.torn + b"\n")
            os.truncate(self.path, found.n_good_bytes)
        self._n_lines = len(found.entries) + (found.n_good_bytes > 0)

    def _write(self, keys: dict[str, Any]) -> None:
        line = canonical({"n": self._n_lines, **keys}) + b"\n"
        begin = self._file.seek(0, os.SEEK_END)
        if self._file.write(line) != len(line):
            self._file.truncate(begin)
            raise OSError(errno.ENOSPC, f"the log {self.path} is full")
        self._waiting = True
        if self._sync:
            self.flush()
        self._n_lines += 1


def read_log(path: Path) -> ReadLog:
    """Read a log.

    Raises
    ------
    InputError
        If it cannot be read, a line but the last is no line of a log, or one is missing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"the log {path} cannot be read: {error.strerror}") from error
    *lines, torn = content.split(b"\n")
    policy, limits = Policy(), Limits()
    entries: list[Entry] = []
    for i, keys in enumerate(_objects(path, lines)):
        try:
            if i == 0:
                policy, limits = _read_head(keys)
            else:
                entries.append(_read_entry(keys))
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}, line {i + 1}: {error}") from error
    n_good_bytes = len(content) - len(torn)
    return ReadLog(policy, limits, tuple(entries), torn, n_good_bytes)


def replay(log: ReadLog, until_ms: int | None = None) -> dict[str, Annunciator]:
    """Do all that a log tells once more.

    Parameters
    ----------
    log : ReadLog
        The log, or any prefix of its entries.
    until_ms : int, optional
        Time to carry all streams on to; by default each stands at its last entry.

    Returns
    -------
    dict of str to Annunciator
        By stream.

    Raises
    ------
    InputError
        If an entry is not possible where it stands, or lies behind ``until_ms``.
    """
    beds: dict[str, Annunciator] = {}
    for i, entry in enumerate(log.entries):
        if isinstance(entry.given, Checkpoint):
            beds[entry.stream_id] = Annunciator.of_state(
                entry.stream_id, log.policy, entry.given.state
            )
            continue
        if isinstance(entry.given, Archive):
            _archive(beds, entry.at_ms, entry.stream_id, entry.given, log.limits)
            continue
        bed = beds.get(entry.stream_id)
        if bed is None:
            bed = Annunciator(entry.stream_id, log.policy, log.limits, entry.at_ms)
            beds[entry.stream_id] = bed
        try:
            bed.advance(entry.at_ms)
            bed.take(entry.given)
        except InputError as error:
            raise InputError(f"entry {i + 1} of the log is not possible: {error}") from error
    if until_ms is not None:
        for bed in beds.values():
            bed.advance(until_ms)
    return beds


def _archive(
    beds: dict[str, Annunciator], at_ms: int, stream_id: str, given: Archive, limits: Limits
) -> None:
    """Close a bed as the desk did."""
    bed = beds.get(stream_id)
    if bed is not None:
        bed.advance(at_ms)
        bed.archive(given)
        if given.whole or (bed.is_idle and bed.limits == limits):
            del beds[stream_id]


def _claim(file: BinaryIO, path: Path) -> None:
    """Lock the file against other writers, where the system has locks; closing lets it go."""
    try:
        fcntl = importlib.import_module("fcntl")
    except ImportError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InputError(f"the log {path} is being written by another process") from error


def _head(policy: Policy, limits: Limits) -> dict[str, Any]:
    return {"policy": policy.to_dict(), "limits": dataclasses.asdict(limits)}


def _objects(path: Path, lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the objects of whole lines, and see that none is missing."""
    for i, line in enumerate(lines):
        try:
            keys = read_json(line, "a line of a log")
            number = keys.pop("n")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}, line {i + 1} is no line of a log: {line[:60]!r}") from error
        if number != i:
            raise InputError(f"{path}, line {i + 1}: number {number} stands where {i} should")
        yield keys


def _read_head(keys: dict[str, Any]) -> tuple[Policy, Limits]:
    if keys.get("schema") != LOG_SCHEMA:
        raise InputError(f"schema {keys.get('schema')!r}; known is {LOG_SCHEMA!r}")
    return Policy.from_dict(keys["policy"]), Limits.from_mapping(keys["limits"])


def _short(bed: Annunciator) -> dict[str, Any]:
    """Give a state without the conditions of which there is nothing to be told."""
    state, fresh = bed.state(), Annunciator(bed.stream_id, bed.policy, now_ms=bed.now_ms).state()
    conditions = state["conditions"].items()
    told = {name: line for name, line in conditions if line != fresh["conditions"][name]}
    return {**state, "conditions": told}


def _given_to_dict(given: Change | Command | Checkpoint | Archive) -> dict[str, Any]:
    if isinstance(given, Archive):
        return {"archive": given.because, "whole": given.whole}
    return {"checkpoint": given.state} if isinstance(given, Checkpoint) else given_to_dict(given)


def _read_entry(keys: dict[str, Any]) -> Entry:
    at_ms, stream_id = int(keys.pop("at_ms")), str(keys.pop("stream_id"))
    unix_ns = keys.pop("unix_ns", None)
    if "checkpoint" in keys:
        return Entry(at_ms, stream_id, Checkpoint(keys["checkpoint"]), unix_ns)
    if "archive" in keys:
        archive = Archive(str(keys["archive"]), bool(keys["whole"]))
        return Entry(at_ms, stream_id, archive, unix_ns)
    return Entry(at_ms, stream_id, given_from_dict(keys), unix_ns)
