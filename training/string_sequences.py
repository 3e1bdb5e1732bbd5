"""Training stretches for beat strings: signal, and the classes of its beats in order, untimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, V
from ingest.errors import InputError
from training import augment
from training.datasets import LabelledSignal

LEAD_IN, LEAD_OUT = 0.35, 0.55
"""Share of the RR interval before the first beat and after the last that a stretch holds."""
LONGEST_S = 1.2
"""Most of either, s."""
MAX_TRIES = 1000
"""Draws in a row that may hold a beat of no class before the data are called unfit."""


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Which stretches are drawn and how they are made harder; shares of stretches."""

    ectopic: float = 0.5
    """Share drawn about a beat that is not N."""
    inversion: float = 0.3
    """Share turned upside down."""
    noise: float = 0.3
    """Share with muscle noise."""
    noise_db_low: float = 3.0
    """Least SNR of that noise, dB."""
    noise_db_high: float = 24.0
    """Largest SNR of that noise, dB."""


@dataclass(frozen=True, slots=True, eq=False)
class StringSequences:
    """A batch of stretches."""

    signal: NDArray[np.float32]
    """Array of shape (batch, n_samples): over the amplitude scale, zeros behind its end."""
    n_samples: NDArray[np.int64]
    """Array of shape (batch,): samples of each."""
    strings: tuple[NDArray[np.int8], ...]
    """For each, the class codes of its beats in order."""


class StringSampler:
    """Draws stretches that begin and end between beats.

    The annotations' times serve to cut the labels to the stretch, and for nothing else.

    Parameters
    ----------
    signals : sequence of LabelledSignal
        Training signals.
    difficulty : Difficulty
        Which are drawn and how they are made harder.

    Raises
    ------
    ingest.errors.InputError
        If no signal has three beats.
    """

    def __init__(
        self, signals: Sequence[LabelledSignal], difficulty: Difficulty = Difficulty()
    ) -> None:
        self._signals = [signal for signal in signals if len(signal.r_ms) > 2]
        if not self._signals:
            raise InputError("no record has the three beats that a string needs")
        self._scaled = [signal.scaled for signal in self._signals]
        self._how = difficulty
        self._ectopic = [
            (which, beat)
            for which, signal in enumerate(self._signals)
            for beat in np.flatnonzero((signal.aami > N) & (signal.aami <= V))
        ]

    def draw(self, rng: np.random.Generator, batch: int, length_s: int) -> StringSequences:
        """Draw ``batch`` stretches of ``length_s`` seconds at most.

        Raises
        ------
        ingest.errors.InputError
            If almost all stretches hold beats that are neither N, S nor V.
        """
        n = length_s * self._signals[0].fs
        signal, sizes, strings = np.zeros((batch, n), np.float32), [], []
        for row in range(batch):
            x, string = self._stretch(rng, length_s)
            signal[row, : len(x)] = x
            sizes.append(len(x))
            strings.append(string)
        how = self._how
        signal = augment.inversion(signal, rng, share=how.inversion)
        snr_db = (how.noise_db_low, how.noise_db_high)
        signal = augment.noise(signal, rng, share=how.noise, snr_db=snr_db)
        return StringSequences(signal, np.array(sizes, np.int64), tuple(strings))

    def _stretch(
        self, rng: np.random.Generator, length_s: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        for _ in range(MAX_TRIES):
            which, first = self._start(rng, length_s)
            signal, x = self._signals[which], self._scaled[which]
            span = _between(signal.r_ms, first, length_s * 1000)
            if span is None:
                continue
            last, begin_ms, end_ms = span
            flutter = (signal.flutter_ms[:, 0] < end_ms) & (signal.flutter_ms[:, 1] > begin_ms)
            string = signal.aami[first:last]
            if (string > V).any() or flutter.any():
                continue
            begin, end = (round(at * signal.fs / 1000) for at in (begin_ms, end_ms))
            return x[max(begin, 0) : end], string
        raise InputError(f"no stretch of {length_s} s holds only beats that are N, S or V")

    def _start(self, rng: np.random.Generator, length_s: int) -> tuple[int, int]:
        """Choose a record and the first beat of a stretch in it."""
        if self._ectopic and rng.random() < self._how.ectopic:
            which, beat = self._ectopic[int(rng.integers(len(self._ectopic)))]
            return which, max(int(beat) - int(rng.integers(length_s)), 1)
        which = int(rng.integers(len(self._signals)))
        return which, int(rng.integers(1, len(self._signals[which].r_ms) - 1))


def _between(
    r_ms: NDArray[np.int64], first: int, longest_ms: int
) -> tuple[int, float, float] | None:
    """Find where a stretch from beat ``first`` begins and ends; None where it holds no beat.

    Returns
    -------
    last : int
        First beat that is not in it.
    begin_ms, end_ms : float
    """
    if not 0 < first < len(r_ms) - 1:
        return None
    begin_ms = r_ms[first] - min(LEAD_IN * (r_ms[first] - r_ms[first - 1]), LONGEST_S * 1000)
    after = np.diff(r_ms[first : first + 4 * longest_ms // 1000 + 4])
    ends_ms = r_ms[first : first + len(after)] + np.minimum(LEAD_OUT * after, LONGEST_S * 1000)
    n = int(np.searchsorted(ends_ms, begin_ms + longest_ms - 1))
    return (first + n, float(begin_ms), float(ends_ms[n - 1])) if n else None
