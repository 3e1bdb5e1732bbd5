"""The last beats of each stream, as a ring, and the beats that come to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.limits import MAX_BEATS
from inference.slots import Field, SlotArrays, Slots
from inference.ticks import BlockBeats

FIELDS = {
    "last_r_ms": Field(dtype=np.int64, initial=-1),
    "newest": Field(dtype=np.int64),
    "beat_r_ms": Field((MAX_BEATS,), np.int64, -1),
    "beat_aami": Field((MAX_BEATS,), np.int8),
    "beat_confidence": Field((MAX_BEATS,), np.float32),
}
"""What is remembered: a ring of the last beats, and ``newest``, the column last written."""


@dataclass(frozen=True, slots=True, eq=False)
class NewBeats:
    """The beats of one tick, without the rows that have none; arrays of shape (n_beats,)."""

    rows: NDArray[np.intp]
    """Row of the tick."""
    slots: Slots
    """Slot of that row."""
    r_ms: NDArray[np.int64]
    """Time of the R-peak, ms."""
    rr_ms: NDArray[np.int64]
    """RR interval before it, ms; 0 unknown."""
    aami: NDArray[np.int8]
    """Class code."""
    confidence: NDArray[np.float32]
    """Probability of the class."""
    previous_r_ms: NDArray[np.int64]
    """Time of the beat before, ms; -1 where none."""
    unreadable_between: NDArray[np.bool_]
    """Signal was unreadable somewhere since the beat before."""
    unknown: NDArray[np.bool_]
    """The RR interval is no rate: across a gap, in asystole, or long with noise inside."""

    def at(self, index: NDArray[np.intp]) -> NewBeats:
        """Give some of them."""
        return NewBeats(*(getattr(self, name)[index] for name in self.__slots__))


def remember(state: SlotArrays, beats: NewBeats) -> None:
    """Write one beat a row into the ring."""
    s = beats.slots
    newest = (state["newest"][s] + 1) % MAX_BEATS
    state["newest"][s] = newest
    state["beat_r_ms"][s, newest] = beats.r_ms
    state["beat_aami"][s, newest] = beats.aami
    state["beat_confidence"][s, newest] = beats.confidence
    state["last_r_ms"][s] = beats.r_ms


def r_ms_ago(state: SlotArrays, slots: Slots, beats_ago: Any) -> NDArray[np.int64]:
    """Give R-peak times so many beats ago, shape (n_beats,), ms; one number, or one a row."""
    ring = (state["newest"][slots] - beats_ago) % MAX_BEATS
    r_ms: NDArray[np.int64] = state["beat_r_ms"][slots, ring]
    return r_ms


@dataclass(frozen=True, slots=True, eq=False)
class KnownBeats:
    """The last beats of one stream; arrays of shape (n_beats,)."""

    r_ms: NDArray[np.int64]
    """R-peaks, ms, rising."""
    aami: NDArray[np.int8]
    """Class codes."""
    tick: NDArray[np.intp]
    """Which of some ticks decided each; -1 before them."""

    def by(self, tick: int) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Give R-peaks and classes of those that are known by the end of a tick."""
        n = int(np.searchsorted(self.tick, tick, side="right"))
        return self.r_ms[:n], self.aami[:n]


def known_beats(past: SlotArrays | None, slot: int, beats: BlockBeats, row: int) -> KnownBeats:
    """Join the ring of one stream, as it was before some ticks, and the beats of these.

    Parameters
    ----------
    past : SlotArrays or None
        State that holds the ring.
    slot, row : int
        The stream, and its row of the ticks.
    beats : BlockBeats
        Beats of the ticks.
    """
    new = np.flatnonzero(beats.row == row)
    r_ms, aami = beats.r_ms[new], beats.aami[new]
    n_before = 0
    if past is not None:
        ring = (past["newest"][slot] + 1 + np.arange(MAX_BEATS)) % MAX_BEATS
        ring = ring[past["beat_r_ms"][slot, ring] >= 0]
        n_before = len(ring)
        r_ms = np.concatenate([past["beat_r_ms"][slot, ring], r_ms])
        aami = np.concatenate([past["beat_aami"][slot, ring], aami])
    return KnownBeats(r_ms, aami, np.concatenate([np.full(n_before, -1), beats.tick[new]]))
