"""Training sequences for the QRS detector: stretches of augmented signal and their R-peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError
from training import augment
from training.amplitude import over_scale
from training.datasets import LabelledSignal
from training.real_noise import RealNoise, qrs_power

TARGET_WIDTH = 0.5
"""Standard deviation of the target about an R-peak, frames: soft, to let its centre be read."""
MARGIN_FRAMES = 8
"""Frames about the edge of a silence that teach nothing."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How signals are made harder; shares are of sequences."""

    stretch: float = 1.25
    """Largest factor by which time is stretched or squeezed."""
    inversion: float = 0.3
    """Share turned upside down."""
    noise: float = 0.4
    """Share with muscle noise."""
    noise_db_low: float = 0.5
    """Least SNR of that noise, dB."""
    noise_db_high: float = 21.5
    """Largest SNR of that noise, dB."""
    wander: float = 0.5
    """Share with baseline wander."""
    silence: float = 0.12
    """Share with a stretch of silence put in, so that asystole is learned as such."""
    dropout: float = 0.0
    """Share in which the lead is off for a while: flat, and no beat to find."""
    gain: float = 2.0
    """Largest factor by which amplitudes are raised or lowered."""
    other_lead: float = 0.3
    """Share taken from a lead that is not the record's first."""
    fast: float = 0.0
    """Share squeezed by up to ``fastest``: rates of tachycardia."""
    fastest: float = 2.0
    """Largest factor of that."""
    weak_qrs: float = 0.0
    """Share whose QRS complexes are made small, as low as their P and T waves."""
    weakest: float = 0.2
    """Least factor of that."""
    pops: float = 0.0
    """Share with electrode pops, several times as high as the QRS."""
    real_noise: float = 0.0
    """Share with noise of the noise bank's training part, over all of it or a part of it."""
    real_noise_db_low: float = 0.0
    """Least SNR of that noise, dB."""
    real_noise_db_high: float = 24.0
    """Largest SNR of that noise, dB."""


@dataclass(frozen=True, slots=True, eq=False)
class QrsSequences:
    """A batch of stretches."""

    signal: NDArray[np.float32]
    """Array of shape (batch, n_samples): over the amplitude scale."""
    target: NDArray[np.float32]
    """Array of shape (batch, n_frames): 1 where the frame speaks of an R-peak."""
    weight: NDArray[np.float32]
    """Array of shape (batch, n_frames): 0 where a frame teaches nothing."""


class QrsSampler:
    """Draws stretches from labelled signals.

    Parameters
    ----------
    signals : sequence of LabelledSignal
        Training signals; those of a record's first lead first.
    n_first : int
        How many of them are first leads.
    stride : int
        Samples a frame.
    look_ahead : int
        Frames by which a frame's target lies behind it.
    augmentation : Augmentation
        How they are made harder.
    noise : RealNoise, optional
        Where ``augmentation.real_noise`` takes its noise from.

    Raises
    ------
    ingest.errors.InputError
        If real noise is asked for and there is none.
    """

    def __init__(
        self,
        signals: Sequence[LabelledSignal],
        n_first: int,
        stride: int,
        look_ahead: int,
        augmentation: Augmentation = Augmentation(),
        noise: RealNoise | None = None,
    ) -> None:
        if augmentation.real_noise and noise is None:
            raise InputError("enrichment.real_noise wants noise to learn from; there is none")
        self._noise = noise
        self._power = {id(s): qrs_power(s) for s in signals} if noise else {}
        self._signals, self._n_first = list(signals), n_first
        self._stride, self._look_ahead, self._how = stride, look_ahead, augmentation
        self._fs = signals[0].fs

    def draw(self, rng: np.random.Generator, batch: int, length_s: int) -> QrsSequences:
        """Draw ``batch`` stretches of ``length_s`` seconds.

        Raises
        ------
        ingest.errors.InputError
            If a record is shorter than such a stretch may be before it is squeezed.
        """
        n = length_s * self._fs
        largest = max(self._how.stretch, self._how.fastest if self._how.fast else 1)
        for record in self._signals:
            if len(record.signal_uv) <= n * largest + 2:
                raise InputError(
                    f"record {record.name} is too short for sequences of {length_s} s, "
                    f"stretched by up to {largest}"
                )
        signal = np.empty((batch, n), np.float32)
        target = np.zeros((batch, n // self._stride), np.float32)
        weight = np.ones_like(target)
        for row in range(batch):
            self._cut(rng, signal[row], target[row], weight[row])
        weight[:, : self._look_ahead] = 0
        how = self._how
        signal = augment.gain(signal, rng, low=1 / how.gain, high=how.gain)
        signal = augment.inversion(signal, rng, share=how.inversion)
        snr_db = (how.noise_db_low, how.noise_db_high)
        signal = augment.noise(signal, rng, share=how.noise, snr_db=snr_db)
        signal = augment.wander(signal, rng, fs=self._fs, share=how.wander)
        signal = augment.motion(signal, rng, fs=self._fs)
        if how.pops:
            signal = augment.pops(signal, rng, fs=self._fs, share=how.pops)
        return QrsSequences(over_scale(signal, self._fs), target, weight)

    def _cut(
        self,
        rng: np.random.Generator,
        signal: NDArray[np.float32],
        target: NDArray[np.float32],
        weight: NDArray[np.float32],
    ) -> None:
        """Fill one row from a random place of a random record."""
        others = len(self._signals) - self._n_first
        other = others > 0 and rng.random() < self._how.other_lead
        record = self._signals[
            rng.integers(others) + self._n_first if other else rng.integers(self._n_first)
        ]
        pace = self._pace(rng)
        n = int(len(signal) * pace) + 2
        start = int(rng.integers(0, len(record.signal_uv) - n))
        source = record.signal_uv[start : start + n]
        signal[:] = np.interp(np.arange(len(signal)) * pace, np.arange(n), source)

        def frame(time_ms: NDArray[np.int64]) -> NDArray[np.float64]:
            return (time_ms * self._fs / 1000 - start) / pace / self._stride

        peaks = frame(record.r_ms)
        peaks = peaks[(peaks > 0) & (peaks < len(target))]
        how = self._how
        if how.weak_qrs and rng.random() < how.weak_qrs:
            factor = float(np.exp(rng.uniform(np.log(how.weakest), 0)))
            at = peaks * self._stride
            signal[:] = augment.weak_qrs(signal, at, fs=self._fs, factor=factor)
        if rng.random() < self._how.silence:
            peaks = self._silence(rng, signal, weight, peaks)
        if self._how.dropout and rng.random() < self._how.dropout:
            peaks = self._silence(rng, signal, weight, peaks, off=True)
        if self._noise and how.real_noise and rng.random() < how.real_noise:
            snr_db = rng.uniform(how.real_noise_db_low, how.real_noise_db_high)
            self._noise.add(rng, signal, self._power[id(record)], snr_db)
        for peak in peaks + self._look_ahead:
            near = np.arange(max(int(peak) - 2, 0), min(int(peak) + 3, len(target)))
            bump = np.exp(-((near + 0.5 - peak) ** 2) / (2 * TARGET_WIDTH**2))
            target[near] = np.maximum(target[near], bump)
        for begin, end in frame(np.minimum(record.flutter_ms, 10**9)) + self._look_ahead:
            weight[max(int(begin) - 5, 0) : max(int(end) + 25, 0)] = 0

    def _pace(self, rng: np.random.Generator) -> float:
        """Draw by how much time is squeezed."""
        how = self._how
        low, high = 1 / how.stretch, how.stretch
        if how.fast and rng.random() < how.fast:
            low, high = 1, how.fastest
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def _silence(
        self,
        rng: np.random.Generator,
        signal: NDArray[np.float32],
        weight: NDArray[np.float32],
        peaks: NDArray[np.float64],
        *,
        off: bool = False,
    ) -> NDArray[np.float64]:
        """Put 3 to 12 s of near-silence in, or of a lead that is off; return the peaks left."""
        length = int(rng.uniform(80, 300))
        begin = int(rng.uniform(0, len(weight) - 100))
        part = signal[begin * self._stride : (begin + length) * self._stride]
        fade = np.clip(np.minimum(np.arange(len(part)), np.arange(len(part))[::-1]) / 10, 0, 1)
        quiet = rng.standard_normal(len(part)) * rng.uniform(2, 30)
        part[:] = part[0] if off else part * (1 - fade) + quiet * fade
        for edge in (begin, begin + length):
            weight[max(edge - MARGIN_FRAMES, 0) : edge + MARGIN_FRAMES] = 0
        return peaks[(peaks < begin) | (peaks > begin + length)]
