"""One sequence of beats, while rhythm is put into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHORTEST_S = 0.25
"""Shortest interval that is made: 240 a minute."""


@dataclass(slots=True, eq=False)
class Beats:
    """Beats of one patient in order of time; its arrays are changed in place."""

    windows: NDArray[np.float32]
    """Array of shape (n_leads, n_beats, length): beats over their amplitude scale."""
    rr_s: NDArray[np.float64]
    """Array of shape (n_beats,), s: interval before each beat, 0 where unknown."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): class codes, below 0 where a beat teaches nothing."""
    signal: NDArray[np.float32]
    """Array of shape (n_leads, n_samples): what the windows were cut from."""
    at: NDArray[np.int64]
    """Array of shape (n_beats,): R-peaks in it, samples."""
    before: int
    """Samples of a window before the R-peak."""
    fs: int
    """Sampling frequency, Hz."""

    def move_early(self, beat: int) -> None:
        """Put what followed the beat before in front of a QRS that now comes early."""
        window, end = self.windows[:, beat], self.before - 6
        begin = int(self.at[beat - 1]) + round(self.rr_s[beat] * self.fs) - self.before
        if begin < 0 or begin + end > self.signal.shape[1]:
            return
        lead_in = self.signal[:, begin : begin + end]
        step = window[:, end : end + 1] - lead_in[:, -1:]
        fade = np.clip(np.arange(end) - (end - 6), 0, None) / 6
        window[:, :end] = (lead_in + step) * (1 - fade) + window[:, :end] * fade
