"""Records of numerics (HR, SpO2 … at 1 Hz): forecast, and what came otherwise is an anomaly.

``DIR/NAME.anomalies.jsonl`` holds one anomaly a line: when, which channel, why (``error``: not as
forecast, ``still``: stands still unlike its habit, ``gone``: no value), how rare that is, and what
was there beside what had been forecast. ``DIR/NAME.alarms.jsonl`` holds the alarms that a worker
with ``--numerics`` makes of the same stream.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from inference.alarm_json import AlarmContext, ModelRef, canonical, document
from inference.alarm_transition import TransitionKind
from inference.anomaly import Anomaly as Strangest
from inference.conditions import Priority
from inference.limits import Limits
from inference.model import ModelInfo
from inference.numeric_streams import NumericStreams
from inference.numerics import steps_in
from inference.results import AlarmChange, Results
from inference.ticks import AAMI
from ingest.errors import InputError
from ingest.frames import MIN_FS
from ingest.recording import Recording
from ingest.sequence_types import Chunk, End
from ingest.wfdb_replay import open_recording

SESSION = "0"
"""Session of a record that is scored, as where it is replayed."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A stretch in which a stream was not as forecast."""

    onset_s: float
    """When it was recognised, s since the record's start."""
    offset_s: float | None
    """When it had ended; None where the record ends in it."""
    strangest: Strangest
    """Its strangest second."""


def score_numerics(
    path: str, out: Path, model: Path | None = None, share: float | None = None
) -> dict[str, object] | None:
    """Score a record of numerics, write its anomalies, and sum them up.

    Parameters
    ----------
    path : str
        Record.
    out : Path
        Folder that exists.
    model : Path, optional
        Forecaster; the shipped one where not given.
    share : float, optional
        As for :class:`inference.forecast.ForecastStage`.

    Returns
    -------
    dict or None
        As ``vigil score --json`` prints it; None where the record is none of numerics, or holds
        none of the forecaster's channels.

    Raises
    ------
    ingest.errors.InputError
        If the model does not fit, or the file cannot be written.
    """
    try:
        recording = open_recording(path)
    except InputError:
        return None  # told already, where it was opened as an ECG
    if recording.fs >= MIN_FS:
        return None
    streams = NumericStreams(model, share=share)
    names = {lead.name.strip().lower() for lead in recording.leads}
    if not names & {channel.lower() for channel in streams.channels}:
        return None
    steps_in(recording.fs, streams.model.fs, recording.name)
    anomalies, alarms = find_anomalies(recording, streams)
    info = streams.model
    told_by = {"name": info.name, "version": info.version, "digest": info.digest}
    files = {
        "anomalies": [_line(each, recording.name, told_by) for each in anomalies],
        "alarms": [_alarm(change, info).decode() for change in alarms],
    }
    targets = {what: out / f"{recording.name}.{what}.jsonl" for what in files}
    try:
        for what, lines in files.items():
            part = targets[what].with_suffix(".part")
            part.write_text("".join(line + "\n" for line in lines), "utf-8")
            part.replace(targets[what])
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror or error}") from error
    by_priority = dict.fromkeys(("high", "medium", "low"), 0)
    return {
        "record": recording.name,
        "duration_s": round(recording.n_samples / recording.fs, 3),
        "beats": 0,
        "episodes": 0,
        "alarms": len(anomalies),
        "anomalies": len(anomalies),
        "beats_by_class": dict.fromkeys(AAMI, 0),
        "episodes_by_condition": {},
        "alarms_by_priority": {**by_priority, Priority.LOW.value: len(anomalies)},
        "files": {what: str(target) for what, target in targets.items()},
    }


def find_anomalies(
    recording: Recording, streams: NumericStreams
) -> tuple[list[Anomaly], list[AlarmChange]]:
    """Step a record through a forecaster, as a worker would its stream.

    Parameters
    ----------
    recording : Recording
        Numerics.
    streams : NumericStreams
        In which no stream of the record's name sits.

    Returns
    -------
    anomalies : list of Anomaly
    alarms : list of AlarmChange
        What a worker says of them.
    """
    name, n, step_s = recording.name, recording.n_samples, 1 / streams.model.fs
    told = (recording.samples, recording.fs, recording.leads, recording.start_unix_ns)
    results = Results()
    streams.push([Chunk(name, SESSION, 0, *told, begins=True)], results)
    n_within = len(results.alarms)
    streams.push([End(name, SESSION, n)], results)
    found: list[Anomaly] = []
    for i, change in enumerate(results.alarms):
        at_s = change.transition.decided_ms / 1000 - step_s
        strangest = change.transition.anomaly
        if strangest is None:
            raise TypeError("an alarm of numerics without its anomaly")
        if change.transition.kind is TransitionKind.RAISED:
            found.append(Anomaly(at_s, None, strangest))
        else:
            found[-1] = Anomaly(found[-1].onset_s, at_s if i < n_within else None, strangest)
    return found, results.alarms


def _alarm(change: AlarmChange, model: ModelInfo) -> bytes:
    """Write a change of an alarm as a worker does."""
    context = AlarmContext().of_models([model]).seen(change.lead, change.strip)
    by = change.model or ModelRef(model.name, model.version, model.digest)
    return canonical(document(change.transition, change.stream.source, by, Limits(), context))


def _line(anomaly: Anomaly, record: str, model: dict[str, str]) -> str:
    strangest = anomaly.strangest.to_json()
    told: dict[str, object] = {
        "record": record,
        "onset_s": anomaly.onset_s,
        "offset_s": anomaly.offset_s,
        "channel": strangest["channel"],
        "why": strangest["why"],
        "score": strangest["rarity"],
        "value": strangest["value"],
        "forecast": strangest["forecast"],
        "model": model,
    }
    return json.dumps(told, sort_keys=True)
