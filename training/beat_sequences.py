"""Training sequences of beats: windows and RR intervals, with synthetic rhythm put in.

Real S beats are few and come from few patients, so sequences are enriched with
what physiology says, and disturbed by what recordings go through. What is put
in stands in :mod:`training.synthesis`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ticks import V
from ingest.errors import InputError
from training import augment
from training.datasets import LabelledSignal
from training.synthesis import (
    Beats,
    add_geminy,
    add_premature_atrial,
    add_premature_ventricular,
    change_rhythm,
    wide_beat,
)

IGNORE = -1
"""Label of a beat that teaches nothing: F, Q, and padding."""
UNTOLD = -2
"""Label of a beat of which nobody knows the class: only a teacher can say."""


@dataclass(frozen=True, slots=True, eq=False)
class BeatSequences:
    """A batch of beat sequences, time-ordered, each of one patient."""

    windows: NDArray[np.float32]
    """Array of shape (batch, n_beats, length): beats over their amplitude scale; where several
    leads are drawn together (batch, n_leads, n_beats, length)."""
    rr_s: NDArray[np.float32]
    """Array of shape (batch, n_beats), s: interval before each beat, 0 where unknown."""
    aami: NDArray[np.int8]
    """Array of shape (batch, n_beats): N, S, V, ``IGNORE`` or ``UNTOLD``."""
    record: NDArray[np.int64]
    """Array of shape (batch,): what each was drawn from, of the sampler's ``records``."""


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
    geminy: float = 0.0
    """Sequences in which every second or third beat is an atrial one, little early."""
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
    tilt: float = 0.5
    """Sequences in which each beat stands on a piece of baseline wander of its own."""
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
        self.records = [group[0] for group in groups]
        weights = np.array([record.weight for record in self.records])
        self._shares = np.cumsum(weights) / weights.sum()
        self._scaled = [np.stack([s.scaled for s in group]) for group in groups]
        self._ventricular = np.concatenate(
            [
                cut_windows(x, s.r_ms[s.aami == V] * s.fs // 1000, before, after).swapaxes(0, 1)
                for x, s in zip(self._scaled, self.records, strict=True)
            ]
        )

    def draw(self, rng: np.random.Generator, batch: int, n_beats: int) -> BeatSequences:
        """Draw ``batch`` sequences of ``n_beats`` beats."""
        parts = [self._sequence(rng, n_beats) for _ in range(batch)]
        windows, rr_s, aami, drawn = (np.stack(column) for column in zip(*parts, strict=True))
        windows = windows[:, 0] if windows.shape[1] == 1 else windows
        return BeatSequences(windows, rr_s, aami, drawn)

    def place(self, rng: np.random.Generator, n_beats: int) -> tuple[int, int]:
        """Draw which record a sequence is taken from, and its first beat."""
        which = int(np.searchsorted(self._shares, rng.random(), side="right"))
        return which, int(rng.integers(0, max(len(self.records[which].r_ms) - n_beats, 1)))

    def _sequence(
        self, rng: np.random.Generator, n: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int8], np.int64]:
        which, start = self.place(rng, n)
        record, x = self.records[which], self._scaled[which]
        each = (len(x), 1, 1)
        r = record.r_ms[start : start + n] * record.fs / 1000
        rr = np.diff(r, prepend=r[0]) / record.fs
        aami = record.aami[start : start + n].copy()
        aami[aami > V] = IGNORE
        at = np.rint(r).astype(np.int64)
        x, at, rr = self._disturbed(rng, x, at, rr, record.fs)
        rr[rr > 3.0] = 0
        windows = cut_windows(x, at + rng.integers(-1, 2, len(at)), self._before, self._after)
        do = self._synthesis
        self._synthesise(rng, Beats(windows, rr, aami, x, at, self._before, record.fs))
        windows *= np.exp(rng.normal(0, do.gain, each)).astype(np.float32)
        noise = rng.standard_normal(windows.shape).astype(np.float32)
        windows += noise * rng.uniform(0, 0.03, each).astype(np.float32)
        windows *= np.where(rng.random(each) < do.inversion, np.float32(-1), np.float32(1))
        if rng.random() < do.tilt:
            tilt(rng, windows)
        if do.dropout and rng.random() < do.dropout:
            windows, rr, aami = _lose_beats(rng, windows, rr, aami)
        pad = n - len(aami)
        return (
            np.pad(windows, ((0, 0), (0, pad), (0, 0))),
            np.pad(rr.astype(np.float32), (0, pad)),
            np.pad(aami, (0, pad), constant_values=IGNORE),
            np.int64(which),
        )

    def _synthesise(self, rng: np.random.Generator, beats: Beats) -> None:
        """Put rhythm in, as often as asked for."""
        do = self._synthesis
        if rng.random() < do.rhythm:
            change_rhythm(rng, beats)
        if do.geminy and rng.random() < do.geminy:
            add_geminy(rng, beats)
        elif rng.random() < do.premature_atrial:
            add_premature_atrial(rng, beats, do.density)
        if rng.random() < do.premature_ventricular and len(self._ventricular):
            n_leads, _, length = beats.windows.shape
            if rng.random() < do.drawn_ventricular:
                source = wide_beat(rng, length, beats.before, n_leads)
            else:
                source = self._ventricular[int(rng.integers(len(self._ventricular)))]
            add_premature_ventricular(rng, beats, do.density, source)

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


def tilt(rng: np.random.Generator, windows: NDArray[np.float32]) -> None:
    """Lay a piece of slow wander under each beat, and muscle noise under some, in place.

    Parameters
    ----------
    windows : array of shape (n_leads, n_beats, length)
        Beats over their amplitude scale.
    """
    n_leads, n, length = windows.shape
    t = np.linspace(-1, 1, length)
    waves = np.stack([t, t**2, np.sin(np.pi * t)])
    depth = rng.standard_normal((n_leads, n, 3)) * rng.uniform(0, 0.15)
    windows += (depth @ waves).astype(np.float32)
    if rng.random() < 0.3:
        noisy = np.flatnonzero(rng.random(n) < 0.2)
        noise = rng.standard_normal((n_leads, len(noisy), length)) * rng.uniform(0.02, 0.15)
        windows[:, noisy] += noise.astype(np.float32)


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
