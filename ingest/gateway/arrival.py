"""What a device sent, on its way to the disk, and as it stands there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingest.codec import encode
from ingest.frames import Frame, FrameError
from ingest.source import DeadLetter

MAX_STORED_BYTES = 512 << 10
"""Longest frame that a gateway takes, encoded: with room left in a Kafka record of 1 MiB."""


class Packed(NamedTuple):
    """One frame as bytes, with what the store must know of it."""

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """The device's session."""
    first_sample: int
    """Index of its first sample."""
    end_sample: int
    """Index one past its last sample."""
    fs: float
    """Sampling frequency, Hz."""
    last: bool
    """True where the device ends its session with it."""
    payload: bytes
    """A message of this one frame, as :mod:`ingest.codec` writes it."""


def pack(frame: Frame) -> Packed:
    """Encode a frame for the store.

    Raises
    ------
    FrameError
        As :func:`ingest.codec.encode`, and with reason ``"too-large"`` where it does not
        fit in one Kafka record.
    """
    payload = encode([frame])
    if len(payload) > MAX_STORED_BYTES:
        raise FrameError(
            "too-large", f"a frame of {len(payload)} bytes: a gateway takes {MAX_STORED_BYTES}"
        )
    return Packed(
        frame.stream_id, frame.session, frame.first_sample, frame.end_sample, frame.fs,
        frame.last, payload,
    )  # fmt: skip


def ignore() -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """One message of a device: acknowledged when all of it is durable."""

    frames: Sequence[Packed]
    """Its frames, in order; none where it could not be read."""
    acknowledge: Callable[[], None] = ignore
    """Told, once, when all is durable; called on the keeper's or the forwarder's thread, must
    neither wait nor raise."""
    dead: DeadLetter | None = None
    """The message where it could not be read; it is then kept whole."""
    via: str = "tcp"
    """How it came, for counters: tcp or mqtt."""


class Row(NamedTuple):
    """One frame of the store."""

    id: int
    """Its place: frames are numbered in the order of their arrival, and no number comes twice."""
    stream: int
    """Number of its stream and session, as :class:`ingest.gateway.marks.Mark` has it."""
    first_sample: int
    """Index of its first sample."""
    end_sample: int
    """Index one past its last sample."""
    received_ms: int
    """When it arrived, ms since 1970."""
    payload: bytes
    """A message of this one frame."""


class Note(NamedTuple):
    """A message that is not a frame and goes to a topic of its own: an alarm, a dead letter."""

    topic: str
    """Where it goes."""
    key: str
    """What it is written under."""
    value: bytes
    """The message."""
