"""Streams in which nothing happens: many ticks of theirs at once.

Most ticks of most streams change no episode: the signal is readable, beats come before a silence
could be called. Of these only the beats have to be looked at, the first of every
stream together, then the second of each. A stream that may need more falls out, from the tick
behind the last beat that was taken in on, and is stepped tick by tick.

What is skipped is what could not have changed anything; that both ways give the same
is held by ``tests/inference/test_quiet.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.beat_codes import BEAT_CODES
from inference.conditions import Code
from inference.peaks import by_rank
from inference.rule_limits import LimitSets
from inference.slots import SlotArrays, Slots, in_a_row
from inference.ticks import TICK_MS, BlockBeats


@dataclass(frozen=True, slots=True, eq=False)
class QuietBeats:
    """Beats of as many streams, none of which comes after a silence."""

    index: NDArray[np.intp]
    """Array of shape (n,): indices into the beats of the block."""
    row: NDArray[np.intp]
    """Array of shape (n,): rows of the block."""


class QuietStreams:
    """Tells which streams are quiet, and takes their clocks on.

    Parameters
    ----------
    limit_sets : LimitSets
        Limits in force.
    decision_delay_ms : int
        How far behind the end of a tick all beats are certainly known, ms.
    """

    def __init__(self, limit_sets: LimitSets, decision_delay_ms: int) -> None:
        self._limit_sets, self._delay_ms = limit_sets, decision_delay_ms
        calm = (*BEAT_CODES, Code.OTHER_LEAD)
        self._others = np.array([code not in calm for code in Code])

    def advance(
        self,
        state: SlotArrays,
        slots: Slots,
        first_ms: NDArray[np.int64],
        beats: BlockBeats,
        readable: NDArray[np.bool_],
        take: Callable[[QuietBeats], None],
    ) -> NDArray[np.intp]:
        """Take quiet streams on as far as they are quiet.

        Parameters
        ----------
        state : SlotArrays
            Of the episodes.
        slots : array of shape (n_rows,)
            Streams.
        first_ms : array of shape (n_rows,), ms
            End of the first tick of the block.
        beats : BlockBeats
            Beats of the block.
        readable : array of shape (n_rows, n_ticks)
            Quality of the ticks.
        take : callable
            Takes in beats; when it is called ``now_ms`` is that of their ticks.

        Returns
        -------
        array of shape (n_rows,)
            Ticks that each row was taken on by.
        """
        n_ticks = readable.shape[1]
        end_ms = first_ms + (n_ticks - 1) * TICK_MS
        quiet = self._may_be_quiet(state, slots, first_ms) & readable.all(axis=1)
        done = np.zeros(len(slots), np.intp)
        for index in by_rank(beats.row):
            row = beats.row[index]
            index, row = index[quiet[row]], row[quiet[row]]
            calm = self._no_silence(state, slots[row], beats.r_ms[index])
            quiet[row[~calm]] = False
            index, row = index[calm], row[calm]
            done[row] = beats.tick[index] + 1
            state["now_ms"][slots[row]] = first_ms[row] + beats.tick[index] * TICK_MS
            take(QuietBeats(index, row))
        row = np.flatnonzero(quiet)
        calm = self._no_silence(state, slots[row], end_ms[row] - self._delay_ms)
        row = row[calm]
        done[row] = n_ticks
        state["now_ms"][slots[row]] = end_ms[row]
        return done

    def _may_be_quiet(
        self, state: SlotArrays, slots: Slots, first_ms: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Tell where nothing is under way but what beats alone begin and end."""
        of = in_a_row(slots)
        quiet: NDArray[np.bool_] = state["now_ms"][of] == first_ms - TICK_MS
        quiet &= (state["bad_since_ms"][of] < 0).all(axis=1)
        quiet &= state["unreadable"][of] == 0
        is_open = state["open"][of]
        if is_open.any():
            quiet &= ~(is_open & self._others).any(axis=1)
        return quiet

    def _no_silence(
        self, state: SlotArrays, slots: Slots, known_ms: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Tell where nothing can be silent for too long, of which all is known up to a time."""
        of = in_a_row(slots)
        last_ms, since_ms = state["last_r_ms"][of], state["readable_since_ms"][of]
        some_open = state["open"][of].any(axis=1)
        lim = self._limit_sets.of(state["limit_set"][slots])
        longest_ms = np.where(some_open, lim.open_quiet_ms, lim.quiet_ms)
        silence_ms = known_ms - np.maximum(last_ms, since_ms)
        fresh = ~some_open | (known_ms - last_ms < longest_ms)
        calm: NDArray[np.bool_] = (silence_ms < longest_ms) & fresh
        return calm


def ticks_left(done: NDArray[np.intp], n_ticks: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Give the rows that each tick still has to be stepped for, tick by tick."""
    for tick in range(int(done.min(initial=n_ticks)), n_ticks):
        yield tick, np.flatnonzero(done <= tick)
