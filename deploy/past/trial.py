"""A past made of real recordings: another model, limits changed half-way, and what was noted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from deploy.drift.records import first_part
from deploy.past.again import Outcome, say_again
from deploy.past.in_force import Course, InForce, Ledger, Options, course_of, read_in_force
from inference.alarm_json import AlarmContext
from inference.limits import Limits
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.sequence import Sequencer
from ingest.source import Batch, MemorySink
from ingest.wfdb_replay import ReplaySource, open_recording, record_name

THEN = Limits(tachycardia_bpm=110.0)
"""Limits that the worker was started with."""
LATER = THEN.changed({"tachycardia_bpm": 95.0, "bradycardia_bpm": 60.0, "vebs_per_min": 5})
"""Limits that were selected half-way."""
FRAME_S = 1.0
"""Length of the frames of then, s."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a worker left."""

    alarms: dict[str, list[bytes]]
    """Changes of each alarm, by id."""
    noted: tuple[InForce, ...]
    """What was in force."""

    def course(self, first: dict[str, object]) -> Course:
        """Return what was in force for an alarm.

        Raises
        ------
        InputError
            If that was not noted.
        """
        at = first["decided"]["sample"]  # type: ignore[index]
        found = course_of(self.noted, str(first["stream_id"]), str(first["session"]), at)
        if found is None:
            raise InputError(f"nothing was noted of {first['stream_id']}")
        return found


class _Halved:
    """A source that calls back when half of it was given."""

    def __init__(self, records: Sequence[Path], minutes: float) -> None:
        opened = {
            record_name(path): first_part(open_recording(path), 60 * minutes) for path in records
        }
        self.source = ReplaySource(opened, speed=None, chunk_s=FRAME_S)
        self.n_polls = 0

    def poll(self, timeout_s: float) -> Batch:
        self.n_polls += 1
        return self.source.poll(timeout_s)

    def commit(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def make_past(records: Sequence[Path], beat: Path, minutes: float) -> Past:
    """Let a worker score the first minutes of records, limits changed for all half-way."""
    pipeline, sequencer = Pipeline(beat=beat, limits=THEN), Sequencer()
    pipeline.keep_strips()
    noted, alarms, source = MemorySink(), MemorySink(), _Halved(records, minutes)
    ledger = Ledger(noted, pipeline, sequencer, Options(strips=True, profile="adult"))
    worker = Worker(
        source, Sinks(alarms, MemorySink()), pipeline, Metrics(CollectorRegistry()),
        sequencer=sequencer, context=AlarmContext("adult"), overheard=ledger.hear,
    )  # fmt: skip
    while worker.turn(0):
        if source.n_polls == round(60 * minutes / 2 / FRAME_S):
            for name in list(pipeline.streams.slots()):
                worker.set_limits(name, LATER)
                ledger.limits_changed(name)
    found: dict[str, list[bytes]] = {}
    for _, body in alarms.messages:
        found.setdefault(json.loads(body)["id"], []).append(body)
    return Past(found, tuple(read_in_force(value) for _, value in noted.messages))


def frames_of(record: Path, minutes: float) -> list[Frame]:
    """Return the frames of a record's beginning, cut otherwise than they were then."""
    opened = {record_name(record): first_part(open_recording(record), 60 * minutes)}
    source = ReplaySource(opened, speed=None, chunk_s=7.3)
    found: list[Frame] = []
    ended = False
    while not ended:
        batch = source.poll(0)
        found += batch.frames
        ended = batch.end
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """One alarm, said again three times."""

    first: dict[str, object]
    """Its first message."""
    as_then: Outcome
    """As it was said then."""
    today_limits: bool
    """Whether it is the same with the limits the worker was started with all the way."""
    today_model: bool
    """Whether it is the same with the model that ships today."""


def say_some_again(
    past: Past, records: Sequence[Path], folder: Path, minutes: float, most: int, seed: int
) -> list[Told]:
    """Say some alarms of each record again, drawn by chance.

    Parameters
    ----------
    past : Past
        What was left.
    records : sequence of Path
        Its records.
    folder : Path
        Where the model of then is.
    minutes : float
        Of each record.
    most : int
        Alarms of each record.
    seed : int
        Of the draw.
    """
    rng = np.random.default_rng(seed)
    found = []
    for record in records:
        own = [
            changes
            for changes in past.alarms.values()
            if json.loads(changes[0])["stream_id"] == record_name(record)
        ]
        frames = frames_of(record, minutes)
        for at in sorted(rng.permutation(len(own))[:most].tolist()):
            first = json.loads(own[at][0])
            course = past.course(first)
            unchanged, shipped = Course(course.begun, ()), replace(course.begun, models=())
            found.append(
                Told(
                    first,
                    say_again(own[at], course, frames, [folder]),
                    say_again(own[at], unchanged, frames, [folder]).is_same,
                    say_again(own[at], Course(shipped, course.changes), frames, []).is_same,
                )
            )
    return found
