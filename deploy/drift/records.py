"""Figures of patients from recordings, scored by the very pipeline that serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.patient import PatientFigures
from deploy.drift.places import Place
from deploy.drift.stays import Stays
from deploy.services.scoring import ScoreOptions, open_for_scoring
from inference.alarm_json import ModelRef, document
from inference.pipeline import Pipeline
from inference.results import Results
from inference.ticks import AAMI
from ingest.frame_columns import FrameColumns
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, record_name

GROUP = 32
"""Records that are held and scored side by side."""

Change = Callable[[Recording], Recording]
"""Makes of a recording what a drifted device would have sent."""


def figures_of_records(
    paths: Sequence[str | Path],
    options: ScoreOptions,
    declaration: DriftDeclaration,
    places: Mapping[str, Place],
    advance: Callable[[float], None] = lambda n: None,
    change: Change = lambda recording: recording,
    make: Callable[[], Stays] | None = None,
) -> Iterator[PatientFigures]:
    """Take the figures of records, each a patient, in their order.

    Parameters
    ----------
    paths : sequence of str or Path
        Records, WFDB or EDF, whose names differ.
    options : ScoreOptions
        How they are scored.
    declaration : DriftDeclaration
        How long a window is: no more of a record is scored.
    places : mapping of str to Place
        By the record's name.
    advance : callable
        Is told how many records were done.
    change : callable
        Is applied to each recording.
    make : callable, optional
        Makes what gathers; by default a plain one.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be scored.
    """
    rest = iter(paths)
    while group := list(islice(rest, GROUP)):
        opened = {
            record_name(path): first_part(
                change(open_for_scoring(path, options.lead)), declaration.window_min * 60
            )
            for path in group
        }
        stays = Stays(declaration, places) if make is None else make()
        listen(opened, options, stays)
        by_stream: dict[str, list[PatientFigures]] = {name: [] for name in opened}
        for patient in stays.finish():
            by_stream[patient.stream_id].append(patient)
        for found in by_stream.values():
            yield from found
        advance(len(group))


def figures_of_stretch(
    frames: Iterable[FrameColumns],
    options: ScoreOptions,
    declaration: DriftDeclaration,
    places: Mapping[str, Place],
) -> Iterator[PatientFigures]:
    """Take the figures of the patients of a past stretch of frames, as their windows end.

    Raises
    ------
    ingest.errors.InputError
        If a model does not fit or the stretch cannot be read.
    """
    pipeline, sequencer, stays = options.pipeline(), Sequencer(), Stays(declaration, places)
    for columns in frames:
        items, _ = sequencer.push_columns(columns)
        stays.hear(columns)
        hear_results(pipeline, pipeline.push(items), stays)
        yield from stays.due()
    yield from stays.finish()


def first_part(recording: Recording, length_s: float) -> Recording:
    """Return the beginning of a recording, as long as a window at most."""
    n_samples = min(recording.n_samples, round(length_s * recording.fs))
    return replace(recording, samples=recording.samples[:, :n_samples])


def listen(recordings: dict[str, Recording], options: ScoreOptions, stays: Stays) -> None:
    """Score recordings side by side and let ``stays`` hear all of it."""
    pipeline = options.pipeline()
    source, sequencer = ReplaySource(recordings, speed=None, chunk_s=10.0), Sequencer()
    ended = False
    while not ended:
        batch = source.poll(0)
        items, _ = sequencer.push_all(batch.frames)
        stays.hear(batch.frames)
        hear_results(pipeline, pipeline.push(items), stays)
        ended = batch.end


def hear_results(pipeline: Pipeline, results: Results, stays: Stays) -> None:
    """Let ``stays`` hear the beats and alarms of one push."""
    info = pipeline.models[0]
    model = ModelRef(info.name, info.version, info.digest)
    for part in results.beat_arrays:
        for i, stream in enumerate(part.streams):
            r_ms = int(part.r_ms[i])
            at_s = stream.origin_unix_ns / 1e9 + r_ms / 1000
            lead = stream.scored_lead(0 if part.lead is None else int(part.lead[i])).name
            rr_ms, confidence = int(part.rr_ms[i]), float(part.confidence[i])
            stays.beat(stream.stream_id, at_s, AAMI[part.aami[i]], rr_ms, confidence, lead)
    for change in results.alarms:
        limits = pipeline.limits_of(change.stream.stream_id)
        stays.alarm_message(document(change.transition, change.stream.source, model, limits))
