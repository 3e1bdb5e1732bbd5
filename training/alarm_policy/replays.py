"""Records run through the engine once for each step of the limits, and kept."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from inference.alarm_transition import AlarmTransition
from inference.pipeline import Pipeline
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, open_recording
from training.alarm_policy.choices import STEPS, Choice
from training.alarm_policy.trials import Heard
from training.alarm_scoring import ToldAlarm
from training.ec57 import read_annotations
from training.false_alarms.systems import alarms_of, of_beats
from training.labels import aami_codes
from training.splits import DS1, patient_of

SOURCES: dict[str, tuple[str, ...]] = {"mitdb": DS1, "svdb": ()}
"""Databases with reference beats, and their records that may be learned from; none: all."""
BATCH = 8
"""Records side by side."""

Beats = tuple[np.ndarray, np.ndarray]


def records_of(data: Path) -> list[tuple[str, str]]:
    """List databases and records.

    Raises
    ------
    ingest.errors.InputError
        If a database is not there.
    """
    found = []
    for database, chosen in SOURCES.items():
        names = chosen or tuple(sorted(path.stem for path in (data / database).glob("*.hea")))
        if not names:
            raise InputError(f"no record of {database} in {data}")
        found += [(database, name) for name in names]
    return found


def hear(data: Path, wanted: Sequence[tuple[str, str]], kept: Path) -> Iterator[Heard]:
    """Run records through the engine, or take what was found by the same models before.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    wanted : sequence of (str, str)
        Databases and records.
    kept : Path
        Folder in which results stay; made by this code alone, for it unpickles them.
    """
    kept.mkdir(parents=True, exist_ok=True)
    models = "".join(info.digest for info in Pipeline().models)
    for at in range(0, len(wanted), BATCH):
        batch = list(wanted[at : at + BATCH])
        key = hashlib.sha256(f"{models}{batch}{STEPS}".encode()).hexdigest()[:16]
        path = kept / f"{key}.pickle"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(pickle.dumps(_run(data, batch)))
            part.replace(path)
        yield from pickle.loads(path.read_bytes())  # noqa: S301


def _run(data: Path, batch: Sequence[tuple[str, str]]) -> list[Heard]:
    """Run some records side by side."""
    recordings = {f"{db}/{name}": open_recording(data / db / name) for db, name in batch}
    told: dict[str, dict[str, list[ToldAlarm]]] = {}
    beats: dict[str, Beats] = {}
    for step in STEPS:
        pipeline = Pipeline(limits=Choice(0.0, step).limits)
        told[step], beats = _engine(pipeline, recordings)
    found = []
    for database, record in batch:
        name = f"{database}/{record}"
        each, (r_ms, aami) = recordings[name], beats[name]
        notes = read_annotations(data / database, record, "atr", each.fs)
        codes = aami_codes(notes.symbol)
        true_ms = np.rint(notes.sample[codes >= 0] * 1000 / each.fs).astype(np.int64)
        reference = of_beats(each, true_ms, codes[codes >= 0].astype(np.int8))
        found.append(
            Heard(
                record=name,
                patient=patient_of(database, record),
                duration_s=each.duration_s,
                told={step: tuple(told[step][name]) for step in STEPS},
                reference=tuple(reference),
                r_s=r_ms / 1000,
                aami=aami,
            )
        )
    return found


def _engine(
    pipeline: Pipeline, recordings: dict[str, Recording]
) -> tuple[dict[str, list[ToldAlarm]], dict[str, Beats]]:
    """Give the alarms and the beats of recordings."""
    source, sequencer = ReplaySource(recordings, speed=None, chunk_s=20.0), Sequencer()
    changes: dict[str, list[AlarmTransition]] = {name: [] for name in recordings}
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in recordings}
    ended = False
    while not ended:
        batch = source.poll(0)
        items, _ = sequencer.push_all(batch.frames)
        results = pipeline.push(items)
        for change in results.alarms:
            changes[change.stream.stream_id].append(change.transition)
        for part in results.beat_arrays:
            for stream, r_ms, code in zip(part.streams, part.r_ms, part.aami, strict=True):
                found[stream.stream_id].append((int(r_ms), int(code)))
        ended = batch.end
    alarms = {name: alarms_of(changes[name], each) for name, each in recordings.items()}
    beats = {}
    for name, rows in found.items():
        table = np.array(rows, np.int64).reshape(-1, 2)
        beats[name] = (table[:, 0], table[:, 1].astype(np.int8))
    return alarms, beats
