"""Begins and ends of rhythms that a model tells, before the episodes take them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class RhythmTurns:
    """What several ticks of several streams came to know; arrays of shape (n_turns,).

    By row and tick, each row's turns of one condition begin and end by turns.
    """

    row: NDArray[np.intp]
    """Row of the slots."""
    tick: NDArray[np.intp]
    """Which of the ticks decided it, from 0."""
    code: NDArray[np.int8]
    """:class:`~inference.conditions.Code` of the condition."""
    onset: NDArray[np.bool_]
    """True where it began, False where it ended."""
    at_ms: NDArray[np.int64]
    """When, on the stream's clock, ms."""

    def __len__(self) -> int:
        return len(self.row)

    def at(self, tick: int, rows: NDArray[np.intp]) -> RhythmTurns | None:
        """Give the turns of one tick, their rows counted among some rows; None where none is."""
        here = np.flatnonzero(self.tick == tick)
        if not len(here):
            return None
        row = np.searchsorted(rows, self.row[here])
        return RhythmTurns(
            row, self.tick[here], self.code[here], self.onset[here], self.at_ms[here]
        )

    @classmethod
    def of(cls, parts: Sequence[RhythmTurns]) -> RhythmTurns:
        """Join several, in order of row and tick."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return NO_TURNS  # nearly always
        names = [field.name for field in fields(cls)]
        row, tick, *rest = (
            np.concatenate([getattr(part, name) for part in parts]) for name in names
        )
        order = np.lexsort((tick, row))
        return cls(row[order], tick[order], *(part[order] for part in rest))


NO_TURNS = RhythmTurns(
    np.empty(0, np.intp),
    np.empty(0, np.intp),
    np.empty(0, np.int8),
    np.empty(0, np.bool_),
    np.empty(0, np.int64),
)
"""Nothing began and nothing ended."""
