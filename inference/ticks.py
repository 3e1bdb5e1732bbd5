"""The tick: the fixed step of 200 ms in which every stream advances, and what a tick carries.

Ticks lie on the stream's own clock, milliseconds since its session's sample 0,
never on arrival: tick k covers [200 k, 200 k + 200) ms. Whatever the chunking,
each stage sees the same ticks, which is what makes the output chunk-invariant.
All rows of a tick's arrays run parallel to the ``slots`` handed with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

TICK_MS = 200
"""Length of a tick, ms."""

AAMI = "NSVFQ"
"""AAMI EC57 beat classes in the order of their codes 0 to 4."""

N, S, V, F, Q = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class TickBeats:
    """The beats that one tick decided: at most one a stream, since refractory time is a tick."""

    present: NDArray[np.bool_]
    """Array of shape (n_rows,): a beat was decided."""
    r_ms: NDArray[np.int64]
    """Array of shape (n_rows,): time of the R-peak on the stream's clock, ms."""
    rr_ms: NDArray[np.int64]
    """Array of shape (n_rows,): time since the beat before, ms; 0 where there is none."""
    aami: NDArray[np.int8]
    """Array of shape (n_rows,): class code, an index into ``AAMI``."""
    confidence: NDArray[np.float32]
    """Array of shape (n_rows,): probability of that class."""


@dataclass(frozen=True, slots=True, eq=False)
class TickQuality:
    """What one tick's signal is worth, of the lead in use."""

    missing: NDArray[np.bool_]
    """Array of shape (n_rows,): samples are missing (a gap, or marked so by the device)."""
    flat: NDArray[np.bool_]
    """Array of shape (n_rows,): the signal does not move at all: lead off or dead input."""
    saturated: NDArray[np.bool_]
    """Array of shape (n_rows,): the signal stands at the limit of the converter."""
    noisy: NDArray[np.bool_]
    """Array of shape (n_rows,): so much noise that beats cannot be trusted."""
    index: NDArray[np.float32]
    """Array of shape (n_rows,): quality index, 0 (useless) to 1 (clean)."""

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Array of shape (n_rows,): beats may be called from this tick."""
        return ~(self.missing | self.flat | self.saturated | self.noisy)


@dataclass(frozen=True, slots=True, eq=False)
class BlockBeats:
    """The beats that several ticks decided, by row and then by time.

    Arrays of shape (n_beats,); rows without a beat do not appear.
    """

    row: NDArray[np.intp]
    """Row of the slots."""
    tick: NDArray[np.intp]
    """Which of the ticks decided it, from 0; at most one beat a tick of a row."""
    r_ms: NDArray[np.int64]
    """Time of the R-peak on the stream's clock, ms."""
    rr_ms: NDArray[np.int64]
    """Time since the beat before, ms; 0 where there is none."""
    aami: NDArray[np.int8]
    """Class code, an index into ``AAMI``."""
    confidence: NDArray[np.float32]
    """Probability of that class."""
    windows: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 1, 0), np.float32))
    """Array of shape (n_beats, n_leads, n_samples): what the beat model saw of each."""

    def __len__(self) -> int:
        return len(self.row)

    def at(self, index: NDArray[np.intp]) -> TickBeats:
        """Give the beats at these indices as those of one tick; -1 stands for none."""
        present = index >= 0
        if not present.any():
            none = np.zeros(len(index), np.int64)
            return TickBeats(present, none, none, none.astype(np.int8), none.astype(np.float32))
        return TickBeats(
            present,
            np.where(present, self.r_ms[index], 0),
            np.where(present, self.rr_ms[index], 0),
            self.aami[index],
            self.confidence[index],
        )


def no_beats() -> BlockBeats:
    """Make the beats of ticks that decided none."""
    rows, times_ms = np.empty(0, np.intp), np.empty(0, np.int64)
    return BlockBeats(rows, rows, times_ms, times_ms, np.empty(0, np.int8), np.empty(0, np.float32))
