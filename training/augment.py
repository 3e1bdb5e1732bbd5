"""Augmentation of ECG: what recordings go through, put on purpose, in microvolts.

Every function takes and gives arrays of shape (batch, n_samples) and a seeded
generator; none looks at labels, so labels stay as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float32]


def gain(x: Signal, rng: np.random.Generator, *, low: float = 0.5, high: float = 2.0) -> Signal:
    """Scale each signal by a log-uniform factor."""
    factor = np.exp(rng.uniform(np.log(low), np.log(high), (len(x), 1)))
    return np.asarray(x * factor, np.float32)


def inversion(x: Signal, rng: np.random.Generator, *, share: float = 0.3) -> Signal:
    """Turn the given share of signals upside down: a swapped or another lead."""
    sign = np.where(rng.random((len(x), 1)) < share, -1, 1)
    return np.asarray(x * sign, np.float32)


def noise(
    x: Signal,
    rng: np.random.Generator,
    *,
    share: float = 0.5,
    snr_db: tuple[float, float] = (0, 24),
) -> Signal:
    """Add muscle noise at an SNR drawn from ``snr_db``, swelling and fading.

    The signal's power is taken as that of a QRS, peak-to-peak squared over
    eight, as the MIT-BIH noise stress test does (Moody 1984).
    """
    batch, n = x.shape
    white = rng.standard_normal((batch, n))
    coloured = (white + 0.6 * np.roll(white, 1, axis=1)) / np.sqrt(1 + 0.6**2)
    swell = 1 + 0.8 * np.sin(_phase(rng, batch, n, 0.02, 0.3))
    envelope = swell / np.sqrt(1 + 0.8**2 / 2)  # of power 1 on average
    amplitude = np.percentile(np.abs(x), 99.0, axis=1, keepdims=True) * 2
    power = amplitude**2 / 8 / 10 ** (rng.uniform(*snr_db, (batch, 1)) / 10)
    level = np.sqrt(power) * (rng.random((batch, 1)) < share)
    return np.asarray(x + coloured * envelope * level, np.float32)


def wander(x: Signal, rng: np.random.Generator, *, fs: float, share: float = 0.5) -> Signal:
    """Add baseline wander from breathing and movement, up to the QRS amplitude."""
    batch, n = x.shape
    amplitude = np.percentile(np.abs(x), 99.0, axis=1, keepdims=True)
    chosen = rng.random((batch, 1)) < share
    total = np.zeros((batch, n))
    for low, high in ((0.1, 0.4), (0.3, 0.9)):
        depth = rng.uniform(0, 0.6, (batch, 1))
        total += depth * np.sin(_phase(rng, batch, n, low / fs * n, high / fs * n))
    return np.asarray(x + total * amplitude * chosen, np.float32)


def motion(x: Signal, rng: np.random.Generator, *, fs: float, rate_hz: float = 0.08) -> Signal:
    """Add electrode-motion bumps at random times: 0.1 to 1 s long, up to twice the QRS."""
    out = x.copy()
    batch, n = x.shape
    amplitude = np.percentile(np.abs(x), 99.0, axis=1)
    for row in range(batch):
        for _ in range(rng.poisson(rate_hz * n / fs * (rng.random() < 0.5))):
            length = int(rng.uniform(0.1, 1.0) * fs)
            at = int(rng.integers(0, max(n - length, 1)))
            height = rng.uniform(-2, 2) * amplitude[row]
            skew = np.linspace(0, 1, length) ** rng.uniform(0.4, 2.5)
            out[row, at : at + length] += (height * np.sin(np.pi * skew)).astype(np.float32)
    return out


def weak_qrs(
    x: Signal, peaks: NDArray[np.floating], *, fs: float, factor: float, reach_s: float = 0.08
) -> Signal:
    """Make the QRS complexes of one signal smaller, and leave the P and T waves as they are.

    Parameters
    ----------
    x : array of shape (n_samples,)
    peaks : array of shape (n_beats,)
        Samples of the R-peaks.
    fs : float
        Sampling frequency, Hz.
    factor : float
        What is left of a complex, over the line between its ends.
    reach_s : float
        How far it reaches to either side of its R-peak, s.
    """
    out = x.copy()
    reach = round(reach_s * fs)
    less = (factor - 1) * np.hanning(2 * reach + 1)
    for peak in np.rint(peaks).astype(np.int64):
        if reach <= peak < len(x) - reach:
            part = x[peak - reach : peak + reach + 1]
            line = np.linspace(part[0], part[-1], len(part))
            out[peak - reach : peak + reach + 1] += (less * (part - line)).astype(np.float32)
    return out


def pops(
    x: Signal, rng: np.random.Generator, *, fs: float, share: float, rate_hz: float = 0.06
) -> Signal:
    """Add electrode pops: jumps of 2 to 10 times the QRS that die away in 0.05 to 0.7 s."""
    out = x.copy()
    n = x.shape[1]
    amplitude = np.percentile(np.abs(x), 99.0, axis=1)
    for row in np.flatnonzero(rng.random(len(x)) < share):
        for _ in range(rng.poisson(rate_hz * n / fs)):
            at = int(rng.integers(0, n))
            height = amplitude[row] * np.exp(rng.uniform(np.log(2), np.log(10)))
            past = np.arange(n - at) / fs
            shape = np.exp(-past / rng.uniform(0.05, 0.7)) * np.minimum(1, (past * fs + 1) / 3)
            out[row, at:] += (height * rng.choice((-1, 1)) * shape).astype(np.float32)
    return out


def time_scale(
    x: Signal, at: NDArray[np.int64], rng: np.random.Generator, *, largest: float = 1.25
) -> tuple[Signal, NDArray[np.int64], float]:
    """Stretch or squeeze time by one log-uniform factor, and where the beats are with it.

    Parameters
    ----------
    x : array of shape (batch, n_samples)
    at : array of shape (n_beats,)
        Samples of the beats.
    rng : Generator
        Randomness.
    largest : float
        Largest factor.

    Returns
    -------
    x : array of shape (batch, about n_samples times the factor)
    at : array of shape (n_beats,)
    factor : float
    """
    factor = float(np.exp(rng.uniform(-np.log(largest), np.log(largest))))
    n = x.shape[1]
    grid = np.arange(int((n - 1) * factor) + 1) / factor
    scaled = np.stack([np.interp(grid, np.arange(n), row) for row in x])
    return np.asarray(scaled, np.float32), np.rint(at * factor).astype(np.int64), factor


def _phase(
    rng: np.random.Generator, batch: int, n: int, low: float, high: float
) -> NDArray[np.float64]:
    """Phases of a sine with ``low`` to ``high`` turns over the signal."""
    turns = rng.uniform(low, high, (batch, 1))
    return 2 * np.pi * (turns * np.linspace(0, 1, n) + rng.random((batch, 1)))
