"""A look at ten seconds of one lead: quality, amplitude, spectrum, which way the peaks go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.conditioning import Conditioning
from inference.streams import adu_per_uv
from ingest.frames import Lead

LOOK_FS = 125
"""Sampling frequency that is looked at, Hz: that of the models."""
SETTLE_S, LOOK_S = 2.0, 10.0
"""What is heard first for the baseline and the scale to settle, and what is looked at, s."""
WHOLE_HZ, FAST_HZ = (1.0, 60.0), 25.0
"""Band of the power, and from where on it counts as fast, Hz."""
MEDIAN_BAND_HZ = (1.0, 40.0)
"""Band of which the frequency is taken that halves the power, Hz."""
FLOOR_UV = 1.0
"""Amplitude below which nothing is said of the spectrum or the peaks, uV."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen."""

    quality: float
    """Mean quality index, 0 to 1."""
    unreadable: float
    """Share of the ticks from which beats cannot be called."""
    amplitude_uv: float | None
    """Median amplitude scale of the ticks heard, uV; None where none was."""
    median_frequency_hz: float | None
    """Frequency that halves the power; None where there is no signal."""
    fast_share: float | None
    """Share of the power that is fast; None where there is no signal."""
    uprightness: float | None
    """Peak above less peak below the baseline, over both, median over seconds."""


def look_at(samples_adu: NDArray[np.int16], fs: float, lead: Lead) -> Look:
    """Look at the last ten seconds of a stretch, conditioned as what is scored is.

    Parameters
    ----------
    samples_adu : array of shape (n_samples,), adu
        Twelve seconds of one lead, without a break.
    fs : float
        Sampling frequency, Hz.
    lead : Lead
        Its calibration.
    """
    conditioning = Conditioning(LOOK_FS, 1)
    conditioning.start(
        0,
        fs=fs,
        first_sample=0,
        first_adu=int(samples_adu[0]),
        gain=adu_per_uv(lead),
        baseline=lead.baseline,
    )
    blocks = conditioning.push(np.array([0]), samples_adu[None], fs)
    (block,) = blocks
    n_ticks = round(LOOK_S * 5)
    quality = block.quality
    heard = quality.heard[0, -n_ticks:]
    signal_uv = block.signal_uv[0, -n_ticks:].reshape(-1)
    scale_uv = quality.scale_uv[0, -n_ticks:][heard]
    has_signal = bool(heard.mean() > 0.5) and float(np.ptp(signal_uv)) > FLOOR_UV
    middle, fast = spectrum(signal_uv) if has_signal else (None, None)
    return Look(
        float(quality.index[0, -n_ticks:].mean()),
        float(1 - quality.readable[0, -n_ticks:].mean()),
        float(np.median(scale_uv)) if len(scale_uv) else None,
        middle,
        fast,
        uprightness(signal_uv) if has_signal else None,
    )


def spectrum(signal_uv: NDArray[np.float32]) -> tuple[float, float]:
    """Return the frequency that halves the power, Hz, and the share of it that is fast.

    Parameters
    ----------
    signal_uv : array of shape (n_samples,), uV
        Ten seconds at :data:`LOOK_FS`.

    Examples
    --------
    >>> t = np.arange(1250) / 125
    >>> middle, fast = spectrum(np.sin(2 * np.pi * 10 * t).astype(np.float32))
    >>> round(middle, 1), round(fast, 3)
    (10.0, 0.0)
    """
    window = np.hanning(len(signal_uv))
    power = np.abs(np.fft.rfft((signal_uv - signal_uv.mean()) * window)) ** 2
    hz = np.fft.rfftfreq(len(signal_uv), 1 / LOOK_FS)
    low, high = MEDIAN_BAND_HZ
    band = (hz >= low) & (hz <= high)
    rising = np.cumsum(power[band])
    middle = hz[band][min(int(np.searchsorted(rising, rising[-1] / 2)), band.sum() - 1)]
    whole = power[(hz >= WHOLE_HZ[0]) & (hz <= WHOLE_HZ[1])].sum()
    fast = power[(hz >= FAST_HZ) & (hz <= WHOLE_HZ[1])].sum()
    return float(middle), float(fast / whole)


def uprightness(signal_uv: NDArray[np.float32]) -> float:
    """Return how far peaks lie above the baseline rather than below, -1 to 1.

    Parameters
    ----------
    signal_uv : array of shape (n_samples,), uV
        Whole seconds at :data:`LOOK_FS`, about the baseline.

    Examples
    --------
    >>> beat = np.zeros(1250, np.float32)
    >>> beat[60::125] = 1000.0
    >>> uprightness(beat), uprightness(-beat)
    (1.0, -1.0)
    """
    seconds = signal_uv[: len(signal_uv) // LOOK_FS * LOOK_FS].reshape(-1, LOOK_FS)
    above, below = np.maximum(seconds.max(1), 0), np.maximum(-seconds.min(1), 0)
    both = above + below
    shares = (above - below)[both > 0] / both[both > 0]
    return float(np.median(shares)) if len(shares) else 0.0
