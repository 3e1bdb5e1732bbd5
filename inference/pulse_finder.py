"""Pulses in a plethysmogram or arterial pressure: upstrokes that stand out, as they come.

The slope sum of Zong, Moody and Mark (Computers in Cardiology 2003, "wabp"): how far the signal
has risen within ``RISE_MS``. A pulse is a peak of it that tops all within ``NEIGHBOURS`` samples
on either side and a share of what the patient's pulses usually rise by. It is decided when the
samples behind it are there, so nothing depends on how the signal arrived. All that follows is
element by element, in a fixed order.

With each pulse stands its strength: how far it rose, over what pulses rose by in the last minutes.
When pulses stop the share falls, so that smaller ones are found; their strength tells them from
the noise that is then found too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.peaks import by_rank
from inference.pulse_signal import FRAME_MS, PER_TICK, PulseBlock
from inference.slots import Field, Slots
from inference.stage import Stage
from inference.ticks import TICK_MS

RISE_MS = 140
"""Time over which a rise is summed, ms (wabp: 128 ms; an upstroke lasts 100 to 200 ms)."""
NEIGHBOURS = 8
"""Samples on either side that a peak must top: 160 ms."""
KNOWN_AFTER_MS = NEIGHBOURS * FRAME_MS
"""A pulse is known from so long behind its time on, ms, at the end of that tick."""
REFRACTORY_MS = 250
"""Least time between pulses, ms: 240 a minute, the fastest that a neonate's pulse is counted."""
SHARE = 0.3
"""Share of the usual rise that a pulse must reach."""
DICROTIC_MS, DICROTIC_SHARE = 400, 0.6
"""So soon behind a pulse the next must rise by so much of it: a dicrotic wave rises by less, while
pulses that come so fast (over 150 a minute) are alike, ms and ratio."""
WAIT_MS, FALL_MS, LEAST_SHARE = 1500, 4000, 0.1
"""The share begins to fall this long behind a pulse, reaches 0 after so much longer, and is not
taken below so much of itself, ms and ratio."""
LEARNING, LEARN_RATE, USUAL_RATE, STEP = 8, 0.5, 0.2, 4.0
"""Pulses at first that are learnt quickly, and shares of the way that what is usual goes to each
rise, taken as at most so many times larger or smaller: what comes first may be noise."""
STEADY_RISE_RATE, STEADY_FALL_RATE, STEADY_FALL = 0.1, 0.05, 0.5
"""The same of what strength is told by: up quickly, since noise is smaller than pulses; down by
2.5 % a pulse at most, so that noise behind a last pulse stays weak for long."""
N_PULSES = 128
"""Pulses kept: of the longest push (20 s) and the 12 s before it, at the refractory time."""
N_TICKS = 160
"""Ticks kept of whether the signal could be read: of the same 32 s."""

_SMOOTH, _RISE = 3, RISE_MS // FRAME_MS
_TAIL = 2 * NEIGHBOURS + _SMOOTH + _RISE - 1

FIELDS = {
    "tail": Field((_TAIL,), np.float64),
    "has_tail": Field(dtype=np.bool_),
    "least": Field(dtype=np.float64),
    "usual": Field(dtype=np.float64),
    "steady": Field(dtype=np.float64),
    "n_found": Field(dtype=np.int64),
    "last_ms": Field(dtype=np.int64, initial=-(10**9)),
    "last_rise": Field(dtype=np.float64),
    "pulse_ms": Field((N_PULSES,), np.int64, -(10**9)),
    "strength": Field((N_PULSES,), np.float32),
    "off": Field((N_TICKS,), np.bool_, True),
    "level": Field((N_TICKS,), np.float32),
}
"""What is remembered of a lead: the last samples, the least rise that counts, what pulses usually
rise by (quick and slow), how many were found, the last ones in a ring, and of the last ticks
whether the signal was off, and its mean."""


class PulseFinder(Stage):
    """Finds pulses in one lead of many streams.

    Parameters
    ----------
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, n_slots: int = 0) -> None:
        super().__init__(FIELDS, n_slots)

    def start(self, slot: int, least: float) -> None:
        """Begin a stream in a fresh slot; a rise below ``least``, in its unit, is no pulse."""
        self.state["least"][slot] = least

    def push(self, block: PulseBlock) -> None:
        """Take the next ticks of some streams."""
        slots, state = block.slots, self.state
        line = block.signal.reshape(len(slots), -1)
        tail = state["tail"][slots]
        fresh = ~state["has_tail"][slots]
        tail[fresh] = line[fresh, :1]
        line = np.concatenate([tail, line], axis=1)
        state["tail"][slots], state["has_tail"][slots] = line[:, -_TAIL:], True
        for name, of_tick in (("off", block.off), ("level", _means(block.signal))):
            kept = np.concatenate([state[name][slots], of_tick.astype(state[name].dtype)], axis=1)
            state[name][slots] = kept[:, -N_TICKS:]
        rows, frame, rise = _peaks(_rises(line))
        behind = NEIGHBOURS - 1 - frame
        at_ms = block.first_tick[rows] * TICK_MS - behind * FRAME_MS
        self._take(slots[rows], at_ms, rise)

    def _take(self, slots: Slots, at_ms: NDArray[np.int64], rises: NDArray[np.float64]) -> None:
        """Keep what rises far enough, and follow what is usual; peaks of a stream are together."""
        state = self.state
        for index in by_rank(slots):
            slot, ms, rise = slots[index], at_ms[index], rises[index]
            usual, since_ms = state["usual"][slot], ms - state["last_ms"][slot]
            fallen = np.maximum(1.0 - np.maximum(since_ms - WAIT_MS, 0) / FALL_MS, LEAST_SHARE)
            enough = np.maximum(SHARE * fallen * usual, state["least"][slot])
            soon = np.where(since_ms < DICROTIC_MS, DICROTIC_SHARE * state["last_rise"][slot], 0)
            enough = np.maximum(enough, soon)
            found = (rise >= enough) & (since_ms >= REFRACTORY_MS) & (ms >= 0)
            if found.any():
                self._keep(slot[found], ms[found], rise[found])

    def _keep(self, slot: Slots, ms: NDArray[np.int64], rise: NDArray[np.float64]) -> None:
        state = self.state
        usual, steady, n = state["usual"][slot], state["steady"][slot], state["n_found"][slot]
        learning = n < LEARNING
        usual = np.where(n == 0, rise, usual)
        bounded = np.clip(rise, usual / STEP, usual * STEP)
        usual = usual + (bounded - usual) * np.where(learning, LEARN_RATE, USUAL_RATE)
        bounded = np.clip(rise, steady * STEADY_FALL, steady * STEP)
        rate = np.where(bounded > steady, STEADY_RISE_RATE, STEADY_FALL_RATE)
        steady = np.where(learning, usual, steady + (bounded - steady) * rate)
        place = n % N_PULSES
        state["pulse_ms"][slot, place] = ms
        state["strength"][slot, place] = rise / steady
        state["usual"][slot], state["steady"][slot] = usual, steady
        state["n_found"][slot], state["last_ms"][slot] = n + 1, ms
        state["last_rise"][slot] = rise


def _means(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average each tick, added up in one order whatever the layout, shape (n_rows, n_ticks)."""
    total = signal[:, :, 0].copy()
    for k in range(1, PER_TICK):
        total += signal[:, :, k]
    return total / PER_TICK


def _rises(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the rises of the smoothed signal, shape (n_rows, n_samples - _SMOOTH - _RISE + 1)."""
    smooth = (line[:, 2:] + line[:, 1:-1] + line[:, :-2]) / 3
    up = np.maximum(smooth[:, 1:] - smooth[:, :-1], 0)
    n = up.shape[1] - _RISE + 1
    rises = up[:, :n].copy()
    for k in range(1, _RISE):
        rises += up[:, k : k + n]
    return rises


def _peaks(
    rises: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Find peaks, by row and then by time: rows, samples from the first that can be one, rises."""
    highest = rises  # of 2, of 4, of 8 samples from each on: NEIGHBOURS of them
    for k in (1, 2, 4):
        highest = np.maximum(highest[:, :-k], highest[:, k:])
    here = rises[:, NEIGHBOURS : rises.shape[1] - NEIGHBOURS]
    before, behind = highest[:, : here.shape[1]], highest[:, NEIGHBOURS + 1 :]
    rows, frame = np.nonzero((here > 0) & (here >= before) & (here > behind))
    return rows, frame, here[rows, frame]
