"""Training sequences for the detector of atrial fibrillation: real ones, and rhythms made of sinus.

Few patients with atrial fibrillation are at hand, so part of the sequences in
another rhythm is made irregular and loses its P waves, and part is made
irregular in all the other ways that must not be taken for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ticks import V
from ingest.errors import InputError
from training.architectures.recall import AFTER, BEFORE
from training.beat_sequences import IGNORE, cut_windows
from training.datasets import LabelledSignal
from training.rhythm_spans import SpanRhythm
from training.synthesis import Beats, add_premature_atrial, add_premature_ventricular, wide_beat
from training.synthesis.rhythms import RHYTHMS, atrial_fibrillation

OTHERS = tuple(change for change in RHYTHMS if change is not atrial_fibrillation)
"""Changes of rhythm that are not fibrillation."""
LONGEST_S = 3.0
"""Interval from which beats were lost or absent, s."""


@dataclass(frozen=True, slots=True)
class AtrialSynthesis:
    """How much is put in, as shares of sequences unless said otherwise."""

    fibrillating: float = 0.25
    """Sequences of records that have atrial fibrillation."""
    fibrillation: float = 0.2
    """Of sequences in another rhythm, those that are made to fibrillate, all through or in part."""
    change: float = 0.5
    """Of these, those whose rhythm is changed in another way."""
    premature: float = 0.5
    """Of those that do not fibrillate, those with premature beats, of either kind."""
    density: float = 0.12
    """Usual share of a chosen sequence's beats that become premature."""
    lost: float = 0.3
    """Sequences in which the detector misses beats."""
    lost_share: float = 0.06
    """Largest share of beats that it misses."""
    pace: float = 1.25
    """Largest factor by which intervals are stretched or squeezed."""


class AtrialSampler:
    """Draws sequences of beats from signals whose rhythm is labelled.

    Parameters
    ----------
    signals : sequence of LabelledSignal
        With ``rhythm_ms`` and beats; each is drawn by its weight.
    synthesis : AtrialSynthesis
        What is put in.

    Raises
    ------
    ingest.errors.InputError
        If none of them fibrillates, or all do.
    """

    def __init__(
        self, signals: Sequence[LabelledSignal], synthesis: AtrialSynthesis = AtrialSynthesis()
    ) -> None:
        self._how = synthesis
        labelled = [(s, by_beat(s)) for s in signals if len(s.r_ms) > 1]
        sides = [
            [(s, y) for s, y in labelled if (y == 1).any()],
            [(s, y) for s, y in labelled if (y == 0).any() and not (y == 1).any()],
        ]
        if not all(sides):
            raise InputError("signals with and without atrial fibrillation are both needed")
        self._sides = [_Side(side) for side in sides]

    def draw(
        self, rng: np.random.Generator, batch: int, n_beats: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int8]]:
        """Draw ``batch`` sequences of ``n_beats`` beats.

        Returns
        -------
        windows : array of shape (batch, n_beats, length)
            Beats over their amplitude scale.
        rr_s : array of shape (batch, n_beats), s
            Interval before each, 0 where unknown.
        fibrillates : array of shape (batch, n_beats)
            1 in atrial fibrillation, 0 in another rhythm, -1 where it teaches nothing.
        """
        rows = [self._row(rng, n_beats) for _ in range(batch)]
        windows, rr_s, labels = (np.stack(column) for column in zip(*rows, strict=True))
        return windows, rr_s, labels

    def _row(
        self, rng: np.random.Generator, n: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int8]]:
        how, side = self._how, self._sides[rng.random() >= self._how.fibrillating]
        signal, scaled, labels = side.draw(rng)
        start = int(rng.integers(0, max(len(labels) - n, 0) + 1))
        r = signal.r_ms[start : start + n]
        labels = labels[start : start + n].copy()
        at = np.rint(r * signal.fs / 1000).astype(np.int64)
        rr = np.diff(r, prepend=r[0]) / 1000
        rr[rr > LONGEST_S] = 0
        rr *= np.exp(rng.uniform(-np.log(how.pace), np.log(how.pace)))
        windows = cut_windows(scaled[None], at, BEFORE, AFTER)
        aami = signal.aami[start : start + n].copy()
        aami[aami > V] = IGNORE
        beats = Beats(windows, rr, aami, scaled[None], at, BEFORE, signal.fs)
        if not (labels == 1).any():
            self._change(rng, beats, labels)
        windows, rr = beats.windows[0], np.clip(beats.rr_s, 0, LONGEST_S)
        windows = windows * np.float32(rng.choice([-1.0, 1.0]) * np.exp(rng.normal(0, 0.15)))
        windows, rr, labels = self._lose(rng, windows, rr, labels)
        pad = n - len(labels)
        return (
            np.pad(windows, ((0, pad), (0, 0))).astype(np.float32),
            np.pad(rr, (0, pad)).astype(np.float32),
            np.pad(labels, (0, pad), constant_values=IGNORE),
        )

    def _change(self, rng: np.random.Generator, beats: Beats, labels: NDArray[np.int8]) -> None:
        """Make another rhythm fibrillate, or irregular in another way, in place."""
        how, chance = self._how, rng.random()
        if chance < how.fibrillation:
            begin, end = 0, len(labels)
            if rng.random() < 0.4:
                begin = int(rng.integers(0, max(len(labels) // 2, 1)))
                end = begin + int(rng.integers(len(labels) // 3, len(labels)))
            part = Beats(
                beats.windows[:, begin:end],
                beats.rr_s[begin:end],
                beats.aami[begin:end],
                beats.signal,
                beats.at[begin:end],
                beats.before,
                beats.fs,
            )
            atrial_fibrillation(rng, part)
            labels[begin:end] = np.where(labels[begin:end] == 0, 1, labels[begin:end])
            return
        if chance < how.fibrillation + how.change:
            OTHERS[int(rng.integers(len(OTHERS)))](rng, beats)
        if rng.random() < how.premature:
            density = how.density * rng.uniform(0.3, 2.5)
            if rng.random() < 0.5:
                add_premature_atrial(rng, beats, density)
            else:
                shape = wide_beat(rng, beats.windows.shape[2], beats.before, 1)
                add_premature_ventricular(rng, beats, density, shape)

    def _lose(
        self,
        rng: np.random.Generator,
        windows: NDArray[np.float32],
        rr: NDArray[np.float64],
        labels: NDArray[np.int8],
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int8]]:
        """Lose beats as a detector does: their intervals add up."""
        if rng.random() >= self._how.lost:
            return windows, rr, labels
        kept = rng.random(len(rr)) >= rng.uniform(0, self._how.lost_share)
        kept[0] = True
        time_s = np.cumsum(rr)[kept]
        joined = np.diff(time_s, prepend=time_s[0])
        joined[(rr[kept] == 0) | (joined > LONGEST_S)] = 0
        return windows[kept], joined, labels[kept]


class _Side:
    """Signals that fibrillate at some time, or those that never do."""

    def __init__(self, labelled: Sequence[tuple[LabelledSignal, NDArray[np.int8]]]) -> None:
        self._signals = [(s, s.scaled, labels) for s, labels in labelled]
        weights = np.array([s.weight for s, _ in labelled])
        self._shares = np.cumsum(weights) / weights.sum()

    def draw(
        self, rng: np.random.Generator
    ) -> tuple[LabelledSignal, NDArray[np.float32], NDArray[np.int8]]:
        return self._signals[int(np.searchsorted(self._shares, rng.random(), side="right"))]


def by_beat(signal: LabelledSignal) -> NDArray[np.int8]:
    """Label each beat: 1 in atrial fibrillation, 0 in another rhythm, -1 where that is not known.

    Returns
    -------
    array of shape (n_beats,)
    """
    labels = np.full(len(signal.r_ms), IGNORE, np.int8)
    unsure = (SpanRhythm.UNKNOWN, SpanRhythm.FLUTTER, SpanRhythm.NOISY, SpanRhythm.VF)
    for begin, end, rhythm in signal.rhythm_ms.tolist():
        if rhythm not in unsure:
            inside = (signal.r_ms >= begin) & (signal.r_ms < end)
            labels[inside] = rhythm == SpanRhythm.AF
    return labels
