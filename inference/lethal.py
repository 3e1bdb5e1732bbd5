"""When VT and VF are called, from the rhythm model's probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW_TICKS = 20
"""Ticks over which probabilities are averaged: 4 s, as defibrillators and the Challenge 2015 have
it."""
SMALLEST_UV = 200.0
"""Amplitude scale below which fibrillation is not called: waves under 0.2 mV are fine fibrillation
or asystole, which no rule of the AHA tells apart (Kerber, Circulation 1997), uV."""


def trailing_mean(probs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average each tick with those before it, ``WINDOW_TICKS`` in all; fewer count as zeros.

    Parameters
    ----------
    probs : array of shape (n_ticks,)

    Returns
    -------
    array of shape (n_ticks,)

    Examples
    --------
    >>> trailing_mean(np.ones(25, np.float32))[[0, 9, 19, 24]].round(2).tolist()
    [0.05000000074505806, 0.5, 1.0, 1.0]
    """
    padded = np.concatenate([np.zeros(WINDOW_TICKS - 1, np.float32), probs])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, WINDOW_TICKS).mean(axis=1))
