"""From R-peak probabilities, frame by frame, to R-peaks: at most one a tick.

A peak is a frame whose probability reaches the threshold and is the largest
within 160 ms on either side; its time is the probability's centre of mass, finer
than the frame. It is decided a fixed time later, when the window that the beat
model wants is complete, so that nothing depends on how the signal arrived.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.model import ModelInfo
from inference.slots import Field, Slots, in_a_row
from inference.stage import Stage
from inference.ticks import TICK_MS
from ingest.errors import InputError

NEIGHBOURS = 4
"""Frames on either side that a peak must top."""
CENTRE_FRAMES = 2
"""Frames on either side that the centre of mass takes in: it lies within a frame of the peak."""
REFRACTORY_MS = TICK_MS
"""Least time between R-peaks, ms: the ventricles' refractory time, as Pan and Tompkins 1985."""
_AROUND = np.arange(2 * NEIGHBOURS + 1)
_OFFSETS = np.arange(-CENTRE_FRAMES, CENTRE_FRAMES + 1.0)
_CENTRE = slice(NEIGHBOURS - CENTRE_FRAMES, NEIGHBOURS + CENTRE_FRAMES + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """R-peaks that some ticks decided, by row and then by time; arrays of shape (n_peaks,)."""

    row: NDArray[np.intp]
    """Row of the slots."""
    tick: NDArray[np.intp]
    """Which of the ticks decided it, from 0."""
    r_ms: NDArray[np.int64]
    """Time on the stream's clock, ms."""

    def at(self, kept: NDArray[np.bool_]) -> Peaks:
        """Give some of them."""
        return Peaks(self.row[kept], self.tick[kept], self.r_ms[kept])


class PeakPicker(Stage):
    """Turns frame probabilities into R-peaks for many streams.

    Parameters
    ----------
    info : ModelInfo
        The QRS model that gives the probabilities.
    window_after_ms : int
        Signal that must be there behind a peak before it is decided, ms.
    n_slots : int
        Streams to make room for.

    Raises
    ------
    ingest.errors.InputError
        If the model's frames do not fit a tick.
    """

    def __init__(self, info: ModelInfo, window_after_ms: int, n_slots: int = 0) -> None:
        self.frame_ms = info.stride * 1000 // info.fs
        if self.frame_ms * info.fs != info.stride * 1000 or TICK_MS % self.frame_ms:
            raise InputError(
                f"model {info.name}: stride {info.stride} at {info.fs} Hz is no whole part "
                f"of a tick of {TICK_MS} ms"
            )
        self.frames = TICK_MS // self.frame_ms
        if self.frames > NEIGHBOURS + 1:
            raise InputError(
                f"model {info.name}: frames of {self.frame_ms} ms; allowed: 40 ms or longer"
            )
        self._threshold = np.float32(info.thresholds.get(info.classes[0], 0.5))
        self._look_ahead = round(info.look_ahead_s * 1000 / self.frame_ms)
        behind = -(-window_after_ms // self.frame_ms) + 1
        self.delay = max(behind, self._look_ahead + NEIGHBOURS)
        self._ring = self._to_newest(0) + NEIGHBOURS
        super().__init__(
            {"probs": Field((self._ring,)), "last_ms": Field(dtype=np.int64, initial=-(10**9))},
            n_slots,
        )

    @property
    def decision_delay_ms(self) -> int:
        """After a tick ends at t, every beat before t less this is known, and none will follow."""
        return (self.delay + 1) * self.frame_ms

    @property
    def oldest_ms(self) -> int:
        """A beat decided in a tick that ends at t lies at most this long before t, ms."""
        return (self.delay + self.frames + 1) * self.frame_ms

    def pick(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        probs: NDArray[np.float32],
        allowed: NDArray[np.bool_],
    ) -> Peaks:
        """Take the probabilities of the next ticks, give the peaks that these ticks decide.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        first_ms : array of shape (n_rows,), ms
            End of the first of the ticks on each stream's clock.
        probs : array of shape (n_rows, n_ticks, frames a tick)
            Output of the QRS model.
        allowed : array of shape (n_rows, n_ticks, frames a tick)
            Whether there was a signal in each of the frames that these ticks decide.

        Returns
        -------
        Peaks
            At most one a tick of a row.
        """
        flat = (len(slots), -1)
        of = in_a_row(slots)
        line = np.concatenate([self.state["probs"][of], probs.reshape(flat)], axis=1)
        self.state["probs"][of] = line[:, -self._ring :]
        begin = self.frames + NEIGHBOURS
        n_frames = probs.shape[1] * self.frames
        over = line[:, begin : begin + n_frames] >= self._threshold
        rows, frame = np.nonzero(over & allowed.reshape(flat))
        if not len(rows):
            return Peaks(rows, frame, np.empty(0, np.int64))
        around = line[rows[:, None], (frame + self.frames)[:, None] + _AROUND]
        here = around[:, NEIGHBOURS]
        is_peak = here >= around[:, :NEIGHBOURS].max(axis=1)
        is_peak &= here > around[:, NEIGHBOURS + 1 :].max(axis=1)
        rows, frame = rows[is_peak], frame[is_peak]
        tick = frame // self.frames
        now_ms = first_ms[rows] + tick * TICK_MS
        r_ms = now_ms + self._behind_ms(around[is_peak], frame % self.frames)
        kept = self._out_of_refractory_time(slots[rows], r_ms)
        return Peaks(rows[kept], tick[kept], r_ms[kept])

    def _out_of_refractory_time(self, slots: Slots, r_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Drop what follows too soon on the peak before, or lies before the stream.

        Parameters
        ----------
        slots : array of shape (n_peaks,)
            Their streams, those of one stream together.
        r_ms : array of shape (n_peaks,)
            Times, rising within a stream, ms.
        """
        last_ms = self.state["last_ms"]
        kept = np.zeros(len(slots), np.bool_)
        for of_rank in by_rank(slots):
            slot, at_ms = slots[of_rank], r_ms[of_rank]
            ok = (at_ms >= 0) & (at_ms - last_ms[slot] >= REFRACTORY_MS)
            last_ms[slot[ok]] = at_ms[ok]
            kept[of_rank] = ok
        return kept

    def _to_newest(self, k: int) -> int:
        """Frames from the k-th candidate of a tick to the end of the ring."""
        return self.delay - self._look_ahead + self.frames - k

    def _behind_ms(self, around: NDArray[np.float32], frame: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return where the centre of mass about each peak lies, ms from the end of its tick.

        Parameters
        ----------
        around : array of shape (n_peaks, 2 * NEIGHBOURS + 1)
            Probabilities about the peak.
        frame : array of shape (n_peaks,)
            Which of the tick's candidates it is.
        """
        p = around[:, _CENTRE].astype(np.float64)
        # Running sums, not sums: these add up from the left, whatever the layout.
        weight, moment = p.cumsum(axis=1)[:, -1], (p * _OFFSETS).cumsum(axis=1)[:, -1]
        place = frame + (NEIGHBOURS - self._ring - self._look_ahead + 0.5) + moment / weight
        return np.asarray(np.rint(place * self.frame_ms), np.int64)


def by_rank(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Part what comes row by row into the first of each row, the second of each, and so on.

    Parameters
    ----------
    rows : array of shape (n,)
        Of which row each is; those of one row together.

    Yields
    ------
    array of shape (n_of_rank,)
        Indices into ``rows``.

    Examples
    --------
    >>> [part.tolist() for part in by_rank(np.array([4, 4, 7, 2, 2, 2]))]
    [[0, 2, 3], [1, 4], [5]]
    """
    if firsts(rows).all():  # as nearly always: none has two
        if len(rows):
            yield np.arange(len(rows))
        return
    rank = ranks(rows)
    for k in range(int(rank.max(initial=-1)) + 1):
        yield np.flatnonzero(rank == k)


def ranks(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Count, within each row, what comes row by row.

    Examples
    --------
    >>> ranks(np.array([4, 4, 7, 2, 2, 2])).tolist()
    [0, 1, 0, 0, 1, 2]
    """
    n = np.arange(len(rows))
    rank: NDArray[np.intp] = n - np.maximum.accumulate(np.where(firsts(rows), n, 0))
    return rank


def firsts(rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Mark the first of each row, of what comes row by row.

    Examples
    --------
    >>> firsts(np.array([4, 4, 7])).tolist()
    [True, False, True]
    """
    first = np.ones(len(rows), np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    return first
