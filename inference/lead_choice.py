"""Which lead of a stream is scored, tick by tick, where the model takes one and there are more.

The first lead is scored as long as it can be read. Where too much of its last
10 s cannot, and another has been readable for as long as that took, the other
is scored; the first is scored again when it has been readable for a good while.
So a lead that flickers does not pull the scoring to and fro.

What models remember of a lead's shapes is of no use for another's: who goes by
this choice parks it where the lead changes (:mod:`inference.lead_memory`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from inference.conditioning import ConditionedBlock
from inference.conditions import Code
from inference.limits import Limits
from inference.quality import QualityTicks
from inference.rhythm_turns import RhythmTurns
from inference.slots import Field, Slots
from inference.stage import Stage
from inference.ticks import TICK_MS

LOOK_BACK_TICKS = 50
"""Ticks of the lead in use that are looked back on: 10 s."""
_ALL = (1 << LOOK_BACK_TICKS) - 1


class LeadChoice(Stage):
    """Follows how well each lead of many streams can be read.

    Parameters
    ----------
    limits : Limits
        Limits in force for all slots.
    n_leads : int
        Leads of a stream that are looked at, 1 or more.
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, limits: Limits, n_leads: int, n_slots: int = 0) -> None:
        self.n_leads = n_leads
        self._switch = round(limits.switch_s * 1000) // TICK_MS
        self._return = round(limits.return_s * 1000) // TICK_MS
        super().__init__(
            {
                "lead": Field(dtype=np.int8),
                "scored": Field(dtype=np.int8),
                "bad": Field(dtype=np.int64),
                "good_run": Field((n_leads,), np.int32),
            },
            n_slots,
        )

    def choose(self, slots: Slots, readable: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Take the next ticks' quality of every lead; choose the lead of each tick.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        readable : array of shape (n_rows, n_leads, n_ticks)
            Whether each lead can be read; as many leads as these streams have.

        Returns
        -------
        array of shape (n_rows, n_ticks)
            The lead, known from the ticks before.
        """
        state, n_leads, n_ticks = self.state, readable.shape[1], readable.shape[2]
        chosen = np.repeat(state["lead"][slots][:, None], n_ticks, axis=1)
        run = state["good_run"][slots][:, :n_leads]
        if readable.all() and not (state["bad"][slots].any() or chosen.any()):  # as nearly always
            run = np.minimum(run + n_ticks, self._return)
            state["scored"][slots] = 0
            state["good_run"][slots[:, None], np.arange(n_leads)] = run
            return chosen
        lead, bad, every = chosen[:, 0].copy(), state["bad"][slots], np.arange(len(slots))
        for k in range(n_ticks):
            chosen[:, k] = lead
            good = readable[:, :, k]
            run = np.where(good, np.minimum(run + 1, self._return), 0).astype(np.int32)
            bad = (bad << 1 | ~good[every, lead]) & _ALL
            other = np.where(np.arange(n_leads) == lead[:, None], -1, run)
            best = other.argmax(axis=1)
            leaves = (np.bitwise_count(bad) >= self._switch) & (run[every, lead] < self._switch)
            leaves &= other[every, best] >= self._switch
            returns = (lead != 0) & (run[:, 0] >= self._return)
            moves = leaves | returns
            lead = np.where(returns, 0, np.where(leaves, best, lead)).astype(np.int8)
            bad = np.where(moves, 0, bad)
        state["lead"][slots], state["bad"][slots] = lead, bad
        state["scored"][slots] = chosen[:, -1]
        state["good_run"][slots[:, None], np.arange(n_leads)] = run
        return chosen


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Ticks of streams that are scored by one lead each."""

    block: ConditionedBlock
    """Their signal and quality."""
    lead: NDArray[np.int8]
    """Array of shape (n_rows,): the lead of each."""
    turns: RhythmTurns
    """Where scoring by another lead than the first began or ended, at the first tick."""
    fresh: Slots
    """Streams whose lead changed with the first tick; none, or the one of the segment."""
    was: int = 0
    """The lead that it changed from."""

    def lead_of(self, slot: int) -> int:
        """Give the lead of one of its streams."""
        return int(self.lead[self.block.slots == slot][0])


def segments(
    leads: Sequence[ConditionedBlock], chosen: NDArray[np.int8], before: NDArray[np.int8]
) -> Iterator[Segment]:
    """Part a block where leads change; mostly it stays whole.

    Parameters
    ----------
    leads : sequence of ConditionedBlock
        One a lead, of the same ticks of the same streams.
    chosen : array of shape (n_rows, n_ticks)
        The lead of each tick.
    before : array of shape (n_rows,)
        The lead of the tick before.

    Yields
    ------
    Segment
        Each stream's in order of time. The first tick of another lead is not readable, since
        no silence may be measured across the change.
    """
    changes = np.diff(chosen, axis=1, prepend=before[:, None]) != 0
    moved = changes.any(axis=1)
    rows = np.flatnonzero(~moved)
    if len(rows) == len(moved) and not chosen.any():
        yield Segment(leads[0], before, _NO_TURNS, leads[0].slots[:0])
        return
    if len(rows):
        lead = before[rows]
        yield Segment(_cut(leads, rows, lead, slice(None)), lead, _NO_TURNS, leads[0].slots[:0])
    n_ticks = chosen.shape[1]
    for row in np.flatnonzero(moved):
        starts = np.union1d(0, np.flatnonzero(changes[row])).tolist()
        for start, stop in zip(starts, [*starts[1:], n_ticks], strict=True):
            lead, one = chosen[row, start : start + 1], np.array([row])
            block = _cut(leads, one, lead, slice(start, stop))
            if changes[row, start]:
                block.quality.noisy[:, 0] = True
                was = before[row] if start == 0 else chosen[row, start - 1]
                turn = _turn(block, int(was), int(lead[0]))
                yield Segment(block, lead, turn, block.slots, int(was))
            else:
                yield Segment(block, lead, _NO_TURNS, block.slots[:0])


def _turn(block: ConditionedBlock, was: int, lead: int) -> RhythmTurns:
    """Tell of a change to or from the first lead."""
    if was and lead:
        return _NO_TURNS
    zero = np.zeros(1, np.intp)
    code, onset = np.array([Code.OTHER_LEAD], np.int8), np.array([lead != 0])
    return RhythmTurns(zero, zero, code, onset, block.end_ms(0) - TICK_MS)


def _cut(
    leads: Sequence[ConditionedBlock], rows: NDArray[np.intp], lead: NDArray[np.int8], ticks: slice
) -> ConditionedBlock:
    """Take some ticks of some rows, each of its own lead; always copies."""

    def of(arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
        taken = arrays[0][rows, ticks].copy()
        for i, array in enumerate(arrays[1:], 1):
            own = lead == i
            taken[own] = array[rows[own], ticks]
        return taken

    names = [field.name for field in fields(QualityTicks)]
    quality = {name: of([getattr(each.quality, name) for each in leads]) for name in names}
    signal = of([each.signal_uv for each in leads])
    first = leads[0].first_tick[rows] + (ticks.start or 0)
    return ConditionedBlock(
        leads[0].slots[rows],
        first,
        signal.astype(np.float32, copy=False),
        QualityTicks(**quality),  # type: ignore[arg-type]
    )


_NO_TURNS = RhythmTurns.of([])
