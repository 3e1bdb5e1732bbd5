"""Training sequences for the rhythm model: stretches of signal, and the rhythm of each tick.

VT, VF and asystole are rare, so most sequences of a record that has them are laid
about a tick of a rhythm that is drawn first, each of the record's the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ticks import TICK_MS, V
from ingest.errors import InputError
from training import augment
from training.amplitude import over_scale
from training.datasets import LabelledSignal
from training.rhythm_spans import EDGE_MS, SpanRhythm, by_tick
from training.synthesis.tachycardia import cycle_of, tachycardia

EDGE_TICKS = EDGE_MS // TICK_MS
"""Ticks about a change of rhythm that teach nothing."""
MOST_CYCLES = 40
"""Ventricular beats of one signal that tachycardia is made of."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How signals are made harder; shares are of sequences."""

    about: float = 0.6
    """Share laid about a tick of a rhythm that is drawn first."""
    stretch: float = 1.25
    """Largest factor by which time is stretched or squeezed."""
    gain: float = 1.65
    """Largest factor by which amplitudes are raised or lowered."""
    inversion: float = 0.5
    """Share turned upside down."""
    noise: float = 0.5
    """Share with muscle noise."""
    noise_db_low: float = -3.0
    """Least SNR of that noise, dB."""
    noise_db_high: float = 24.0
    """Largest SNR of that noise, dB."""
    wander: float = 0.4
    """Share with baseline wander."""
    weak_qrs: float = 0.4
    """Share whose QRS complexes are made small, as low as their P and T waves."""
    weakest: float = 0.15
    """Least factor of that."""
    tachycardia: float = 0.15
    """Share with ventricular tachycardia made of another patient's ventricular beat."""
    squeeze: float = 0.0
    """Share squeezed by more than ``stretch`` where they hold no lethal rhythm: fast sinus rhythm,
    which few records have."""
    tightest: float = 2.2
    """Largest factor of that."""


class RhythmSampler:
    """Draws stretches from signals whose rhythm is labelled.

    Parameters
    ----------
    signals : sequence of LabelledSignal
        With ``rhythm_ms``; each is drawn by its weight.
    disturbance : Disturbance
        How they are made harder.

    Raises
    ------
    ingest.errors.InputError
        If none of them has a labelled rhythm.
    """

    def __init__(
        self, signals: Sequence[LabelledSignal], disturbance: Disturbance = Disturbance()
    ) -> None:
        labelled = [(s, by_tick(s)) for s in signals]
        labelled = [(s, ticks) for s, ticks in labelled if (ticks >= 0).any()]
        if not labelled:
            raise InputError("no signal has a stretch whose rhythm is labelled")
        self._signals = [s for s, _ in labelled]
        self._ticks = [ticks for _, ticks in labelled]
        self._of_rhythm = [
            [np.flatnonzero(ticks == rhythm) for rhythm in np.unique(ticks[ticks >= 0])]
            for ticks in self._ticks
        ]
        weights = np.array([s.weight for s, _ in labelled])
        self._shares = np.cumsum(weights) / weights.sum()
        self._fs, self._how = labelled[0][0].fs, disturbance
        self._n = self._fs * TICK_MS // 1000
        self._cycles = [cycles for s, _ in labelled if (cycles := cycles_of(s))]

    def draw(
        self, rng: np.random.Generator, batch: int, length_s: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Draw ``batch`` stretches of ``length_s`` seconds.

        Returns
        -------
        signal : array of shape (batch, n_ticks * samples a tick)
            Over its amplitude scale.
        rhythm : array of shape (batch, n_ticks)
            :class:`~training.rhythm_spans.SpanRhythm`; unknown behind the end of a record.
        """
        n_ticks = length_s * 1000 // TICK_MS
        signal = np.zeros((batch, n_ticks * self._n), np.float32)
        rhythm = np.full((batch, n_ticks), SpanRhythm.UNKNOWN, np.int64)
        for row in range(batch):
            self._cut(rng, signal[row], rhythm[row])
            if self._cycles and rng.random() < self._how.tachycardia:
                self._add_tachycardia(rng, signal[row], rhythm[row])
        how = self._how
        signal = augment.gain(signal, rng, low=1 / how.gain, high=how.gain)
        signal = augment.inversion(signal, rng, share=how.inversion)
        snr_db = (how.noise_db_low, how.noise_db_high)
        signal = augment.noise(signal, rng, share=how.noise, snr_db=snr_db)
        signal = augment.wander(signal, rng, fs=self._fs, share=how.wander)
        signal = augment.motion(signal, rng, fs=self._fs)
        return over_scale(signal, self._fs), rhythm

    def _cut(
        self, rng: np.random.Generator, signal: NDArray[np.float32], rhythm: NDArray[np.int64]
    ) -> None:
        """Fill one row from a record, its time stretched."""
        which = int(np.searchsorted(self._shares, rng.random(), side="right"))
        source, ticks = self._signals[which], self._ticks[which]
        x = source.signal_uv
        bound = np.log(self._how.stretch)
        pace = float(np.exp(rng.uniform(-bound, bound)))
        n = int(len(rhythm) * pace) + 2
        begin = int(rng.integers(0, max(len(ticks) - n, 1)))
        if rng.random() < self._how.about:
            of_rhythm = self._of_rhythm[which]
            wanted = rng.choice(of_rhythm[int(rng.integers(len(of_rhythm)))])
            begin = int(np.clip(wanted - rng.integers(0, len(rhythm)), 0, max(len(ticks) - n, 0)))
        if self._how.squeeze and rng.random() < self._how.squeeze:
            tight = float(np.exp(rng.uniform(bound, np.log(self._how.tightest))))
            more = int(len(rhythm) * tight) + 2
            if (ticks[begin : begin + more] <= SpanRhythm.OTHER).all():
                pace, n = tight, more
        part = x[begin * self._n : (begin + n) * self._n]
        at = np.arange(len(signal)) * pace
        there = at < len(part) - 1
        signal[there] = np.interp(at[there], np.arange(len(part)), part)
        tick = (np.arange(len(rhythm)) * pace).astype(np.int64) + begin
        whole = there.reshape(len(rhythm), -1).all(axis=1)
        rhythm[whole] = ticks[np.minimum(tick[whole], len(ticks) - 1)]
        if rng.random() < self._how.weak_qrs:
            factor = float(np.exp(rng.uniform(np.log(self._how.weakest), 0)))
            peaks = (source.r_ms * self._fs / 1000 - begin * self._n) / pace
            signal[:] = augment.weak_qrs(signal, peaks, fs=self._fs, factor=factor)

    def _add_tachycardia(
        self, rng: np.random.Generator, signal: NDArray[np.float32], rhythm: NDArray[np.int64]
    ) -> None:
        """Put a stretch of synthetic tachycardia in place of what is there."""
        of_patient = self._cycles[int(rng.integers(len(self._cycles)))]
        cycle = of_patient[int(rng.integers(len(of_patient)))]
        length = int(rng.integers(len(rhythm) // 4, len(rhythm)))
        begin = int(rng.integers(0, len(rhythm) - length + 1))
        part = signal[begin * self._n : (begin + length) * self._n]
        drawn = tachycardia(cycle, len(part), self._fs, rng)
        share = np.exp(rng.uniform(np.log(0.003), np.log(0.05)))
        noise = rng.standard_normal(len(part)) * share * np.ptp(cycle)
        part[:] = drawn * rng.uniform(0.7, 1.3) + noise + part[0]
        rhythm[begin : begin + length] = SpanRhythm.VT
        for edge in (begin, begin + length):
            rhythm[max(edge - EDGE_TICKS, 0) : edge + EDGE_TICKS] = SpanRhythm.UNKNOWN


def cycles_of(signal: LabelledSignal) -> list[NDArray[np.float32]]:
    """Cut the cycles of a signal's ventricular beats, ``MOST_CYCLES`` spread over it at most."""
    at = signal.r_ms[signal.aami == V] * signal.fs // 1000
    at = at[(at > signal.fs) & (at < len(signal.signal_uv) - signal.fs)]
    chosen = at[:: max(len(at) // MOST_CYCLES, 1)]
    return [cycle_of(signal.signal_uv, int(r), signal.fs) for r in chosen]
