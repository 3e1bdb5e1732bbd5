"""Suspension: where most of the last half minute cannot be read, arrhythmias are not called.

Beats found in noise make false rates and runs. While arrhythmia calling is
suspended the heart rate is unknown and only the lethal conditions are called,
as far as the signal allows: asystole needs readable signal, fibrillation and
ventricular tachycardia some signal. A second cannot be read where three of its
five ticks cannot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.conditions import SUSPENDED, Code
from inference.episode_edges import EdgeLog
from inference.limits import SUSPEND_WINDOW_S, Limits
from inference.slots import Field, SlotArrays, Slots

TICKS_OF_A_BAD_SECOND = 3
"""Unreadable ticks that make a second unreadable."""

FIELDS = {
    "bad_seconds": Field(dtype=np.int32),
    "bad_second": Field(dtype=np.int32),
    "bad_ticks": Field(dtype=np.int8),
}
"""What is remembered: one bit for each of the last 30 s that could not be read, the lowest that of
``bad_second``, the last second in which anything happened, and its unreadable ticks."""

_ALL = (1 << SUSPEND_WINDOW_S) - 1


class Suspension:
    """Tells since when and until when arrhythmia calling is suspended.

    Parameters
    ----------
    limits : Limits
        Limits in force for all slots.
    """

    def __init__(self, limits: Limits) -> None:
        self._suspend, self._resume = limits.suspend_s, limits.resume_s

    def apply(
        self,
        state: SlotArrays,
        slots: Slots,
        now_ms: NDArray[np.int64],
        readable: NDArray[np.bool_],
        log: EdgeLog,
    ) -> None:
        """Take in one tick; suspend and resume.

        Parameters
        ----------
        state : SlotArrays
            Of the episodes.
        slots, now_ms : arrays of shape (n_rows,)
            Streams, and the end of the tick on each one's clock, ms.
        readable : array of shape (n_rows,)
            Whether the tick can be read.
        log : EdgeLog
            What begins and ends is noted here.
        """
        is_open = state["open"][slots, Code.ARRHYTHMIA_SUSPENDED]
        rows = np.flatnonzero(~readable | is_open)
        if len(rows):
            self._count(state, slots[rows], now_ms[rows], ~readable[rows])
            self._change(state, rows, slots[rows], now_ms[rows], is_open[rows], log)

    def _count(
        self, state: SlotArrays, slots: Slots, now_ms: NDArray[np.int64], bad: NDArray[np.bool_]
    ) -> None:
        """Move on to the tick's second, and count the tick in it."""
        second = ((now_ms - 1) // 1000).astype(np.int32)
        passed = np.clip(second - state["bad_second"][slots], 0, SUSPEND_WINDOW_S)
        seconds = (state["bad_seconds"][slots].astype(np.int64) << passed) & _ALL
        n_bad = np.where(passed > 0, 0, state["bad_ticks"][slots]) + bad
        seconds |= n_bad >= TICKS_OF_A_BAD_SECOND
        state["bad_second"][slots], state["bad_ticks"][slots] = second, n_bad
        state["bad_seconds"][slots] = seconds

    def _change(
        self,
        state: SlotArrays,
        rows: NDArray[np.intp],
        slots: Slots,
        now_ms: NDArray[np.int64],
        is_open: NDArray[np.bool_],
        log: EdgeLog,
    ) -> None:
        """Begin where too much is unreadable; end where enough is readable in a row."""
        seconds = state["bad_seconds"][slots]
        begins = ~is_open & (np.bitwise_count(seconds) >= self._suspend)
        if begins.any():
            at = np.flatnonzero(begins)
            for code in SUSPENDED:
                up = at[state["open"][slots[at], code]]
                log.end(rows[up], code, now_ms[up])
                log.hold(rows[up], code)
            log.open(rows[at], Code.ARRHYTHMIA_SUSPENDED, now_ms[at])
        recent = (1 << self._resume) - 1
        ends = np.flatnonzero(is_open & ((seconds & recent) == 0) & (now_ms % 1000 == 0))
        if len(ends):
            state["bad_seconds"][slots[ends]] = 0
            log.end(rows[ends], Code.ARRHYTHMIA_SUSPENDED, now_ms[ends])
            log.release(rows[ends], now_ms[ends])
