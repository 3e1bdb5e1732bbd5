"""Ventricular tachycardia made of one ventricular beat: cycle after cycle, fast and wide.

Few patients were recorded in ventricular tachycardia, many with single
ventricular beats. A run of one patient's beat, each cycle as long as the last
but for a little, is how a monomorphic tachycardia looks; where its size swells
and fades, how a polymorphic one does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLOWEST_BPM, FASTEST_BPM = 130.0, 300.0
"""Rates that are drawn."""
BEFORE_S, AFTER_S = 0.2, 0.3
"""Part of a beat before and behind its R-peak that one cycle is made of, s."""


def cycle_of(signal: NDArray[np.float32], r: int, fs: float) -> NDArray[np.float32]:
    """Cut the cycle about one ventricular beat, its ends drawn to zero so that copies join.

    Parameters
    ----------
    signal : array of shape (n_samples,)
    r : int
        Sample of its R-peak, with enough signal on both sides.
    fs : float
        Sampling frequency, Hz.

    Returns
    -------
    array of shape (n_cycle,)

    Examples
    --------
    >>> cycle = cycle_of(np.arange(200, dtype=np.float32), 100, 100.0)
    >>> len(cycle), float(np.abs(cycle).max())
    (50, 0.0)
    """
    part = signal[r - round(BEFORE_S * fs) : r + round(AFTER_S * fs)]
    line = np.linspace(part[0], part[-1], len(part), dtype=np.float32)
    return np.asarray(part - line, np.float32)


def tachycardia(
    cycle: NDArray[np.float32], n_samples: int, fs: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw ventricular tachycardia.

    Parameters
    ----------
    cycle : array of shape (n_cycle,)
        As :func:`cycle_of` gives it.
    n_samples : int
        Length wanted.
    fs : float
        Sampling frequency, Hz.
    rng : numpy.random.Generator
        Draws the rate, how steady it is, and how the size swells.

    Returns
    -------
    array of shape (n_samples,)

    Examples
    --------
    >>> beat = np.sin(np.linspace(0, np.pi, 60, dtype=np.float32))
    >>> drawn = tachycardia(beat, 500, 125.0, np.random.default_rng(0))
    >>> drawn.shape, bool(np.abs(drawn).max() > 0.5)
    ((500,), True)
    """
    cycle_s = 60 / rng.uniform(SLOWEST_BPM, FASTEST_BPM)
    n_cycles = int(n_samples / (cycle_s * fs) * 1.3) + 3
    jitter = rng.uniform(0, 0.06)
    lengths = cycle_s * fs * np.clip(1 + jitter * rng.standard_normal(n_cycles), 0.7, 1.3)
    starts = np.concatenate([[0.0], np.cumsum(lengths)])
    at = np.arange(n_samples) + rng.uniform(0, cycle_s * fs)
    which = np.searchsorted(starts, at, side="right") - 1
    phase = (at - starts[which]) / lengths[which]
    drawn = np.interp(phase * (len(cycle) - 1), np.arange(len(cycle)), cycle)
    sizes = np.clip(1 + rng.uniform(0, 0.15) * rng.standard_normal(n_cycles), 0.4, 1.6)
    depth, pace_hz = rng.uniform(0, 0.8) * (rng.random() < 0.5), rng.uniform(0.1, 0.6)
    swell = 1 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * (pace_hz * at / fs + rng.random())))
    return np.asarray(drawn * sizes[which] * swell, np.float32)
