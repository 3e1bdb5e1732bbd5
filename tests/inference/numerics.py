"""Streams of numerics for tests: quiet ones, and such as are not as forecast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inference.alarm_json import ModelRef, canonical, document
from inference.forecast import ForecastScores, ForecastStage
from inference.limits import Limits
from inference.numerics import averaged, channel_values
from inference.results import AlarmChange
from inference.surprise import COMPONENTS
from ingest.frames import MISSING_ADU, Lead
from ingest.recording import Recording
from ingest.sequence_types import Chunk, End, Gap, Item

LEADS = tuple(
    Lead(name, unit, 10.0, 0)
    for name, unit in (("HR", "bpm"), ("PULSE", "bpm"), ("RESP", "pm"), ("SpO2", "%"))
)
SHOWN_AHEAD_S = 10.0
"""How long before its time the forecast was made that is told beside a value, s."""
START_UNIX_NS = 1_700_000_000_000_000_000


def quiet(seed: int = 0, n_s: int = 420, fs: int = 1) -> np.ndarray:
    """Swing quietly about usual levels; shape (n_s * fs, 4)."""
    rng = np.random.default_rng(seed)
    step = np.arange(n_s * fs) / fs
    hr = 80 + 2 * np.sin(step / 20) + rng.normal(0, 0.5, len(step))
    resp = 17 + np.sin(step / 30) + rng.normal(0, 0.3, len(step))
    spo2 = 97 + 0.6 * np.sin(step / 45)
    return np.round(np.stack([hr, hr, resp, spo2], axis=1))


def restless(seed: int = 0, n_s: int = 420) -> np.ndarray:
    """The same, desaturating now and then, and with a sensor that is lost."""
    values = quiet(seed, n_s)
    first = 120 + 5 * seed
    values[first : first + 25, 3] -= 14
    values[first + 110 : first + 150, 1] = np.nan
    values[first + 200 : first + 240, 3] -= 15
    return values


def adu(values: np.ndarray) -> np.ndarray:
    """Samples as a device sends them, shape (4, n)."""
    return np.where(np.isnan(values), MISSING_ADU, values * 10).astype(np.int16).T


def recording(values: np.ndarray, fs: float = 1.0, name: str = "p") -> Recording:
    """A record of numerics."""
    return Recording(name, fs, LEADS, adu(values), START_UNIX_NS)


def chunk(
    stream_id: str, samples: np.ndarray, first: int = 0, fs: float = 1.0, **options: object
) -> Chunk:
    """What the sequencer gives of a stream's samples."""
    told = ("0", first, samples, fs, LEADS, START_UNIX_NS)
    return Chunk(stream_id, *told, **options)  # type: ignore[arg-type]


def cut(
    stream_id: str, values: np.ndarray, rng: np.random.Generator, fs: float = 1.0
) -> list[Item]:
    """Cut a stream at random, its end told."""
    samples = adu(values)
    inner = rng.integers(1, samples.shape[1], size=rng.integers(0, 60))
    edges = [0, *sorted(set(inner.tolist())), samples.shape[1]]
    items: list[Item] = [
        chunk(stream_id, samples[:, a:b], a, fs, begins=a == 0) for a, b in pairwise(edges)
    ]
    return [*items, End(stream_id, "0", samples.shape[1])]


def with_gap(items: Sequence[Item], at: int, n: int) -> list[Item]:
    """Move all from one item on behind a gap of so many samples."""
    before, after = list(items[:at]), list(items[at:])
    first = items[at - 1].end_sample
    moved: list[Item] = [Gap(items[0].stream_id, "0", first, n)]
    for item in after:
        if isinstance(item, Chunk):
            moved.append(chunk(item.stream_id, item.samples, item.first_sample + n, item.fs))
        elif isinstance(item, End):
            moved.append(End(item.stream_id, "0", item.end_sample + n))
    return before + moved


@dataclass
class Plain:
    """An anomaly as found by :func:`found_plainly`."""

    onset_s: float
    offset_s: float | None
    channel: str
    why: str
    score: float
    value: float | None
    forecast: list[float] | None


def found_plainly(recording: Recording, stage: ForecastStage) -> list[Plain]:
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
    found: list[Plain] = []
    open_now = False
    slot = np.zeros(1, np.intp)
    for step, row in enumerate(values):
        told = stage.step(slot, row[None])
        shown.append(told.forecast[0, ahead])
        now, at_s = bool(told.anomalous[0]), step / info.fs
        if now and not open_now:
            found.append(Plain(at_s, None, "", "", -1.0, None, None))
        if now and float(told.score[0]) > found[-1].score:
            _take_peak(found[-1], told, row, shown[step - lag] if step >= lag else None, channels)
        if open_now and not now:
            found[-1].offset_s = at_s
        open_now = now
    return found


def _take_peak(
    anomaly: Plain,
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


def rendered(changes: Sequence[AlarmChange]) -> dict[str, list[bytes]]:
    """Alarms as they are published, by stream."""
    found: dict[str, list[bytes]] = {}
    for change in changes:
        model = change.model or ModelRef("other", "0", "")
        told = document(change.transition, change.stream.source, model, Limits())
        found.setdefault(change.stream.stream_id, []).append(canonical(told))
    return found
