"""The edges of episodes: what began or ended in a tick, and the evidence for it.

Edges are rare. They are gathered as small arrays, one entry an edge, and only
for them is the history of beats copied out of the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.conditions import SUSPENDED, Code
from inference.limits import MAX_BEATS
from inference.slots import SlotArrays, Slots


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeEdges:
    """What one tick came to know: ordered by row, then time, then condition."""

    row: NDArray[np.intp]
    """Array of shape (n_edges,): row of the tick's ``slots``."""
    code: NDArray[np.int8]
    """Array of shape (n_edges,): :class:`~inference.conditions.Code`."""
    onset: NDArray[np.bool_]
    """Array of shape (n_edges,): True where the episode began, False where it ended."""
    at_ms: NDArray[np.int64]
    """Array of shape (n_edges,): when, on the stream's clock, ms."""
    heart_rate_bpm: NDArray[np.float32]
    """Array of shape (n_edges,): heart rate at the time of decision, bpm; NaN unknown."""
    quality: NDArray[np.float32]
    """Array of shape (n_edges,): quality index of the tick of decision, 0 to 1; NaN unknown."""
    beat_r_ms: NDArray[np.int64]
    """Array of shape (n_edges, MAX_BEATS): last beats, oldest first, ms; -1 where none."""
    beat_aami: NDArray[np.int8]
    """Array of shape (n_edges, MAX_BEATS): their classes, indices into ``AAMI``."""
    beat_confidence: NDArray[np.float32]
    """Array of shape (n_edges, MAX_BEATS): their classes' probabilities."""

    def __len__(self) -> int:
        return len(self.row)


class DecidedEdges(NamedTuple):
    """Edges of some streams, and when each was decided."""

    slots: Slots
    """Array of shape (n_rows,): the streams."""
    now_ms: NDArray[np.int64]
    """Array of shape (n_rows,): end of the tick that decided, on the stream's clock, ms."""
    edges: EpisodeEdges
    """What began and what ended, by row of ``slots``."""


class EdgeLog:
    """Opens and ends episodes in the state, and notes each as an edge.

    Parameters
    ----------
    state : SlotArrays
        Holds ``open`` (n_slots, n_conditions) bool, ``onset_ms`` of the same shape, and ``held``.
    slots : Slots
        Slots of the tick's rows.
    """

    def __init__(self, state: SlotArrays, slots: Slots) -> None:
        self._state = state
        self.slots = slots
        self._parts: list[tuple[NDArray[Any], ...]] = []

    def open(self, rows: NDArray[np.intp], code: int, at_ms: NDArray[np.int64]) -> None:
        """Begin episodes of one condition on rows where none is open, and it may be called."""
        if len(rows) and code in SUSPENDED:
            barred = self._state["open"][self.slots[rows], Code.ARRHYTHMIA_SUSPENDED]
            if barred.any():
                self.hold(rows[barred], code)
                rows, at_ms = rows[~barred], at_ms[~barred]
        if len(rows):
            slots = self.slots[rows]
            self._state["open"][slots, code] = True
            self._state["onset_ms"][slots, code] = at_ms
            self._note(rows, code, True, at_ms)

    def end(self, rows: NDArray[np.intp], code: int, at_ms: NDArray[np.int64]) -> None:
        """End open episodes of one condition, never before they began."""
        if code == Code.ATRIAL_FIBRILLATION and len(rows):
            self._state["held"][self.slots[rows]] = False
            is_open = self._state["open"][self.slots[rows], code]
            rows, at_ms = rows[is_open], at_ms[is_open]
        if len(rows):
            slots = self.slots[rows]
            self._state["open"][slots, code] = False
            self._note(rows, code, False, np.maximum(at_ms, self._state["onset_ms"][slots, code]))

    def hold(self, rows: NDArray[np.intp], code: int) -> None:
        """Remember what a model says and must not be called now; beats say theirs again."""
        if code == Code.ATRIAL_FIBRILLATION:
            self._state["held"][self.slots[rows]] = True

    def release(self, rows: NDArray[np.intp], at_ms: NDArray[np.int64]) -> None:
        """Begin what was held, on rows where it may be called again."""
        kept = self._state["held"][self.slots[rows]]
        self._state["held"][self.slots[rows]] = False
        self.open(rows[kept], Code.ATRIAL_FIBRILLATION, at_ms[kept])

    def _note(
        self, rows: NDArray[np.intp], code: int, onset: bool, at_ms: NDArray[np.int64]
    ) -> None:
        n = len(rows)
        codes = np.full(n, code, dtype=np.int8)
        self._parts.append((rows, codes, np.full(n, onset), at_ms.astype(np.int64)))

    def edges(
        self, heart_rate_bpm: NDArray[np.float32], quality: NDArray[np.float32]
    ) -> EpisodeEdges:
        """Put what was noted in order, with its evidence.

        Parameters
        ----------
        heart_rate_bpm, quality : NDArray[np.float32]
            Arrays of shape (n_rows,).
        """
        row, code, onset, at_ms = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        order = np.lexsort((~onset, code, at_ms, row))
        row = row[order]
        slots = self.slots[row][:, None]
        ring = beat_history(self._state["newest"][slots])
        return EpisodeEdges(
            row=row,
            code=code[order],
            onset=onset[order],
            at_ms=at_ms[order],
            heart_rate_bpm=heart_rate_bpm[row],
            quality=quality[row],
            beat_r_ms=self._state["beat_r_ms"][slots, ring],
            beat_aami=self._state["beat_aami"][slots, ring],
            beat_confidence=self._state["beat_confidence"][slots, ring],
        )

    def __bool__(self) -> bool:
        """Tell whether anything was noted."""
        return bool(self._parts)


def beat_history(newest: NDArray[Any]) -> NDArray[np.intp]:
    """Columns of the ring of beats, oldest first, for the column of the newest.

    Examples
    --------
    >>> beat_history(np.array([1]))[:3].tolist(), beat_history(np.array([1]))[-1].item()
    ([2, 3, 4], 1)
    """
    return (newest + 1 + np.arange(MAX_BEATS)) % MAX_BEATS


def no_edges() -> EpisodeEdges:
    """Make the edges of a tick in which nothing happened."""
    return EpisodeEdges(
        row=np.empty(0, np.intp),
        code=np.empty(0, np.int8),
        onset=np.empty(0, np.bool_),
        at_ms=np.empty(0, np.int64),
        heart_rate_bpm=np.empty(0, np.float32),
        quality=np.empty(0, np.float32),
        beat_r_ms=np.empty((0, MAX_BEATS), np.int64),
        beat_aami=np.empty((0, MAX_BEATS), np.int8),
        beat_confidence=np.empty((0, MAX_BEATS), np.float32),
    )
