"""A log in one process, with the semantics of Kafka: partitions, keys, offsets, groups.

What goes through it are the very bytes that would go through Kafka, so that
whatever works here works there.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.codec import decode
from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.frames import FrameError
from ingest.source import Batch, DeadLetter
from ingest.state_log import Committed


@dataclass(frozen=True, slots=True)
class Record:
    """One message of the log."""

    partition: int
    """Partition it stands in."""
    offset: int
    """Its place in the partition, from 0."""
    key: str
    """What it was written under."""
    value: bytes
    """The message."""
    time_ms: int = 0
    """When it was written, ms since 1970; 0 where nobody said."""


def unpack(record_value: bytes, topic: str, partition: int, offset: int, key: bytes = b"") -> Batch:
    """Decode one message of a log to frames, or to a dead letter that keeps its bytes.

    Examples
    --------
    >>> unpack(b"not a frame", "ecg.frames", 0, 17).dead[0].reason
    'not-protobuf'
    """
    try:
        return Batch(frames=decode(record_value))
    except FrameError as error:
        place = topic, partition, offset
        letter = DeadLetter(record_value, error.reason, str(error), *place, key)
        return Batch(dead=[letter])


class MemoryLog:
    """Partitions of messages, with the offsets that groups have committed; thread-safe.

    Parameters
    ----------
    n_partitions : int
        Number of partitions; a key always goes to the same one.
    retain : int or None
        Messages kept a partition, the oldest dropped first; None keeps all.
    topic : str
        Name that dead letters carry.

    Examples
    --------
    >>> log = MemoryLog(n_partitions=2)
    >>> log.append("bed-1", b"first"), log.append("bed-1", b"second")
    ((0, 0), (0, 1))
    """

    def __init__(
        self, n_partitions: int = 1, retain: int | None = None, topic: str = "memory"
    ) -> None:
        if n_partitions < 1:
            raise InputError(f"{n_partitions} partitions: at least 1")
        self.topic = topic
        self._partitions: list[deque[Record]] = [deque(maxlen=retain) for _ in range(n_partitions)]
        self._ends = [0] * n_partitions
        self._committed: dict[tuple[str, int], Committed] = {}
        self._closed = False
        self._grown = threading.Condition()

    @property
    def n_partitions(self) -> int:
        """Number of partitions."""
        return len(self._partitions)

    @property
    def end_offsets(self) -> list[int]:
        """For each partition the offset that the next message will have."""
        return list(self._ends)

    @property
    def closed(self) -> bool:
        """True when nothing more will be written."""
        return self._closed

    def append(self, key: str, value: bytes, time_ms: int = 0) -> tuple[int, int]:
        """Write one message, at a time in ms since 1970; return its partition and offset.

        Raises
        ------
        InputError
            If the log was closed.
        """
        partition = zlib.crc32(key.encode()) % self.n_partitions
        with self._grown:
            if self._closed:
                raise InputError("the log is closed")
            offset = self._ends[partition]
            self._partitions[partition].append(Record(partition, offset, key, value, time_ms))
            self._ends[partition] = offset + 1
            self._grown.notify_all()
        return partition, offset

    def close(self) -> None:
        """Say that nothing more will be written, so that sources come to their end."""
        with self._grown:
            self._closed = True
            self._grown.notify_all()

    def read(self, partition: int, offset: int, n_records: int) -> list[Record]:
        """Return at most ``n_records`` from ``offset`` on, or from the oldest that is left."""
        with self._grown:
            records = self._partitions[partition]
            first = self._ends[partition] - len(records)
            start = max(offset - first, 0)
            return [records[i] for i in range(start, min(start + n_records, len(records)))]

    def wait(self, positions: dict[int, int], timeout_s: float) -> bool:
        """Wait until a partition has grown behind its position, or the log is closed."""

        def ready() -> bool:
            return self._closed or any(self._ends[p] > at for p, at in positions.items())

        with self._grown:
            return self._grown.wait_for(ready, timeout_s)

    def oldest(self, partition: int) -> int:
        """Return the offset of the oldest message that is left."""
        return self._ends[partition] - len(self._partitions[partition])

    def committed(self, group: str, partition: int) -> Committed | None:
        """Return where a group goes on from; None before its first commit."""
        return self._committed.get((group, partition))

    def commit(self, group: str, places: Mapping[int, Committed]) -> None:
        """Set where a group goes on from, partition by partition."""
        with self._grown:
            for partition, place in places.items():
                self._committed[group, partition] = place


class LogSource:
    """Source over a :class:`MemoryLog`; keeps the resume rule of :class:`ingest.source.Source`.

    Parameters
    ----------
    log : MemoryLog
        What to read.
    group : str
        Whose committed offsets to go on from.
    partitions : sequence of int, optional
        Partitions to read; all where not given.
    max_records : int
        Most messages a poll and partition.
    """

    def __init__(
        self,
        log: MemoryLog,
        group: str = "vigil",
        partitions: Sequence[int] | None = None,
        max_records: int = 500,
    ) -> None:
        self._log = log
        self._group = group
        self._max_records = max_records
        wanted = range(log.n_partitions) if partitions is None else partitions
        found = {p: log.committed(group, p) for p in wanted}
        self._positions = {p: 0 if at is None else at.offset for p, at in found.items()}
        self._floors: dict[int, int] = {}
        self._notes: dict[int, str] = {}

    @property
    def assigned(self) -> list[int]:
        """Partitions that this source reads."""
        return sorted(self._positions)

    @property
    def positions(self) -> dict[int, int]:
        """For each partition the offset behind what was handed out."""
        return dict(self._positions)

    @property
    def lag_records(self) -> int:
        """Messages not yet handed out."""
        ends = self._log.end_offsets
        return sum(ends[p] - at for p, at in self._positions.items())

    def poll(self, timeout_s: float) -> Batch:
        """Return what is there, waiting at most ``timeout_s`` for the first frame."""
        self._log.wait(self._positions, timeout_s)
        ending = self._log.closed  # asked before reading: what came before it is then read
        frames = FrameColumns()
        partitions: list[int] = []
        offsets: list[int] = []
        times_ms: list[int] = []
        dead: list[DeadLetter] = []
        for partition, position in self._positions.items():
            records = self._log.read(partition, position, self._max_records)
            for record in records:
                batch = unpack(record.value, self._log.topic, partition, record.offset)
                frames.extend(batch.frames)
                n_frames = len(batch.frames)
                partitions += [partition] * n_frames
                offsets += [record.offset] * n_frames
                times_ms += [record.time_ms] * n_frames
                dead += batch.dead
            if records:
                self._positions[partition] = records[-1].offset + 1
        ended = ending and self.lag_records == 0
        return Batch(frames, dead, ended, partitions, offsets, times_ms)

    def seek(self, partition: int, offset: int) -> None:
        """Go on from ``offset``: the next poll hands out its message first."""
        self._positions[partition] = offset

    def committed(self, partition: int) -> Committed | None:
        """Return where the group goes on in a partition, None before any commit."""
        return self._log.committed(self._group, partition)

    def oldest(self, partition: int) -> int:
        """Return the offset of the oldest message that is left."""
        return self._log.oldest(partition)

    def offset_at(self, partition: int, time_ms: int) -> int:
        """Return the offset of the first message written at a time or later, ms since 1970."""
        end = self._log.end_offsets[partition]
        later = (
            record.offset
            for record in self._log.read(partition, 0, end)
            if record.time_ms >= time_ms
        )
        return next(later, end)

    def resume(self, partition: int, position: int, floor: int) -> None:
        """Go on at ``position``; commit nothing below ``floor``."""
        self._positions[partition], self._floors[partition] = position, floor

    def note(self, partition: int, text: str) -> None:
        """Commit a text beside the partition's offset from now on."""
        self._notes[partition] = text

    def commit(self) -> None:
        """Mark everything that was handed out as done."""
        self._log.commit(self._group, self.places_to_commit())

    def places_to_commit(self) -> dict[int, Committed]:
        """Return what :meth:`commit` commits."""
        return {
            partition: Committed(offset, self._notes.get(partition, ""))
            for partition, offset in self._positions.items()
            if offset >= self._floors.get(partition, 0)
        }

    def close(self) -> None:
        """Do nothing: a log in memory is left as it is."""


class LogSink:
    """Sink over a :class:`MemoryLog`: queued messages stand in the log after ``flush``."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._queued: list[tuple[str, bytes]] = []

    def write(self, key: str, value: bytes) -> None:
        """Queue one message under ``key``."""
        self._queued.append((key, value))

    def flush(self) -> None:
        """Write what was queued to the log, in order."""
        queued, self._queued = self._queued, []
        for key, value in queued:
            self._log.append(key, value)

    def close(self) -> None:
        """Flush; the log itself stays open for others."""
        self.flush()
