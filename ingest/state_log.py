"""What a worker needs to go on where another stopped: a log of states, and places in the log.

Kafka gives both (:mod:`ingest.kafka_states`, :class:`ingest.kafka.KafkaSource`); those
of memory serve one process and tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ingest.source import Source


@dataclass(frozen=True, slots=True)
class Committed:
    """Where a group goes on in a partition."""

    offset: int
    """Offset of the first message that is not settled."""
    note: str = ""
    """What was noted beside it, in the same step."""


class StateLog(Protocol):
    """Keeps the newest value of every key, by partition of the frames' log."""

    def load(self, partition: int) -> Mapping[str, Sequence[bytes]]:
        """Return by key its values, the newest first: as many as are still there, two at most."""
        ...

    def write(self, partition: int, key: str, value: bytes | None) -> None:
        """Queue a value, or with None the end of a key; durable with the alarms, or not at all."""
        ...


class Resumable(Source, Protocol):
    """A source of a log that can go back."""

    @property
    def positions(self) -> Mapping[int, int]:
        """For each partition the offset behind what was handed out."""
        ...

    def committed(self, partition: int) -> Committed | None:
        """Return where the group goes on in a partition, None before any commit."""
        ...

    def oldest(self, partition: int) -> int:
        """Return the offset of the oldest message that is left."""
        ...

    def offset_at(self, partition: int, time_ms: int) -> int:
        """Return the offset of the first message written at a time or later, ms since 1970."""
        ...

    def resume(self, partition: int, position: int, floor: int) -> None:
        """Go on at ``position``; commit nothing below ``floor``."""
        ...

    def note(self, partition: int, text: str) -> None:
        """Commit a text beside the partition's offset from now on."""
        ...


@dataclass(slots=True)
class MemoryStates:
    """States in one process: what was written counts once :meth:`settle` is called."""

    settled: dict[int, dict[str, list[bytes]]] = field(default_factory=dict)
    """By partition and key the values, newest first."""
    queued: list[tuple[int, str, bytes | None]] = field(default_factory=list)
    """What does not count yet."""

    def load(self, partition: int) -> Mapping[str, Sequence[bytes]]:
        """Return by key its values, the newest first, two at most."""
        return {key: list(values) for key, values in self.settled.get(partition, {}).items()}

    def write(self, partition: int, key: str, value: bytes | None) -> None:
        """Queue a value, or the end of a key."""
        self.queued.append((partition, key, value))

    def settle(self) -> None:
        """Let all that is queued count."""
        queued, self.queued = self.queued, []
        for partition, key, value in queued:
            keys = self.settled.setdefault(partition, {})
            if value is None:
                keys.pop(key, None)
            else:
                keys[key] = [value, *keys.get(key, [])][:2]

    def drop(self) -> None:
        """Forget what is queued, as an aborted transaction does."""
        self.queued.clear()
