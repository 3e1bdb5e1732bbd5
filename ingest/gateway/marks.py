"""High-water marks: how far each device's session has been heard, so that repeats are known.

A device repeats what it has had no acknowledgement for. What was stored is
acknowledged again and not stored again, also when it was sent on and deleted
long ago. A frame that lies further behind than the sequencers of the readers
wait would be dropped there; it is taken for a repeat here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ingest.gateway.arrival import Packed

REORDER_S = 2.0
"""How far behind the mark a frame may be new, s: what :class:`ingest.sequence.Sequencer` waits."""

MOST_GAP_S = 20 * 3600.0
"""Longest step, forwards or back, within one session, s: below the day that sequencers believe.
A longer one is a new count of samples, :mod:`ingest.gateway.sessions`."""


class Standing(Enum):
    """What a frame is beside its stream's mark."""

    NEW = "new"
    """Not stored before."""
    REPEATED = "repeated"
    """Stored before: acknowledge, and forget it."""
    LATE = "late"
    """So far behind that no reader would take it."""


@dataclass(slots=True)
class Mark:
    """How far one session of one stream has been heard."""

    number: int
    """Of the stream and session in the store."""
    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """The device's session."""
    fs: float
    """Sampling frequency, Hz."""
    end_sample: int = 0
    """Index one past the last sample that is durable."""
    heard_ms: int = 0
    """When it was last heard, ms since 1970."""
    recent: list[tuple[int, int]] = field(default_factory=list)
    """First and end sample of frames that were stored and lie no further back than
    :data:`REORDER_S`."""
    sent_sample: int = -1
    """Index one past the last sample that was sent on; -1 before the first."""
    epoch: int = 0
    """How often the session got a new name: :mod:`ingest.gateway.sessions`."""

    def judge(self, frame: Packed) -> Standing:
        """Tell what a frame is.

        Examples
        --------
        >>> mark = Mark(1, "p1", "a", 250.0, end_sample=1000, recent=[(750, 1000)])
        >>> def frame(first):
        ...     return Packed("p1", "a", first, first + 250, 250.0, False, b"")
        >>> [mark.judge(frame(first)).value for first in (1000, 750, 600, 0)]
        ['new', 'repeated', 'new', 'late']
        """
        place = (frame.first_sample, frame.end_sample)
        if frame.end_sample > self.end_sample:
            return Standing.NEW
        if place in self.recent:
            return Standing.REPEATED
        if frame.first_sample == frame.end_sample == self.end_sample:
            return Standing.NEW  # no samples, but the end of the session
        behind_s = (self.end_sample - frame.first_sample) / self.fs
        return Standing.LATE if REORDER_S < behind_s <= MOST_GAP_S else Standing.NEW

    def note(self, frame: Packed, now_ms: int) -> None:
        """Take a frame that is durable now."""
        if self.end_sample - frame.end_sample > MOST_GAP_S * self.fs:
            self.end_sample, self.recent = frame.end_sample, []
        self.end_sample = max(self.end_sample, frame.end_sample)
        self.heard_ms = now_ms
        self.recent.append((frame.first_sample, frame.end_sample))
        kept_from = self.end_sample - REORDER_S * self.fs
        if self.recent[0][1] < kept_from:
            self.recent = [place for place in self.recent if place[1] >= kept_from]
