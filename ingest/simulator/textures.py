"""Noise that never ends: periodic random signals with a chosen spectrum.

A texture is one period of a random signal, made by an inverse Fourier transform
with random phases, as McSharry (2003, doi 10.1109/TBME.2003.808805) makes the RR
tachogram. It joins itself without a seam, so any stretch of it can be had at any
time, and a prefix of a longer stretch equals a shorter one. Its phases are drawn
frequency by frequency, so that the same seed gives the same signal at any fs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Real values, float64."""

Spectrum = Callable[[FloatArray], FloatArray]
"""Power at each of an array of frequencies in Hz, in any unit."""


def texture(rng: np.random.Generator, fs: float, period_s: float, spectrum: Spectrum) -> FloatArray:
    """Draw one period of a random signal.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the phases; one number is drawn a frequency, lowest first.
    fs : float
        Sampling frequency, Hz.
    period_s : float
        Length of the period, s; rounded to whole samples.
    spectrum : Spectrum
        Power as a function of frequency, Hz.

    Returns
    -------
    FloatArray
        Array of shape (n_samples,), zero mean; standard deviation 1 where ``fs``
        holds the whole spectrum, and less by what lies above ``fs / 2``.

    Examples
    --------
    >>> hum = texture(np.random.default_rng(1), 250.0, 4.0, band(49.0, 51.0))
    >>> hum.shape, round(float(hum.std()), 2)
    ((1000,), 1.0)
    """
    n = max(2, round(fs * period_s))
    n_bins = n // 2
    frequency = np.arange(1, n_bins + 1) / period_s
    power = spectrum(frequency)
    whole = np.arange(1, round(_WIDEST_HZ * period_s) + 1) / period_s
    total = float(spectrum(whole).sum())
    phase = rng.uniform(0.0, 2.0 * np.pi, n_bins)
    coefficients = np.zeros(n_bins + 1, dtype=np.complex128)
    coefficients[1:] = np.sqrt(power / (2.0 * total)) * n * np.exp(1j * phase)
    if n % 2 == 0:
        coefficients[-1] = 0.0
    return np.fft.irfft(coefficients, n)


_WIDEST_HZ = 200.0
"""Textures hold nothing above this frequency, Hz."""


def band(low_hz: float, high_hz: float, tilt: float = 0.0) -> Spectrum:
    """Return a spectrum that is 0 outside a band and falls as f^-tilt within.

    Examples
    --------
    >>> band(1.0, 3.0)(np.array([0.5, 1.0, 2.0, 4.0])).tolist()
    [0.0, 1.0, 1.0, 0.0]
    """

    def power(frequency: FloatArray) -> FloatArray:
        inside = (frequency >= low_hz) & (frequency <= high_hz)
        return np.where(inside, (frequency / low_hz) ** -tilt, 0.0)

    return power


def at(period: FloatArray, fs: float, t_s: FloatArray) -> FloatArray:
    """Read a texture at any times, by linear interpolation, wrapping around.

    Parameters
    ----------
    period : FloatArray
        Array of shape (n_samples,): one period, from :func:`texture`.
    fs : float
        Sampling frequency of the period, Hz.
    t_s : FloatArray
        Array of any shape: times, s.

    Returns
    -------
    FloatArray
        Array of the shape of ``t_s``, in the unit of ``period``.
    """
    place = t_s * fs
    left = np.floor(place)
    weight = place - left
    index = left.astype(np.int64) % period.size
    following = index + 1
    following[following == period.size] = 0
    return period[index] * (1.0 - weight) + period[following] * weight


def tiled(period: FloatArray, n_samples: int) -> FloatArray:
    """Repeat a texture to a number of samples, from its start.

    Examples
    --------
    >>> tiled(np.array([1.0, 2.0]), 5).tolist()
    [1.0, 2.0, 1.0, 2.0, 1.0]
    """
    return np.resize(period, n_samples)
