"""Writes partitions of topics into an archive, each stretch once."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from ingest.archive.keys import StreamKeys
from ingest.archive.manifest import (
    ChainEnd,
    ChainMovedError,
    Commit,
    FileEntry,
    add_commit,
    chain_name,
    read_state,
)
from ingest.archive.place import Place
from ingest.archive.rows import Held, HeldFrames, HeldMessages, durations_ns, raw_bytes
from ingest.archive.schema import FRAMES, TABLES, bucket_of, to_parquet
from ingest.archive.sealing import seal
from ingest.errors import InputError

MARK, MARK_SCHEMA = "archive.json", "vigil.archive/1"
"""The file by which an archive is known, and its version."""
N_BUCKETS = 8
"""Buckets of a new archive, unless another number is asked for."""
MOST_BUCKETS = 256
DAY_MS = 86_400_000
N_THREADS = min(4, os.cpu_count() or 1)
"""Files that are packed at a time: Parquet is written without Python's lock."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One message as a log gives it."""

    offset: int
    """Its place in the partition."""
    heard_ms: int
    """When the log took it, by its own account, ms since 1970."""
    value: bytes
    """The message."""


@dataclass(slots=True)
class _Chain:
    """One partition while it is written."""

    table: str
    topic: str
    partition: int
    start: int
    """Offset that the next commit begins at."""
    heard_ms: int
    """When the log took the last message of the last commit."""
    stop: int = 0
    """Offset behind what is held."""
    last_ms: int = 0
    """When the log took the last message that is held."""
    held_bytes: int = 0
    unread: int = 0
    held: Held = field(init=False)
    """Rows that are held."""

    def __post_init__(self) -> None:
        kind = HeldFrames if self.table == FRAMES else HeldMessages
        self.held = kind(self.topic, self.partition)


@dataclass(slots=True)
class WriterCounts:
    """What was archived since the writer was made."""

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    """Rows, by table."""
    raw_bytes: int = 0
    """Bytes of samples and messages."""
    file_bytes: int = 0
    """Bytes of the files that they went into."""
    files: int = 0
    """Files."""
    commits: int = 0
    """Commits."""
    unread: int = 0
    """Messages of frames that could not be read."""


class ArchiveWriter:
    """Holds what it is given until :meth:`commit`, which makes it count, once.

    Parameters
    ----------
    url : str
        Where the archive is, or is to be; see :class:`ingest.archive.place.Place`.
    keys : StreamKeys, optional
        Keys under which content is sealed; none: it is not.
    n_buckets : int
        Buckets of streams where the archive is new.
    wall_ms : callable
        Clock, ms since 1970: messages that claim to be of the future are taken for now.

    Raises
    ------
    InputError
        If the place cannot be used, or is an archive of another version.

    Examples
    --------
    >>> writer = ArchiveWriter("memory://doctest-writer")
    >>> beat = LogMessage(0, 1000, b'{"stream_id":"bed-1","sample":7,"aami":"V"}')
    >>> writer.take("beats", "ecg.beats", 0), writer.add("ecg.beats", 0, [beat])
    (0, 1)
    >>> writer.commit("ecg.beats", 0), writer.take("beats", "ecg.beats", 0)
    (1, 1)
    """

    def __init__(
        self,
        url: str,
        keys: StreamKeys | None = None,
        n_buckets: int = N_BUCKETS,
        wall_ms: Callable[[], int] = lambda: int(datetime.now(UTC).timestamp() * 1000),
    ) -> None:
        if not 1 <= n_buckets <= MOST_BUCKETS:
            raise InputError(f"{n_buckets} buckets: 1 to {MOST_BUCKETS}")
        self.place, self._keys, self._wall_ms = Place(url), keys, wall_ms
        self._chains: dict[tuple[str, int], _Chain] = {}
        self.counts = WriterCounts()
        self.n_buckets = mark(self.place, n_buckets)

    def take(self, table: str, topic: str, partition: int) -> int:
        """Take a partition on; return the offset that the archive goes on from.

        What was held of it goes. A partition that the archive has nothing of begins at 0.

        Raises
        ------
        InputError
            If there is no such table, or the archive has the partition in another one.
        """
        return self.take_all(table, topic, [partition])[partition]

    def take_all(self, table: str, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Take partitions of a topic on, as :meth:`take`; the log is read once."""
        if table not in TABLES:
            raise InputError(f"no table {table!r}: there are {', '.join(TABLES)}")
        ends = read_state(self.place).ends
        for partition in partitions:
            end = ends.get(chain_name(topic, partition), ChainEnd(table, 0, 0))
            if end.table != table:
                raise InputError(f"the archive has topic {topic} as {end.table}, not as {table}")
            self._chains[topic, partition] = _Chain(
                table, topic, partition, end.stop, end.heard_ms, end.stop, end.heard_ms
            )
        return {each: self._chains[topic, each].start for each in partitions}

    def let_go(self, topic: str, partition: int) -> None:
        """Forget a partition, and what is held of it."""
        self._chains.pop((topic, partition), None)

    def add(self, topic: str, partition: int, messages: Sequence[LogMessage]) -> int:
        """Hold messages of a partition that was taken on, in the order of the log.

        Returns
        -------
        int
            Rows that they make.

        Raises
        ------
        InputError
            If they begin before what is held: the topic was made anew under its old name.
        """
        if not messages:
            return 0
        chain = self._chains[topic, partition]
        if messages[0].offset < chain.stop:
            raise InputError(
                f"topic {topic} gives message {partition}/{messages[0].offset}, the archive goes "
                f"on at {chain.stop}: a topic that was made anew needs another name or archive"
            )
        before, now_ms = len(chain.held), self._wall_ms()
        for message in messages:
            chain.last_ms = max(chain.last_ms, min(message.heard_ms, now_ms))
            n_bytes, read = chain.held.add(message.value, message.offset, chain.last_ms)
            chain.held_bytes += n_bytes
            chain.unread += not read
        chain.stop = messages[-1].offset + 1
        return len(chain.held) - before

    @property
    def held_bytes(self) -> int:
        """Bytes of samples and messages that are held."""
        return sum(chain.held_bytes for chain in self._chains.values())

    def commit(self, topic: str, partition: int) -> int:
        """Make what is held of a partition count; return the offset behind it.

        Raises
        ------
        ChainMovedError
            If another writer has archived messages of it meanwhile: :meth:`take` it again.
        OSError
            If the place fails; what is held stays, and this may be tried again.
        """
        chain = self._chains[topic, partition]
        if chain.stop == chain.start:
            return chain.stop
        files = self._write_files(chain)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        done = Commit(
            chain.table, topic, partition, chain.start, chain.stop, chain.last_ms, tuple(files),
            chain.unread, at,
        )  # fmt: skip
        add_commit(self.place, done)
        self._count(done)
        self._chains[topic, partition] = _Chain(
            chain.table, topic, partition, chain.stop, chain.last_ms, chain.stop, chain.last_ms
        )
        return done.stop

    def _write_files(self, chain: _Chain) -> list[FileEntry]:
        """Write what is held, a file for each day and bucket."""
        if self._keys is not None:
            self._keys.refresh()
        held, ids = chain.held, chain.held.stream_ids
        buckets = {stream_id: bucket_of(stream_id, self.n_buckets) for stream_id in set(ids)}
        parts: dict[tuple[int, int], list[int]] = {}
        for i, heard_ms in enumerate(held.heard_ms):
            parts.setdefault((heard_ms // DAY_MS, buckets[ids[i]]), []).append(i)
        stem = f"{chain.topic}-{chain.partition}-{chain.start:020d}"

        def write(part: tuple[int, int]) -> FileEntry:
            rows = held.rows(sorted(parts[part], key=ids.__getitem__))
            return write_file(self.place, chain.table, part, rows, stem, self._keys)

        if self._keys is not None:  # they are used by one thread at a time
            return [write(part) for part in sorted(parts)]
        with ThreadPoolExecutor(N_THREADS) as pool:
            return list(pool.map(write, sorted(parts)))

    def _count(self, done: Commit) -> None:
        counts = self.counts
        for entry in done.files:
            counts.rows[entry.table] += entry.rows
            counts.raw_bytes += entry.raw_bytes
            counts.file_bytes += entry.bytes
        counts.files += len(done.files)
        counts.unread += done.unread
        counts.commits += 1


def write_file(
    place: Place,
    table: str,
    partition: tuple[int, int],
    rows: Any,
    stem: str,
    keys: StreamKeys | None,
) -> FileEntry:
    """Write rows of one day and bucket as one file, which nothing names yet.

    Parameters
    ----------
    place : Place
        The archive.
    table : str
        Table.
    partition : tuple of (int, int)
        Day, days since 1970, and bucket.
    rows : pyarrow.Table
        Rows in the order of :data:`ingest.archive.schema.ORDER`; not empty.
    stem : str
        What its name begins with.
    keys : StreamKeys or None
        Keys to seal content with; rows that are sealed stay as they are.
    """
    day = datetime.fromtimestamp(partition[0] * 86_400, UTC).strftime("%Y-%m-%d")
    plain_bytes = raw_bytes(rows)
    starts = rows["time_ns"].to_numpy()
    lengths = durations_ns(rows)
    heard = pc.min_max(rows["heard_ms"]).as_py()
    if keys is not None:
        rows = seal(rows, keys)
    content = to_parquet(table, rows, plain_bytes or _sealed_bytes(rows))
    name = f"{stem}-{secrets.token_hex(4)}.parquet"
    path = f"{table}/day={day}/bucket={partition[1]:02d}/{name}"
    place.put(path, memoryview(content))
    return FileEntry(
        path, table, day, partition[1], rows.num_rows, len(content),
        hashlib.blake2b(content, digest_size=16).hexdigest(),
        (heard["min"], heard["max"]),
        (int(starts.min()), int((starts + lengths).max())),
        int(lengths.max()),
        plain_bytes,
        rows["sealed"].null_count < rows.num_rows,
    )  # fmt: skip


def mark(place: Place, n_buckets: int) -> int:
    """Make a place an archive, if it is none; return its number of buckets.

    Raises
    ------
    InputError
        If it is an archive of another version, or cannot be used.
    """
    try:
        content = {"schema": MARK_SCHEMA, "buckets": n_buckets}
        place.put_new(MARK, json.dumps(content).encode())
        return read_mark(place)
    except OSError as error:
        raise InputError(f"{place.url} cannot be an archive: {error}") from error


def read_mark(place: Place) -> int:
    """Return the number of buckets of an archive.

    Raises
    ------
    InputError
        If it is none, or of another version.
    """
    try:
        told = json.loads(place.get(MARK))
        schema, n_buckets = told["schema"], int(told["buckets"])
    except FileNotFoundError:
        raise InputError(f"{place.url} is no archive: it has no {MARK}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{place.url}: its {MARK} cannot be read: {error}") from error
    except OSError as error:
        raise InputError(f"{place.url} cannot be read: {error}") from error
    if schema != MARK_SCHEMA:
        raise InputError(f"{place.url} is {schema!r}: only {MARK_SCHEMA!r} is read")
    return n_buckets


def _sealed_bytes(rows: Any) -> int:
    return int(pc.sum(pc.binary_length(rows["sealed"])).as_py() or 0)


__all__ = ["ArchiveWriter", "ChainMovedError", "LogMessage", "WriterCounts"]
