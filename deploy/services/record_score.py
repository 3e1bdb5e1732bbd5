"""What was found in one record, gathered while it runs through the pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.alarm_json import NO_CONTEXT, AlarmContext, ModelRef, render
from inference.alarm_transition import TransitionKind
from inference.conditions import CONDITIONS, Code
from inference.limits import Limits
from inference.results import BeatArrays, Results
from inference.stream_clock import StreamClock
from inference.ticks import AAMI


@dataclass(slots=True)
class RecordScore:
    """Beats, episodes and alarms of one record."""

    name: str
    """Record name; the stream's id."""
    fs: float
    """Sampling frequency, Hz."""
    n_samples: int
    """Length, samples."""
    start_unix_ns: int
    """UTC time of the first sample, ns since 1970."""
    beats: list[tuple[int, str]] = field(default_factory=list)
    """R-peak, ms, and AAMI class of each beat."""
    episodes: list[tuple[Code, int, int]] = field(default_factory=list)
    """Condition, onset and offset of each episode that ended, ms; all have at the record's end."""
    labels: list[tuple[int, str]] = field(default_factory=list)
    """Where a windowed model's label changed, ms, and to what."""
    leads: list[tuple[int, str]] = field(default_factory=list)
    """Where another lead came to be scored, at the first beat found in it, ms, and its name."""
    alarms: list[bytes] = field(default_factory=list)
    """Changes of alarms as canonical JSON."""
    raised: Counter[str] = field(default_factory=Counter)
    """Alarms raised, by priority."""
    open_ms: dict[Code, int] = field(default_factory=dict)
    """Onsets of episodes that are open, ms."""
    label: dict[str, str] = field(default_factory=dict)
    """Last label of each windowed model."""
    lead: int = 0
    """Lead of the last beat, 0 the stream's first."""

    @property
    def clock(self) -> StreamClock:
        """From ms to samples and UTC."""
        return StreamClock(self.fs, 0, self.start_unix_ns)

    @property
    def duration_s(self) -> float:
        """Length, s."""
        return self.n_samples / self.fs

    def summary(self, files: dict[str, str]) -> dict[str, object]:
        """Return the counts that ``vigil score --json`` prints.

        Parameters
        ----------
        files : dict of str to str
            Paths of what was written, by what it is.
        """
        beats = Counter(letter for _, letter in self.beats)
        episodes = Counter(CONDITIONS[code].name for code, _, _ in self.episodes)
        return {
            "record": self.name,
            "duration_s": round(self.duration_s, 3),
            "beats": len(self.beats),
            "episodes": len(self.episodes),
            "alarms": self.raised.total(),
            "beats_by_class": {letter: beats[letter] for letter in AAMI},
            "episodes_by_condition": dict(sorted(episodes.items())),
            "alarms_by_priority": {p: self.raised[p] for p in ("high", "medium", "low")},
            "files": files,
        }


def gather(
    results: Results,
    scores: dict[str, RecordScore],
    model: ModelRef,
    limits: Limits,
    context: AlarmContext = NO_CONTEXT,
) -> None:
    """Add what one push gave to the records that it is about.

    Parameters
    ----------
    results : Results
        What the push gave.
    scores : dict of str to RecordScore
        The records by stream id; changed.
    model : ModelRef
        Beat model in use.
    limits : Limits
        Limits in force.
    context : AlarmContext
        What else alarms tell.
    """
    for part in results.beat_arrays:
        found = zip(part.streams, part.r_ms.tolist(), part.aami.tolist(), strict=True)
        for stream, r_ms, code in found:
            scores[stream.stream_id].beats.append((r_ms, AAMI[code]))
        if part.lead is not None:
            _note_leads(part, part.lead, scores)
    for edge in results.edges:
        score = scores[edge.stream.stream_id]
        if edge.onset:
            score.open_ms[edge.code] = edge.at_ms
        else:
            score.episodes.append((edge.code, score.open_ms.pop(edge.code), edge.at_ms))
    for window in results.windows:
        score = scores[window.stream.stream_id]
        if score.label.get(window.model) != window.label:
            score.label[window.model] = window.label
            score.labels.append((window.begin_ms, window.label))
    for change in results.alarms:
        score = scores[change.stream.stream_id]
        transition = change.transition
        told = context.because(change.reasons).seen(change.lead, change.strip)
        score.alarms.append(render(transition, change.stream.source, model, limits, told))
        score.raised[transition.condition.priority.value] += (
            transition.kind is TransitionKind.RAISED
        )


def _note_leads(
    part: BeatArrays, lead: NDArray[np.int8], scores: Mapping[str, RecordScore]
) -> None:
    """Note where beats come to be found in another lead than the ones before."""
    for stream, r_ms, now in zip(part.streams, part.r_ms.tolist(), lead.tolist(), strict=True):
        score = scores[stream.stream_id]
        if score.lead != now:
            score.lead = now
            score.leads.append((r_ms, stream.scored_lead(now).name))
