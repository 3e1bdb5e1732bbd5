"""Records through the pipeline: as many as fit in memory side by side, each as one stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.services.models import ModelChoice
from deploy.services.record_score import RecordScore, gather
from inference.alarm_json import AlarmContext, ModelRef
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.streams import choose_lead
from ingest.errors import InputError
from ingest.frames import ECG_UNITS, MISSING_ADU
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, open_recording, record_name

BATCH_BYTES = 256 << 20
"""Samples that are held at a time, bytes; a longer record is held alone."""

BATCH_RECORDS = 64
"""Most records side by side; more would be no faster."""

Advance = Callable[[float], None]
"""Is told how much was done, in records: halves of two are one."""


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How records are scored."""

    models: ModelChoice = field(default_factory=ModelChoice)
    """Models."""
    lead: str | None = None
    """Lead, by name or index, or two with a comma for a model of two; None takes the best known
    that a record has."""
    chunk_s: float = 20.0
    """Signal taken at a time, s; the output does not depend on it."""
    limits: Limits = field(default_factory=Limits)
    """Alarm limits."""
    profile: str | None = None
    """Patient profile that they come from, for alarms to tell; None: none was chosen."""
    explain: bool = False
    """Let alarms tell why the beats that raised them were called so."""
    ecg_only: bool = False
    """Leave out leads that are no ECG, so that pulses neither confirm nor veto."""

    anomaly_share: float | None = None
    """Share of a record of numerics in which its score may reach a limit that follows it; None: the
    model's own limit stands."""
    strips: bool = False
    """Let raised alarms carry the last 10 s of signal."""

    def pipeline(self) -> Pipeline:
        """Make a pipeline; errors as :meth:`ModelChoice.pipeline`."""
        made = self.models.pipeline(self.limits, explain=self.explain)
        if self.strips:
            made.keep_strips()
        return made


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that cannot be scored."""

    record: str
    """Path as it was given."""
    reason: str
    """What is wrong with it."""


def open_for_scoring(path: str | Path, lead: str | None) -> Recording:
    """Open a record and see that it has a lead to score.

    Raises
    ------
    InputError
        If it cannot be read, or has no such lead, or none that is an ECG.
    """
    names = None if lead is None else [name.strip() for name in lead.split(",")]
    recording = open_recording(path, names)
    row = choose_lead(recording.leads, None)
    if row is None:
        there = ", ".join(f"{each.name} in {each.unit}" for each in recording.leads)
        raise InputError(
            f"record {recording.name} has no lead in uV, mV or V to score; it has: {there}"
        )
    if (recording.samples[row] == MISSING_ADU).all():
        name = recording.leads[row].name
        raise InputError(f"record {recording.name}: every sample of lead {name} is missing")
    return recording


def ecg_of(recording: Recording) -> Recording:
    """Return the electrical leads of a recording."""
    rows = [i for i, lead in enumerate(recording.leads) if lead.unit in ECG_UNITS]
    leads = tuple(recording.leads[i] for i in rows)
    return replace(recording, leads=leads, samples=recording.samples[rows])


def score_paths(
    paths: Sequence[str], options: ScoreOptions, advance: Advance
) -> Iterator[RecordScore | Refusal]:
    """Score records from files, in groups that fit in memory.

    Parameters
    ----------
    paths : sequence of str
        Records whose names all differ.
    options : ScoreOptions
        How.
    advance : callable
        Is told how much was done, in records.

    Yields
    ------
    RecordScore or Refusal
        One a path; refusals come before the scores of their group.
    """
    group: dict[str, Recording] = {}
    n_bytes = 0
    for path in paths:
        try:
            recording = open_for_scoring(path, options.lead)
        except InputError as error:
            yield Refusal(path, str(error))
            advance(1)
            continue
        if options.ecg_only:
            recording = ecg_of(recording)
        n_bytes += recording.samples.nbytes
        if group and (n_bytes > BATCH_BYTES or len(group) == BATCH_RECORDS):
            yield from score_recordings(group, options, advance)
            group, n_bytes = {}, recording.samples.nbytes
        group[record_name(path)] = recording
    yield from score_recordings(group, options, advance)


def score_recordings(
    recordings: dict[str, Recording], options: ScoreOptions, advance: Advance
) -> Iterable[RecordScore]:
    """Score recordings side by side, each as the stream of its name.

    Raises
    ------
    InputError
        If a model does not fit.
    """
    scores = {
        name: RecordScore(name, each.fs, each.n_samples, each.start_unix_ns)
        for name, each in recordings.items()
    }
    if not scores:
        return []
    pipeline = options.pipeline()
    info = pipeline.models[0]
    model = ModelRef(info.name, info.version, info.digest)
    context = AlarmContext(options.profile).of_models(pipeline.models)
    source = ReplaySource(recordings, speed=None, chunk_s=options.chunk_s)
    sequencer = Sequencer()
    ended = False
    while not ended:
        batch = source.poll(0)
        items, dead = sequencer.push_all(batch.frames)
        if dead:
            raise RuntimeError(f"a recording gave a frame that cannot be used: {dead[0].detail}")
        gather(pipeline.push(items), scores, model, options.limits, context)
        advance(sum(f.n_samples / recordings[f.stream_id].n_samples for f in batch.frames))
        ended = batch.end
    return list(scores.values())
