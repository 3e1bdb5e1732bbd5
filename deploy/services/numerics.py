"""Records of numerics (HR, SpO2 … at 1 Hz): forecast, and what came otherwise is an anomaly.

``DIR/NAME.anomalies.jsonl`` holds one anomaly a line: when, which channel, why (``error``: not as
forecast, ``still``: stands still unlike its habit, ``gone``: no value), how rare that is, and what
was there beside what had been forecast.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.forecast import ForecastScores, ForecastStage
from inference.model import builtin
from inference.numerics import averaged, channel_values
from inference.session import StreamSession
from inference.surprise import COMPONENTS
from inference.ticks import AAMI
from ingest.errors import InputError
from ingest.frames import MIN_FS
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording

MODEL = "forecast"
"""Name of the shipped forecaster."""
SHOWN_AHEAD_S = 10.0
"""How long before its time the forecast was made that is told beside a value, s."""


@dataclass(slots=True)
class Anomaly:
    """A stretch in which a stream was not as forecast."""

    onset_s: float
    """When it was recognised, s since the record's start."""
    offset_s: float | None
    """When it had ended; None where the record ends in it."""
    channel: str
    """Channel that was strangest, where the score was highest."""
    why: str
    """``error``, ``still`` or ``gone``."""
    score: float
    """Highest score: such a value comes once in ``10 ** score`` undisturbed seconds."""
    value: float | None
    """What the channel told then."""
    forecast: list[float] | None
    """Outer quantiles and median that had been forecast of it."""


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
    session = StreamSession(model or builtin(MODEL), "forecast")
    stage = ForecastStage(session, n_slots=1, share=share)
    names = {lead.name.lower() for lead in recording.leads}
    if not names & {channel.lower() for channel in stage.info.channels}:
        return None
    anomalies = find_anomalies(recording, stage)
    target = out / f"{recording.name}.anomalies.jsonl"
    info = stage.session.info
    told_by = {"name": info.name, "version": info.version, "digest": info.digest}
    lines = [_line(each, recording.name, told_by) for each in anomalies]
    try:
        part = target.with_suffix(".part")
        part.write_text("".join(line + "\n" for line in lines), "utf-8")
        part.replace(target)
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror or error}") from error
    return {
        "record": recording.name,
        "duration_s": round(recording.n_samples / recording.fs, 3),
        "beats": 0,
        "episodes": 0,
        "alarms": 0,
        "anomalies": len(anomalies),
        "beats_by_class": dict.fromkeys(AAMI, 0),
        "episodes_by_condition": {},
        "alarms_by_priority": dict.fromkeys(("high", "medium", "low"), 0),
        "files": {"anomalies": str(target)},
    }


def find_anomalies(recording: Recording, stage: ForecastStage) -> list[Anomaly]:
    """Step a record through a forecaster.

    Parameters
    ----------
    recording : Recording
        Numerics.
    stage : ForecastStage
        With one fresh slot.
    """
    info, channels = stage.session.info, stage.info.channels
    values = channel_values(recording.leads, recording.samples, channels, recording.name)
    values = averaged(values, recording.fs, info.fs, recording.name)
    ahead = stage.info.ahead_s.index(SHOWN_AHEAD_S)
    lag = round(SHOWN_AHEAD_S * info.fs)
    shown: list[np.ndarray] = []
    found: list[Anomaly] = []
    open_now = False
    slot = np.zeros(1, np.intp)
    for step, row in enumerate(values):
        told = stage.step(slot, row[None])
        shown.append(told.forecast[0, ahead])
        now, at_s = bool(told.anomalous[0]), step / info.fs
        if now and not open_now:
            found.append(Anomaly(at_s, None, "", "", -1.0, None, None))
        if now and float(told.score[0]) > found[-1].score:
            _take_peak(found[-1], told, row, shown[step - lag] if step >= lag else None, channels)
        if open_now and not now:
            found[-1].offset_s = at_s
        open_now = now
    return found


def _take_peak(
    anomaly: Anomaly,
    told: ForecastScores,
    row: np.ndarray,
    forecast: np.ndarray | None,
    channels: tuple[str, ...],
) -> None:
    """Tell an anomaly by its strangest second so far."""
    place, component = divmod(int(told.rarity[0].argmax()), len(COMPONENTS))
    anomaly.channel, anomaly.why = channels[place], COMPONENTS[component]
    anomaly.score = float(told.score[0])
    anomaly.value = None if math.isnan(row[place]) else round(float(row[place]), 2)
    anomaly.forecast = None
    if forecast is not None and not np.isnan(forecast[place]).any():
        middle = forecast.shape[1] // 2
        anomaly.forecast = [round(float(forecast[place, q]), 2) for q in (0, middle, -1)]


def _line(anomaly: Anomaly, record: str, model: dict[str, str]) -> str:
    told: dict[str, object] = {
        "record": record,
        "onset_s": anomaly.onset_s,
        "offset_s": anomaly.offset_s,
        "channel": anomaly.channel,
        "why": anomaly.why,
        "score": round(anomaly.score, 3),
        "value": anomaly.value,
        "forecast": anomaly.forecast,
        "model": model,
    }
    return json.dumps(told, sort_keys=True)
