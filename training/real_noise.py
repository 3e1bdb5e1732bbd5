"""Real noise mixed into signals that are learned from, at known levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.datasets import LabelledSignal
from training.noise_bank import FADE_S, NoiseSegment, level, noise_track, trimmed_mean

TRACK_S = 7200
"""Length of the track that stretches are taken from, s: some 900 joined stretches of noise."""
QRS_REACH_S = 0.05
"""About each beat, to both sides, in which its peak-to-peak amplitude is taken, s."""


class RealNoise:
    """Noise of the bank's training part, strung together once, taken from at random places.

    Parameters
    ----------
    segments : sequence of NoiseSegment
        Of the training part, at ``fs``.
    fs : int
        Sampling frequency, Hz.
    seed : int
        Order of the stretches.
    """

    def __init__(self, segments: Sequence[NoiseSegment], fs: int, seed: int) -> None:
        self._fs = fs
        self._track = noise_track(segments, TRACK_S * fs, fs, np.random.default_rng(seed))

    def add(
        self,
        rng: np.random.Generator,
        signal_uv: NDArray[np.float32],
        power_uv2: float,
        snr_db: float,
    ) -> None:
        """Add noise in place: to the whole signal, or from or up to a random moment.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws.
        signal_uv : array of shape (n_samples,), uV
            A second or more, at most ``TRACK_S``.
        power_uv2 : float
            Power of its QRS complexes, from :func:`qrs_power`.
        snr_db : float
            Signal-to-noise ratio where the noise is on, dB.
        """
        n = len(signal_uv)
        start = int(rng.integers(0, len(self._track) - n + 1))
        part = self._track[start : start + n]
        gain = np.sqrt(power_uv2 / 10 ** (snr_db / 10)) / max(level(part, self._fs), 1e-6)
        edge = (np.arange(n) - rng.uniform(0, n)) / (FADE_S * self._fs)
        kind = int(rng.integers(4))
        on = np.clip(edge if kind == 0 else -edge, 0, 1) if kind < 2 else np.ones(n)
        signal_uv += (gain * on * part).astype(np.float32)


def qrs_power(signal: LabelledSignal) -> float:
    """Measure the power of an ECG by its QRS complexes, as :mod:`training.stress.mix` does.

    The square of the trimmed mean peak-to-peak amplitude over eight, of all beats.

    Parameters
    ----------
    signal : LabelledSignal
        With a beat or more.

    Returns
    -------
    float
        uV squared; 0 where no beat lies whole within the signal.
    """
    reach = round(QRS_REACH_S * signal.fs)
    at = signal.r_ms * signal.fs // 1000
    at = at[(at >= reach) & (at < len(signal.signal_uv) - reach)]
    if not len(at):
        return 0.0
    about = signal.signal_uv[at[:, None] + np.arange(-reach, reach + 1)]
    return trimmed_mean(np.ptp(about, axis=1)) ** 2 / 8
