"""Which peaks are far too small for QRS complexes: the P waves of a ventricular standstill.

Where the ventricles stop, the atria may go on. Whoever scales a signal by its own size finds beats
in the P waves then, and no asystole: the alarm that matters most would never come. So a peak is
held against the stream's own QRS complexes from before. One that is smaller than any P wave is
large, and a small part of those besides, is no beat. The size that is usual follows accepted beats,
down faster than up, so that it keeps to the smaller ones where large ectopic beats stand between;
it is learned anew whenever a lead was off, since an electrode put on elsewhere sees other sizes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.peaks import Peaks, by_rank, firsts
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Stage
from inference.usual_shape import QRS_MS

P_WAVE_UV = 250.0
"""Size from which a peak always is a beat, uV: P waves rarely are so (Surawicz 2008)."""
FAINT = 0.25
"""Share of the usual size from which a peak always is a beat; Vigil's choice."""
UP, DOWN = np.float32(1.05), np.float32(0.85)
"""How far the usual size may go with one beat."""
LEAST_BEATS = 8
"""Beats without which no size is usual; the smallest of them is, at first."""


class Faint(Stage):
    """Follows the usual size of the QRS in many streams, and tells the peaks that are no beats.

    Parameters
    ----------
    fs : int
        Sampling frequency of the beats' windows, Hz.
    before, length : int
        Samples of a window before its R-peak, and of all of it.
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, fs: int, before: int, length: int, n_slots: int = 0) -> None:
        half = QRS_MS * fs // 1000
        self._qrs = slice(before - half, before + half + 1)
        self._seen = before >= half and length > before + half
        super().__init__({"usual_uv": Field(), "n_sizes": Field(dtype=np.int8)}, n_slots)

    def judge(
        self,
        slots: Slots,
        peaks: Peaks,
        windows: NDArray[np.float32],
        scale_uv: NDArray[np.float32],
        heard: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Take the peaks that some ticks decided, say which of them may be beats.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        peaks : Peaks
            Of these ticks; at least one.
        windows : array of shape (n_peaks, n_leads, n_samples)
            Signal about them over its amplitude scale.
        scale_uv : array of shape (n_rows, n_leads, n_ticks)
            That scale, uV.
        heard : array of shape (n_rows, n_leads, n_ticks)
            There is a signal.

        Returns
        -------
        array of shape (n_peaks,)
            False where a peak is too small.
        """
        kept = np.ones(len(peaks.row), np.bool_)
        if not self._seen:
            return kept  # a beat model that looks at less than a QRS
        anew, behind = _broken(peaks, heard)
        cut = windows[:, :, self._qrs]
        sizes_uv = (cut.max(axis=2) - cut.min(axis=2)) * scale_uv[peaks.row, :, peaks.tick]
        size_uv = sizes_uv.max(axis=1)
        for of_rank in by_rank(peaks.row):
            kept[of_rank] = _follow(
                self.state, slots[peaks.row[of_rank]], size_uv[of_rank], anew[of_rank]
            )
        self.state["n_sizes"][slots[behind]] = 0
        return kept

    def pass_by(self, slots: Slots, heard: NDArray[np.bool_]) -> None:
        """Take ticks that decided no peak: where a lead was off in them, sizes are learned anew.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        heard : array of shape (n_rows, n_leads, n_ticks)
            There is a signal.
        """
        whole = np.logical_and.reduce(heard, axis=(1, 2))
        if not whole.all():
            self.state["n_sizes"][slots[~whole]] = 0


def _follow(
    state: SlotArrays, slots: Slots, size_uv: NDArray[np.float32], anew: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Take in one peak a stream; say whether each may be a beat."""
    n = np.where(anew, 0, state["n_sizes"][slots])
    usual = state["usual_uv"][slots]
    faint = (n >= LEAST_BEATS) & (size_uv < P_WAVE_UV) & (size_uv < FAINT * usual)
    near = np.minimum(np.maximum(size_uv, usual * DOWN), usual * UP)
    least = np.where(n == 0, size_uv, np.minimum(size_uv, usual))
    learned = np.where(n < LEAST_BEATS, least, near)
    state["usual_uv"][slots] = np.where(faint, usual, learned)
    state["n_sizes"][slots] = np.where(faint, n, np.minimum(n + 1, LEAST_BEATS))
    return ~faint


def _broken(peaks: Peaks, heard: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Say where a lead was off: before each peak, since that before it; and behind a row's last.

    Returns
    -------
    before : array of shape (n_peaks,)
    behind : array of the rows
    """
    row, tick = peaks.row, peaks.tick
    lost = ~np.logical_and.reduce(heard, axis=1)
    if not lost.any():
        return np.zeros(len(row), np.bool_), np.empty(0, np.intp)
    n_lost = np.zeros((len(lost), lost.shape[1] + 1), np.int32)
    np.cumsum(lost, axis=1, out=n_lost[:, 1:])
    first, since = firsts(row), np.zeros(len(lost), np.intp)
    begin = np.where(first, 0, np.roll(tick, 1) + 1)
    before = n_lost[row, tick + 1] > n_lost[row, begin]
    last = np.append(first[1:], True)
    since[row[last]] = tick[last] + 1
    return before, np.flatnonzero(n_lost[:, -1] > n_lost[np.arange(len(lost)), since])
