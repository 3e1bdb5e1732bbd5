"""Training sequences of beats: windows and RR intervals, with synthetic rhythm put in.

Real S beats are few and come from few patients, so sequences are enriched with
what physiology says: premature atrial beats (early, their P wave lost in the T
wave before or of another shape, the sinus node reset), premature ventricular
beats (another patient's ventricular shape, early, with a compensatory pause),
and rhythms that are irregular and yet normal (sinus arrhythmia, rate changes,
atrial fibrillation, pauses), so that an early beat alone does not make an S.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, S, V
from ingest.errors import InputError
from training import augment
from training.datasets import LabelledSignal

IGNORE = -1
"""Label of a beat that teaches nothing: F, Q, and padding."""


@dataclass(frozen=True, slots=True, eq=False)
class BeatSequences:
    """A batch of beat sequences, time-ordered, each of one patient."""

    windows: NDArray[np.float32]
    """Array of shape (batch, n_beats, length): beats over their amplitude scale; where several
    leads are drawn together (batch, n_leads, n_beats, length)."""
    rr_s: NDArray[np.float32]
    """Array of shape (batch, n_beats), s: interval before each beat, 0 where unknown."""
    aami: NDArray[np.int8]
    """Array of shape (batch, n_beats): N, S, V, or ``IGNORE``."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """How much is put in, as shares of sequences unless said otherwise."""

    premature_atrial: float = 0.6
    """Sequences with synthetic premature atrial beats."""
    premature_ventricular: float = 0.5
    """Sequences with synthetic premature ventricular beats."""
    drawn_ventricular: float = 0.5
    """Of these, sequences whose ventricular shape is drawn rather than another patient's."""
    rhythm: float = 0.5
    """Sequences with a synthetic change of an otherwise normal rhythm."""
    density: float = 0.08
    """Share of a chosen sequence's beats that become premature."""
    gain: float = 0.15
    """Spread of a lead's gain: standard deviation of its logarithm."""
    inversion: float = 0.3
    """Sequences turned upside down."""
    noise: float = 0.0
    """Sequences with muscle noise."""
    noise_db_low: float = 0.5
    """Least SNR of that noise, dB."""
    noise_db_high: float = 21.5
    """Largest SNR of that noise, dB."""
    wander: float = 0.0
    """Sequences with baseline wander."""
    stretch: float = 1.0
    """Largest factor by which time is stretched or squeezed; 1 leaves it."""
    dropout: float = 0.0
    """Sequences in which the lead is off for a while, and the beats in it are lost."""


class BeatSampler:
    """Draws training sequences from labelled signals.

    Parameters
    ----------
    signals : sequence of LabelledSignal
        Training signals.
    before, after : int
        Samples of the window before and from the R-peak on.
    synthesis : Synthesis
        What is put in: of several leads the same on all, in each lead's own shape.
    n_leads : int
        Leads that are drawn together; 1 draws every signal by itself.

    Raises
    ------
    ingest.errors.InputError
        If a record has fewer leads than are to be drawn together.
    """

    def __init__(
        self,
        signals: Sequence[LabelledSignal],
        before: int,
        after: int,
        synthesis: Synthesis = Synthesis(),
        n_leads: int = 1,
    ) -> None:
        self._before, self._after, self._synthesis = before, after, synthesis
        beating = [s for s in signals if len(s.r_ms) > 1]
        groups = [(s,) for s in beating] if n_leads == 1 else leads_together(beating, n_leads)
        self._records = [group[0] for group in groups]
        self._scaled = [np.stack([s.scaled for s in group]) for group in groups]
        self._ventricular = np.concatenate(
            [
                cut_windows(x, s.r_ms[s.aami == V] * s.fs // 1000, before, after).swapaxes(0, 1)
                for x, s in zip(self._scaled, self._records, strict=True)
            ]
        )

    def draw(self, rng: np.random.Generator, batch: int, n_beats: int) -> BeatSequences:
        """Draw ``batch`` sequences of ``n_beats`` beats."""
        parts = [self._sequence(rng, n_beats) for _ in range(batch)]
        windows, rr_s, aami = (np.stack(column) for column in zip(*parts, strict=True))
        return BeatSequences(windows[:, 0] if windows.shape[1] == 1 else windows, rr_s, aami)

    def _sequence(
        self, rng: np.random.Generator, n: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int8]]:
        which = int(rng.integers(len(self._records)))
        record, x = self._records[which], self._scaled[which]
        each = (len(x), 1, 1)
        start = int(rng.integers(0, max(len(record.r_ms) - n, 1)))
        r = record.r_ms[start : start + n] * record.fs / 1000
        rr = np.diff(r, prepend=r[0]) / record.fs
        aami = record.aami[start : start + n].copy()
        aami[aami > V] = IGNORE
        at = np.rint(r).astype(np.int64)
        x, at, rr = self._disturbed(rng, x, at, rr, record.fs)
        rr[rr > 3.0] = 0
        windows = cut_windows(x, at + rng.integers(-1, 2, len(at)), self._before, self._after)
        do = self._synthesis
        if rng.random() < do.rhythm:
            self._change_rhythm(rng, windows, rr, aami)
        if rng.random() < do.premature_atrial:
            self._add_atrial(rng, x, at, windows, rr, aami)
        if rng.random() < do.premature_ventricular and len(self._ventricular):
            self._add_ventricular(rng, windows, rr, aami)
        windows *= np.exp(rng.normal(0, do.gain, each)).astype(np.float32)
        noise = rng.standard_normal(windows.shape).astype(np.float32)
        windows += noise * rng.uniform(0, 0.03, each).astype(np.float32)
        windows *= np.where(rng.random(each) < do.inversion, np.float32(-1), np.float32(1))
        if do.dropout and rng.random() < do.dropout:
            windows, rr, aami = _lose_beats(rng, windows, rr, aami)
        pad = n - len(aami)
        return (
            np.pad(windows, ((0, 0), (0, pad), (0, 0))),
            np.pad(rr.astype(np.float32), (0, pad)),
            np.pad(aami, (0, pad), constant_values=IGNORE),
        )

    def _disturbed(
        self,
        rng: np.random.Generator,
        x: NDArray[np.float32],
        at: NDArray[np.int64],
        rr: NDArray[np.float64],
        fs: int,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
        """Put noise and wander on the stretch of signal, and scale its time, where asked for."""
        do = self._synthesis
        if not (do.noise or do.wander or do.stretch > 1):
            return x, at, rr
        begin = max(int(at[0]) - 2 * self._before, 0)
        x, at = x[:, begin : int(at[-1]) + 2 * self._after], at - begin
        if do.stretch > 1:
            x, at, factor = augment.time_scale(x, at, rng, largest=do.stretch)
            rr = rr * factor
        if do.noise:
            snr_db = (do.noise_db_low, do.noise_db_high)
            x = augment.noise(x, rng, share=do.noise, snr_db=snr_db)
        if do.wander:
            x = augment.wander(x, rng, fs=fs, share=do.wander)
        return x, at, rr

    def _chosen(self, rng: np.random.Generator, aami: NDArray[np.int8]) -> list[tuple[int, int]]:
        """Choose runs (first, length) of normal beats to replace; mostly single beats."""
        share = self._synthesis.density * rng.uniform(0.2, 2.0)
        chosen, i = [], 2
        style = rng.random()
        while i < len(aami) - 2:
            length = 1 if style < 0.75 else int(rng.integers(2, 9))
            normal = (aami[i - 1 : i + length + 1] == N).all()
            if normal and rng.random() < share / length:
                chosen.append((i, min(length, len(aami) - 2 - i)))
                i += length + (1 if rng.random() < 0.3 else int(rng.integers(2, 8)))
            else:
                i += 1
        return chosen

    def _add_atrial(
        self,
        rng: np.random.Generator,
        x: NDArray[np.float32],
        at: NDArray[np.int64],
        windows: NDArray[np.float32],
        rr: NDArray[np.float64],
        aami: NDArray[np.int8],
    ) -> None:
        shape = _ectopic_p(rng, self._before, len(x))
        for first, length in self._chosen(rng, aami):
            usual = rr[first]
            early = usual * rng.uniform(0.5, 0.85)
            if usual <= 0 or early < 0.25:
                continue
            for i in range(first, first + length):
                rr[i] = early * rng.uniform(0.95, 1.05)
                self._move_early(x, at[i - 1], rr[i], windows[:, i])
                if rng.random() < 0.8:
                    windows[:, i, : self._before] += shape
                aami[i] = S
            rr[first + length] = usual * rng.uniform(0.95, 1.3)

    def _move_early(
        self, x: NDArray[np.float32], r_before: np.int64, rr_s: float, window: NDArray[np.float32]
    ) -> None:
        """Put what followed the beat before in front of a QRS that now comes early."""
        end = self._before - 6
        begin = int(r_before) + round(rr_s * 125) - self._before
        if begin < 0 or begin + end > x.shape[1]:
            return
        lead_in = x[:, begin : begin + end]
        step = window[:, end : end + 1] - lead_in[:, -1:]
        fade = np.clip(np.arange(end) - (end - 6), 0, None) / 6
        window[:, :end] = (lead_in + step) * (1 - fade) + window[:, :end] * fade

    def _add_ventricular(
        self,
        rng: np.random.Generator,
        windows: NDArray[np.float32],
        rr: NDArray[np.float64],
        aami: NDArray[np.int8],
    ) -> None:
        n_leads, _, length = windows.shape
        if rng.random() < self._synthesis.drawn_ventricular:
            source = _wide_beat(rng, length, self._before, n_leads)
        else:
            source = self._ventricular[int(rng.integers(len(self._ventricular)))]
        stretch = rng.uniform(0.85, 1.2)
        at = (np.arange(length) - self._before) * stretch + self._before
        shape = np.stack([np.interp(at, np.arange(length), lead) for lead in source])
        shape *= rng.uniform(0.6, 1.5, (n_leads, 1))
        shape *= rng.choice([-1, 1], (n_leads, 1))
        for first, run in self._chosen(rng, aami):
            usual = rr[first]
            if usual <= 0:
                continue
            early = max(usual * rng.uniform(0.45, 0.95), 0.25)
            for i in range(first, first + run):
                windows[:, i] = shape * rng.uniform(0.9, 1.1)
                rr[i] = early * rng.uniform(0.95, 1.05)
                aami[i] = V
            rr[first + run] = max(2 * usual - early, 0.3) * rng.uniform(0.9, 1.05)

    def _change_rhythm(
        self,
        rng: np.random.Generator,
        windows: NDArray[np.float32],
        rr: NDArray[np.float64],
        aami: NDArray[np.int8],
    ) -> None:
        n = len(rr)
        kind = rng.integers(4)
        if kind == 0:  # sinus arrhythmia
            period = rng.uniform(4, 20)
            rr *= 1 + rng.uniform(0.05, 0.25) * np.sin(2 * np.pi * np.arange(n) / period)
        elif kind == 1:  # the rate drifts
            nodes = rng.uniform(np.log(0.65), np.log(1.4), 4)
            rr *= np.exp(np.interp(np.linspace(0, 3, n), np.arange(4), nodes))
        elif kind == 2:  # atrial fibrillation: irregular, no P wave, a fibrillating baseline
            irregular = np.exp(rng.normal(0, rng.uniform(0.1, 0.25), n))
            rr *= np.where(aami == N, irregular, 1)
            length = windows.shape[2]
            flat = np.clip(np.abs(np.arange(length) - self._before + 18) / 10, 0.2, 1)
            phase = rng.uniform(0, 2 * np.pi, (n, 1)) + np.arange(length) * rng.uniform(0.25, 0.4)
            windows *= flat.astype(np.float32)
            depth = rng.uniform(0.01, 0.06, (len(windows), 1, 1))
            windows += (depth * np.sin(phase)).astype(np.float32)
        else:  # sinus pauses and dropped beats
            rr[rng.random(n) < 0.06] *= rng.uniform(1.3, 2.1)


def cut_windows(
    x: NDArray[np.float32], at: NDArray[np.int64], before: int, after: int
) -> NDArray[np.float32]:
    """Cut a window about each R-peak, the signal's ends held.

    Parameters
    ----------
    x : array of shape (..., n_samples)
        Signals.
    at : array of shape (n_beats,)
        R-peaks, samples.
    before, after : int
        Samples of the window before and from the R-peak on.

    Returns
    -------
    array of shape (..., n_beats, before + after)
    """
    index = at[:, None] + np.arange(-before, after)
    return np.asarray(x[..., np.clip(index, 0, x.shape[-1] - 1)])


def leads_together(
    signals: Sequence[LabelledSignal], n_leads: int
) -> list[tuple[LabelledSignal, ...]]:
    """Group the leads of each record, in the order in which the records come.

    Raises
    ------
    ingest.errors.InputError
        If a record has fewer than ``n_leads`` of them; further ones are left out.
    """
    of_record: dict[tuple[str, str], list[LabelledSignal]] = {}
    for signal in signals:
        of_record.setdefault((signal.patient, signal.name), []).append(signal)
    for (_, name), leads in of_record.items():
        if len(leads) < n_leads:
            raise InputError(f"record {name} gives {len(leads)} of {n_leads} leads: see data.leads")
    return [tuple(leads[:n_leads]) for leads in of_record.values()]


def _lose_beats(
    rng: np.random.Generator,
    windows: NDArray[np.float32],
    rr: NDArray[np.float64],
    aami: NDArray[np.int8],
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int8]]:
    """Take the beats of one stretch out; the interval to the next is then long or unknown."""
    begin = int(rng.integers(1, max(len(aami) - 1, 2)))
    end = min(begin + int(rng.integers(1, 20)), len(aami))
    rr = rr.copy()
    if end < len(rr):
        lost_s = rr[begin : end + 1]
        rr[end] = 0 if (lost_s <= 0).any() or lost_s.sum() > 3.0 else lost_s.sum()
    return (
        np.delete(windows, np.s_[begin:end], axis=1),
        np.delete(rr, np.s_[begin:end]),
        np.delete(aami, np.s_[begin:end]),
    )


def _wide_beat(
    rng: np.random.Generator, length: int, before: int, n_leads: int
) -> NDArray[np.float32]:
    """Draw a wide QRS with its T wave the other way: two or three broad Gaussians about the R.

    All leads see the same waves, each at its own amplitude; the first has its peak at the R.
    """
    t = np.arange(length) - before
    shape = np.zeros((n_leads, length))
    for _ in range(int(rng.integers(2, 4))):
        centre, width = rng.uniform(-5, 7), rng.uniform(2.0, 6.0)
        amplitude = rng.uniform(-0.8, 1.0, (n_leads, 1))
        shape += amplitude * np.exp(-((t - centre) ** 2) / (2 * width**2))
    peak = t[np.abs(shape[0]).argmax()]
    largest = np.abs(shape).max(axis=1, keepdims=True).clip(0.1)
    shape = np.roll(shape, -peak, axis=1) / largest * rng.uniform(0.5, 1.3, (n_leads, 1))
    centre, width = rng.uniform(20, 36), rng.uniform(5, 10)
    recovery = -np.sign(shape[:, before, None]) * rng.uniform(0.1, 0.5, (n_leads, 1))
    shape += recovery * np.exp(-((t - centre) ** 2) / (2 * width**2))
    return np.asarray(shape, np.float32)


def _ectopic_p(rng: np.random.Generator, before: int, n_leads: int) -> NDArray[np.float32]:
    """Draw a P wave of another shape: up, down or both, somewhere before the QRS.

    Returns
    -------
    array of shape (n_leads, before)
        One wave, at an amplitude of its own in each lead.
    """
    t = np.arange(before)
    centre, width = before - rng.uniform(11, 26), rng.uniform(2, 5)
    bump = np.exp(-((t - centre) ** 2) / (2 * width**2))
    if rng.random() < 0.3:
        bump = np.gradient(bump) * width
    return np.asarray(rng.uniform(-0.12, 0.15, (n_leads, 1)) * bump, np.float32)
