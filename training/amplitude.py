"""The amplitude scale that serving divides signals by, for signals that training has changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.quality import Quality
from inference.ticks import TICK_MS


def over_scale(signal_uv: NDArray[np.float32], fs: int) -> NDArray[np.float32]:
    """Divide signals by the amplitude scale that serving would have used.

    Parameters
    ----------
    signal_uv : array of shape (batch, n_samples), uV
        A whole number of ticks each.
    fs : int
        Sampling frequency, Hz.

    Returns
    -------
    array of shape (batch, n_samples)
    """
    ticks = signal_uv.reshape(len(signal_uv), -1, fs * TICK_MS // 1000)
    scale_uv = Quality(len(ticks)).amplitude_scale(np.arange(len(ticks)), ticks)
    return (ticks / scale_uv[:, :, None]).reshape(signal_uv.shape)
