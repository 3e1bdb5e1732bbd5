"""What is in an archive: files count when the log of the archive names them, not before.

For every partition of a topic the log has a chain of commits, each a JSON file named by the
offset that it begins at: it names the Parquet files that hold the messages of
``[start, stop)``, and the next one begins at ``stop``. What is not on the chain is not in
the archive, so a writer that dies between a Parquet file and its commit leaves nothing that
anybody reads, and of two writers of one partition only one can go on. A chain begins at 0.

Maintenance (compaction, retention, erasure) writes snapshots: all files that are live, and
how far into each chain. The state of an archive is its newest snapshot and what the chains
have behind it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.archive.place import Place
from ingest.errors import InputError

COMMIT_SCHEMA = "vigil.archive-commit/1"
SNAPSHOT_SCHEMA = "vigil.archive-snapshot/1"
CHAINS, SNAPSHOTS = "_log/chains", "_log/snapshots"
"""Folders of the log."""


class ChainMovedError(RuntimeError):
    """Another writer committed this stretch of the partition: what is held of it must go."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One Parquet file, and what lets readers pass it by."""

    path: str
    """Its path below the archive's folder."""
    table: str
    """Table that it is of, such as ``"frames"``."""
    day: str
    """Day (UTC) on which the log took its messages, ``YYYY-MM-DD``."""
    bucket: int
    """Bucket of its streams."""
    rows: int
    """Number of rows."""
    bytes: int
    """Its size."""
    digest: str
    """BLAKE2b of its bytes, 16 bytes, hex."""
    heard_ms: tuple[int, int]
    """When the log took the first and last of its messages, ms since 1970."""
    time_ns: tuple[int, int]
    """UTC times that its rows are of, from the first's begin to the last's end, ns since 1970."""
    longest_ns: int
    """Longest row, ns."""
    raw_bytes: int
    """Bytes of samples (two each) or of messages that it holds."""
    sealed: bool
    """Whether its content is encrypted by stream."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A stretch of one partition's messages that the archive has."""

    table: str
    """Table that it is of."""
    topic: str
    """Topic."""
    partition: int
    """Partition."""
    start: int
    """Offset that it begins at."""
    stop: int
    """Offset behind it."""
    heard_ms: int
    """When the log took the last message, ms since 1970: later ones are not told earlier."""
    files: tuple[FileEntry, ...]
    """Files that hold its rows."""
    unread: int = 0
    """Messages that could not be read; they stand among the dead letters."""
    at: str = ""
    """When it was made, UTC."""

    @property
    def chain(self) -> str:
        """Name of its chain."""
        return chain_name(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where a chain goes on."""

    table: str
    """Table that it is of."""
    stop: int
    """Offset of the next message."""
    heard_ms: int
    """When the log took the last one, ms since 1970."""


@dataclass(frozen=True, slots=True)
class State:
    """All that an archive holds."""

    number: int = 0
    """Number of the newest snapshot, 0 before any."""
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    """Live files by path."""
    ends: Mapping[str, ChainEnd] = field(default_factory=dict)
    """Ends of the chains, by name."""
    dropped: Mapping[str, float] = field(default_factory=dict)
    """Files that maintenance has taken out, and when, s since 1970; removed some time later."""
    at_s: float = 0.0
    """When the newest snapshot was made, s since 1970."""
    settled: Mapping[str, int] = field(default_factory=dict)
    """For each chain the offset up to which the newest snapshot has it."""

    def of(self, table: str) -> list[FileEntry]:
        """Return the live files of a table, the first heard first."""
        found = (entry for entry in self.files.values() if entry.table == table)
        return sorted(found, key=lambda entry: (entry.heard_ms, entry.path))


def chain_name(topic: str, partition: int) -> str:
    """Return the name of a partition's chain.

    Examples
    --------
    >>> chain_name("ecg.frames", 3)
    'ecg.frames-3'
    """
    return f"{topic}-{partition}"


def read_state(place: Place) -> State:
    """Read what an archive holds now.

    Raises
    ------
    InputError
        If its log is not one.
    OSError
        If it cannot be read.
    """
    state = _newest_snapshot(place)
    files, ends = dict(state.files), dict(state.ends)
    for chain in place.names(CHAINS):
        commits = place.names(f"{CHAINS}/{chain}")
        known = set(commits)
        end = ends.get(chain)
        name = _commit_name(0 if end is None else end.stop)
        while name in known:
            commit = read_commit(place.get(f"{CHAINS}/{chain}/{name}"))
            if commit.stop <= commit.start:
                raise InputError(f"{chain}/{name}: a commit from {commit.start} to {commit.stop}")
            files |= {entry.path: entry for entry in commit.files}
            ends[chain] = ChainEnd(commit.table, commit.stop, commit.heard_ms)
            name = _commit_name(commit.stop)
    return dataclasses.replace(state, files=files, ends=ends)


def add_commit(place: Place, commit: Commit) -> None:
    """Make a stretch count.

    Raises
    ------
    ChainMovedError
        If the chain has gone on from there already.
    OSError
        If it cannot be written.
    """
    content = {"schema": COMMIT_SCHEMA, **dataclasses.asdict(commit)}
    name = f"{CHAINS}/{commit.chain}/{_commit_name(commit.start)}"
    if not place.put_new(name, _json(content)):
        raise ChainMovedError(f"{commit.chain} from {commit.start} was archived by another")


def add_snapshot(place: Place, state: State) -> bool:
    """Write a snapshot; False where other maintenance came first."""
    content = {
        "schema": SNAPSHOT_SCHEMA,
        "number": state.number,
        "at_s": state.at_s,
        "ends": {chain: dataclasses.asdict(end) for chain, end in state.ends.items()},
        "dropped": dict(state.dropped),
        "files": [dataclasses.asdict(entry) for entry in state.files.values()],
    }
    return place.put_new(f"{SNAPSHOTS}/{_snapshot_name(state.number)}", _json(content))


def read_commit(content: bytes) -> Commit:
    """Read one commit.

    Raises
    ------
    InputError
        If it is none.
    """
    told = _read(content, COMMIT_SCHEMA, "a commit")
    try:
        files = tuple(_entry(each) for each in told.pop("files"))
        return Commit(files=files, **told)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"not a commit of an archive: {error}") from error


def spent(place: Place, state: State) -> list[str]:
    """Return commits and snapshots that the newest snapshot has in it."""
    names = place.names(SNAPSHOTS)
    old = [f"{SNAPSHOTS}/{name}" for name in names if name < _snapshot_name(state.number)]
    for chain, stop in state.settled.items():
        names = place.names(f"{CHAINS}/{chain}")
        old += [f"{CHAINS}/{chain}/{name}" for name in names if name < _commit_name(stop)]
    return old


def _newest_snapshot(place: Place) -> State:
    names = place.names(SNAPSHOTS)
    if not names:
        return State()
    told = _read(place.get(f"{SNAPSHOTS}/{names[-1]}"), SNAPSHOT_SCHEMA, "a snapshot")
    try:
        entries = [_entry(each) for each in told["files"]]
        ends = {chain: ChainEnd(**end) for chain, end in told["ends"].items()}
        return State(
            told["number"],
            {entry.path: entry for entry in entries},
            ends,
            told["dropped"],
            told["at_s"],
            {chain: end.stop for chain, end in ends.items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"not a snapshot of an archive: {error}") from error


def _entry(told: Mapping[str, Any]) -> FileEntry:
    pairs = {name: _pair(told[name]) for name in ("heard_ms", "time_ns")}
    return FileEntry(**{**told, **pairs})


def _pair(told: Iterable[Any]) -> tuple[int, int]:
    first, last = told
    return int(first), int(last)


def _read(content: bytes, schema: str, what: str) -> dict[str, Any]:
    try:
        told = json.loads(content)
        found = told.pop("schema")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(f"not {what} of an archive: {error}") from error
    if found != schema:
        raise InputError(f"{what} of an archive is {found!r}: only {schema!r} is read")
    result: dict[str, Any] = told
    return result


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _commit_name(start: int) -> str:
    return f"{start:020d}.json"


def _snapshot_name(number: int) -> str:
    return f"{number:012d}.json"
