"""The two protocols between Vigil and the outside: a source of frames, a sink of messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ingest.frames import Frame


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be read, kept whole."""

    payload: bytes
    """The message's bytes, unchanged."""
    reason: str
    """A short fixed word, such as ``"not-protobuf"``; used as a metric label."""
    detail: str
    """What was wrong, and what is allowed."""
    topic: str = ""
    """Topic it came from, empty outside Kafka."""
    partition: int = -1
    """Partition it came from, -1 outside Kafka."""
    offset: int = -1
    """Offset it had, -1 outside Kafka."""
    key: bytes = b""
    """Key it had, empty where it had none: with it a replay finds the same partition."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll of a source gave."""

    frames: Sequence[Frame] = ()
    """Frames in the order of the log."""
    dead: Sequence[DeadLetter] = ()
    """Messages that could not be read, in the order of the log."""
    end: bool = False
    """True when the source is exhausted; a live source never is."""
    partitions: Sequence[int] = ()
    """For each frame the partition it stood in; empty outside a log."""
    offsets: Sequence[int] = ()
    """For each frame the offset of its message; empty outside a log."""
    times_ms: Sequence[int] = ()
    """For each frame when the log took its message, ms since 1970; empty outside a log."""


class Source(Protocol):
    """Hands out frames in order.

    Resume rule: after :meth:`commit` returns, a new source of the same identity
    starts behind the last batch handed out before it; without, at the last
    committed place (at-least-once).
    """

    def poll(self, timeout_s: float) -> Batch:
        """Return what is there, waiting at most ``timeout_s`` for the first frame."""
        ...

    def commit(self) -> None:
        """Mark everything that was handed out as done."""
        ...

    def close(self) -> None:
        """Leave; commits nothing."""
        ...


class Sink(Protocol):
    """Takes messages out; nothing counts as written before :meth:`flush` returns."""

    def write(self, key: str, value: bytes) -> None:
        """Queue one message under ``key``; messages of one key stay in order."""
        ...

    def flush(self) -> None:
        """Return when all that was queued is durable; raise if any of it failed."""
        ...

    def close(self) -> None:
        """Flush and release."""
        ...


@dataclass(slots=True)
class MemorySink:
    """A sink that keeps its messages in a list, for one process and for tests."""

    messages: list[tuple[str, bytes]] = field(default_factory=list)
    """(key, value) in the order of writing."""

    def write(self, key: str, value: bytes) -> None:
        """Append one message."""
        self.messages.append((key, value))

    def flush(self) -> None:
        """Do nothing: a list is as durable as it will be."""

    def close(self) -> None:
        """Do nothing."""
