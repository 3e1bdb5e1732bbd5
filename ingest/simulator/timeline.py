"""When each beat comes: a script turned into times and origins of beats, whatever the fs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ingest.simulator.script import QUIET, Ectopy, Rhythm, Script, Segment
from ingest.simulator.textures import FloatArray, at, texture


class Origin(IntEnum):
    """Where a beat begins, which decides its waves and its AAMI class."""

    SINUS = 0
    """P, QRS, T; class N."""
    ATRIAL = 1
    """Another P, QRS, T; class S."""
    VENTRICULAR = 2
    """Wide QRS and T; class V."""
    NO_P = 3
    """QRS, T: atrial fibrillation; class N."""
    P_ALONE = 4
    """P that is not conducted; not a beat."""


AAMI_OF_ORIGIN = np.array([0, 1, 2, 0, -1], dtype=np.int8)
"""Index into ``"NSVFQ"`` by :class:`Origin`; -1 is no beat."""


@dataclass(frozen=True, slots=True)
class Span:
    """A segment at its place in time."""

    segment: Segment
    """What happens."""
    index: int
    """How many segments came before, repeats counted."""
    start_s: float
    """Its begin, s."""
    end_s: float
    """Its end, s."""


@dataclass(frozen=True, slots=True)
class EpisodeTime:
    """An episode in seconds; :class:`~ingest.simulator.record.Episode` has it in samples."""

    kind: str
    """A :class:`~ingest.simulator.script.Rhythm`, ``"run"`` or ``"noise"``."""
    onset_s: float
    """First moment, s."""
    offset_s: float
    """End, s."""


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """All that is known before a sample is drawn."""

    t_s: FloatArray
    """Array of shape (n_beats,): times of the R-peaks (of lone P: where R would be), s."""
    origin: NDArray[np.int8]
    """Array of shape (n_beats,): codes of :class:`Origin`."""
    rr_s: FloatArray
    """Array of shape (n_beats,): RR interval at the rate of the moment, s."""
    spans: tuple[Span, ...]
    """Segments in time, without a gap."""
    episodes: tuple[EpisodeTime, ...]
    """Episodes by onset."""


def make_timeline(script: Script, duration_s: float, seed: int) -> Timeline:
    """Lay the beats of a script along time.

    Beats up to 2 s past the end are there too, for their P waves. Every segment
    draws from a generator of its own, beat after beat, so that a shorter
    timeline is a prefix of a longer one.

    Parameters
    ----------
    script : Script
        The patient.
    duration_s : float
        How long, s.
    seed : int
        Seed of the beats' variability.

    Returns
    -------
    Timeline
        Beats in order of time.
    """
    heart = _Heart(seed, duration_s + 2.0)
    start_s, index = 0.0, 0
    while start_s < heart.limit_s:
        segment = script.segments[index % len(script.segments)]
        span = Span(segment, index, start_s, start_s + segment.duration_s)
        heart.live_through(span)
        start_s, index = span.end_s, index + 1
    return heart.timeline()


@dataclass(slots=True)
class _Heart:
    """The state of the generator between segments."""

    seed: int
    limit_s: float
    last_s: float = -0.4
    active_s: float = 0.0
    beats: list[tuple[float, int, float]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    episodes: list[EpisodeTime] = field(default_factory=list)
    waiting: EpisodeTime | None = None
    tachogram: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 11])
        self.tachogram = texture(rng, _TACHOGRAM_FS, _TACHOGRAM_S, _rr_spectrum)

    def live_through(self, span: Span) -> None:
        """Emit the beats of one segment and its episode."""
        self.spans.append(span)
        rng = np.random.default_rng([self.seed, 12, span.index])
        rhythm = span.segment.rhythm
        first = len(self.beats)
        if rhythm in (Rhythm.LEAD_OFF, Rhythm.VF):
            self._end_quiet(span.start_s)
        if rhythm is Rhythm.LEAD_OFF:
            self.last_s = max(self.last_s, span.end_s - 0.45)
        elif rhythm in QUIET:
            self._be_quiet(span)
        elif rhythm is Rhythm.VT:
            self._run(span, rng)
        else:
            self._conduct(span, rng)
        self._note_episode(span, first)

    def timeline(self) -> Timeline:
        """Return what was laid so far."""
        if self.waiting is not None:
            self.episodes.append(self.waiting)
        ordered = sorted(self.beats)
        return Timeline(
            np.array([b[0] for b in ordered], dtype=np.float64),
            np.array([b[1] for b in ordered], dtype=np.int8),
            np.array([b[2] for b in ordered], dtype=np.float64),
            tuple(self.spans),
            tuple(sorted(self.episodes, key=lambda e: e.onset_s)),
        )

    def _emit(self, t_s: float, origin: Origin, rr_s: float) -> None:
        self._end_quiet(t_s)
        self.beats.append((t_s, int(origin), rr_s))
        self.last_s = self.active_s = t_s

    def _end_quiet(self, t_s: float) -> None:
        """Let an asystole or pause end with what comes after it."""
        if self.waiting is not None:
            self.episodes.append(replace(self.waiting, offset_s=t_s))
            self.waiting = None

    def _conduct(self, span: Span, rng: np.random.Generator) -> None:
        """Emit beats from the atria until the segment ends: sinus rhythms and AF."""
        fibrillating = span.segment.rhythm is Rhythm.AF
        origin = Origin.NO_P if fibrillating else Origin.SINUS
        end_s = min(span.end_s, self.limit_s)
        count, due_s = 0, self.last_s
        while True:
            base_s = 60.0 / rate_at(span, due_s)
            due_s = max(due_s + self._rr(span, due_s, base_s, rng), span.start_s + 0.05)
            if due_s >= end_s:
                return
            self._emit(due_s, origin, base_s)
            count += 1
            for ectopy in span.segment.ectopy:
                drawn = rng.random()
                if (count % ectopy.every == 0) if ectopy.every else (drawn < ectopy.probability):
                    due_s = self._ectopic(ectopy, due_s, base_s, end_s, rng)
                    break

    def _rr(self, span: Span, t_s: float, base_s: float, rng: np.random.Generator) -> float:
        """Return one RR interval, s: rhythmic in sinus rhythm, irregular in AF."""
        spread = span.segment.variability
        if span.segment.rhythm is Rhythm.AF:
            # Successive RR in AF are nearly independent and skewed to the right:
            # Zeng and Glass 1996, doi 10.1103/PhysRevE.54.1779.
            return float(max(0.30, base_s * np.exp(spread * rng.standard_normal() - spread**2 / 2)))
        wave = float(at(self.tachogram, _TACHOGRAM_FS, np.array([max(t_s, 0.0)]))[0])
        jitter = 0.005 * float(rng.standard_normal())
        return base_s * max(0.6, 1.0 + spread * wave + jitter)

    def _ectopic(
        self, ectopy: Ectopy, t_s: float, base_s: float, end_s: float, rng: np.random.Generator
    ) -> float:
        """Emit a group of premature beats and return the time from which sinus RR goes on, s."""
        origin = Origin.VENTRICULAR if ectopy.origin == "V" else Origin.ATRIAL
        next_s = t_s + base_s * ectopy.prematurity * (1.0 + 0.05 * float(rng.standard_normal()))
        group_s: list[float] = []
        for _ in range(ectopy.group):
            if next_s >= end_s:
                break
            self._emit(next_s, origin, base_s)
            group_s.append(next_s)
            next_s += 60.0 / ectopy.rate_bpm * (1.0 + 0.03 * float(rng.standard_normal()))
        if not group_s:
            return t_s
        if origin is Origin.VENTRICULAR and len(group_s) >= _RUN_BEATS:
            self.episodes.append(EpisodeTime("run", group_s[0], group_s[-1]))
        if origin is Origin.ATRIAL:
            return group_s[-1] + 0.08 * base_s
        if len(group_s) == 1:
            return t_s + base_s
        return group_s[-1] + 0.30 * base_s

    def _run(self, span: Span, rng: np.random.Generator) -> None:
        """Emit ventricular tachycardia, with P waves marching through it."""
        rr_s = 60.0 / span.segment.rate_bpm
        end_s = min(span.end_s, self.limit_s)
        self._march_p(span.start_s + 0.3, end_s, 0.72)
        due_s = max(span.start_s, self.last_s + 0.40)
        while due_s < end_s:
            self._emit(due_s, Origin.VENTRICULAR, max(rr_s, 0.3))
            due_s += rr_s * (1.0 + span.segment.variability * float(rng.standard_normal()))
        self.last_s += 0.3

    def _be_quiet(self, span: Span) -> None:
        """Emit no beat, but the P waves of a standstill."""
        if span.segment.rate_bpm > 0.0:
            self._march_p(span.start_s + 0.5, span.end_s - 0.5, 60.0 / span.segment.rate_bpm)
        if span.segment.rhythm is Rhythm.PAUSE:
            self.last_s += span.segment.duration_s
        else:
            self.last_s = max(self.last_s, span.end_s - 0.30)

    def _march_p(self, from_s: float, end_s: float, every_s: float) -> None:
        end_s = min(end_s, self.limit_s)
        times = from_s + every_s * np.arange(max(0, int((end_s - from_s) / every_s)))
        self.beats += [(float(t), int(Origin.P_ALONE), every_s) for t in times]

    def _note_episode(self, span: Span, first: int) -> None:
        segment = span.segment
        onset_s, offset_s = span.start_s, span.end_s
        if segment.noisy:
            self.episodes.append(EpisodeTime("noise", onset_s, offset_s))
        if segment.rhythm in (Rhythm.ASYSTOLE, Rhythm.PAUSE):
            self._end_quiet(onset_s)
            self.waiting = EpisodeTime(segment.rhythm, self.active_s, offset_s)
            self.active_s = offset_s
            return
        if segment.rhythm in (Rhythm.LEAD_OFF, Rhythm.VF):
            self.active_s = offset_s
        if segment.rhythm is Rhythm.VT:
            ventricular = [b[0] for b in self.beats[first:] if b[1] == Origin.VENTRICULAR]
            if not ventricular:
                return
            onset_s, offset_s = ventricular[0], ventricular[-1]
        elif segment.from_bpm:
            onset_s += segment.ramp_s
        if onset_s < offset_s:
            self.episodes.append(EpisodeTime(segment.rhythm, onset_s, offset_s))


def rate_at(span: Span, t_s: float) -> float:
    """Return the scripted ventricular rate of a segment at a time, bpm.

    Examples
    --------
    >>> segment = Segment(Rhythm.TACHYCARDIA, 60.0, 150.0, from_bpm=90.0, ramp_s=10.0)
    >>> rate_at(Span(segment, 0, 0.0, 60.0), 5.0)
    120.0
    """
    segment = span.segment
    if not segment.from_bpm or segment.ramp_s <= 0.0:
        return segment.rate_bpm
    done = min(max((t_s - span.start_s) / segment.ramp_s, 0.0), 1.0)
    return segment.from_bpm + done * (segment.rate_bpm - segment.from_bpm)


_RUN_BEATS = 3
"""Three ventricular beats in a row are a run (EC57 and AHA/ACC usage)."""

_TACHOGRAM_FS, _TACHOGRAM_S = 4.0, 256.0
"""Sampling frequency, Hz, and period, s, of the RR process."""

LF_HZ, HF_HZ = 0.10, 0.25
"""Centres of the Mayer waves and of respiratory sinus arrhythmia, Hz: McSharry 2003, table I."""


def _rr_spectrum(frequency: FloatArray) -> FloatArray:
    """Return McSharry's bimodal spectrum of RR, its LF/HF ratio 0.5, both 0.01 Hz wide."""
    low = 0.5 * np.exp(-0.5 * np.square((frequency - LF_HZ) / 0.01))
    high = np.exp(-0.5 * np.square((frequency - HF_HZ) / 0.01))
    return np.asarray(low + high)
