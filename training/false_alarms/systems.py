"""What raises alarms: Vigil with its gates and without, and the same rules on xqrs's beats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.alarm_json import AlarmSource, ModelRef, document
from inference.alarm_transition import AlarmTransition
from inference.alarms import Alarms
from inference.episodes import Episodes
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.quality import QualityTicks
from inference.quality_index import Measures, QualityModel, shipped
from inference.stream_clock import StreamClock
from inference.streams import choose_lead
from inference.ticks import TICK_MS, BlockBeats
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource
from training.alarm_scoring import ToldAlarm, spans
from training.stress.peers import find_qrs

VARIANTS = {
    "none": "no gate",
    "roughness": "roughness alone (as before)",
    "index": "quality index, suspension",
    "all": "and choice of leads (as it runs)",
}
"""Vigil's gates, each row more than the one before."""
DELAY_MS = 680
"""When xqrs's beats are taken to be decided, ms behind the R-peak: as Vigil's are."""
_MODEL = ModelRef("none", "0", "0")


class _Rough(QualityModel):
    """The gate that stood before the index: roughness alone."""

    def noisy(self, found: Measures, index: NDArray[np.float32]) -> NDArray[np.bool_]:
        return super().noisy(found, np.ones_like(index))


class _Open(QualityModel):
    """No gate."""

    def noisy(self, found: Measures, index: NDArray[np.float32]) -> NDArray[np.bool_]:
        return np.zeros(index.shape, np.bool_)


def vigil(recordings: dict[str, Recording], variant: str) -> dict[str, list[ToldAlarm]]:
    """Score records side by side with one of :data:`VARIANTS`.

    Raises
    ------
    InputError
        If there is no such variant.
    """
    if variant not in VARIANTS:
        raise InputError(f"variant {variant!r} is unknown; known are {', '.join(VARIANTS)}")
    pipeline = Pipeline(spare_leads=1 if variant == "all" else 0)
    gate = {"none": _Open, "roughness": _Rough}.get(variant)
    if gate is not None:
        model = shipped()
        for stage in pipeline.conditioning.values():
            stage.quality.model = gate(model.halves, model.weights, model.bias, model.noisy_below)
    source, sequencer = ReplaySource(recordings, speed=None, chunk_s=20.0), Sequencer()
    told: dict[str, list[AlarmTransition]] = {name: [] for name in recordings}
    ended = False
    while not ended:
        batch = source.poll(0)
        items, _ = sequencer.push_all(batch.frames)
        for change in pipeline.push(items).alarms:
            told[change.stream.stream_id].append(change.transition)
        ended = batch.end
    return {name: alarms_of(told[name], each) for name, each in recordings.items()}


def xqrs(recording: Recording, cache: Path) -> list[ToldAlarm]:
    """Apply the same rules to the beats of wfdb's xqrs in the same lead: all N, all believed.

    Raises
    ------
    InputError
        If the record has no ECG.
    """
    row = choose_lead(recording.leads, None)
    if row is None:
        raise InputError(f"record {recording.name} has no ECG")
    lead = Recording(
        recording.name, recording.fs, (recording.leads[row],), recording.samples[row : row + 1]
    )
    r_ms = np.rint(find_qrs("xqrs", lead, cache) * 1000 / recording.fs).astype(np.int64)
    return of_beats(recording, r_ms, np.zeros(len(r_ms), np.int8))


def of_beats(
    recording: Recording, r_ms: NDArray[np.int64], aami: NDArray[np.int8]
) -> list[ToldAlarm]:
    """Apply the rules to beats that somebody else found, all believed, all of the signal readable.

    Parameters
    ----------
    recording : Recording
        Whose beats they are.
    r_ms : array of shape (n_beats,)
        R-peaks, ms; of those closer than a tick the later is left out.
    aami : array of shape (n_beats,)
        Class codes.
    """
    apart = np.diff(r_ms, prepend=-TICK_MS) >= TICK_MS
    r_ms, aami = r_ms[apart], aami[apart]
    n_ticks = int(recording.duration_s * 1000) // TICK_MS
    tick = (r_ms + DELAY_MS - 1) // TICK_MS
    heard = tick < n_ticks
    r_ms, aami, tick = r_ms[heard], aami[heard], tick[heard]
    n = len(r_ms)
    beats = BlockBeats(
        np.zeros(n, np.intp),
        tick.astype(np.intp),
        r_ms,
        np.diff(r_ms, prepend=r_ms[:1]),
        aami,
        np.ones(n, np.float32),
    )
    fine, ones = np.zeros((1, n_ticks), np.bool_), np.ones((1, n_ticks), np.float32)
    quality = QualityTicks(ones, fine, fine, fine, fine, ones)
    episodes, alarms, slot = Episodes(Limits(), DELAY_MS, 1), Alarms(1), np.array([0])
    found = []
    for decided in episodes.advance(slot, np.array([TICK_MS]), beats, quality):
        found += alarms.step(*decided)
    return alarms_of(found, recording)


def alarms_of(transitions: list[AlarmTransition], recording: Recording) -> list[ToldAlarm]:
    """Make one span an alarm of the changes of a recording's alarms."""
    source = AlarmSource(recording.name, "", StreamClock(recording.fs, 0, 0))
    limits = Limits()
    return spans(document(each, source, _MODEL, limits) for each in transitions)
