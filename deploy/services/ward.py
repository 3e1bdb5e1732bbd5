"""The ward as the screen shows it, put together from frames, beats and alarms."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.terminal import (
    TRACE_S,
    AlarmBadge,
    AlarmLine,
    BeatMark,
    PatientRow,
    Tally,
    WardStats,
    WardView,
)
from inference.alarm_states import AlarmState
from inference.alarm_transition import TransitionKind
from inference.conditions import Priority
from inference.pipeline import Pipeline
from inference.rhythm import Rhythm
from inference.streams import UV_PER_UNIT, choose_lead
from ingest.frames import MISSING_ADU, Frame
from ingest.source import Batch, MemorySink

MAX_LINES = 200
"""Alarm lines kept."""
URGENCY = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)
"""Priorities, the most urgent first."""
RHYTHM_WORDS = {
    Rhythm.UNKNOWN: "unknown",
    Rhythm.NORMAL: "regular rate",
    Rhythm.TACHYCARDIA: "tachycardia",
    Rhythm.BRADYCARDIA: "bradycardia",
    Rhythm.AF: "AF",
    Rhythm.VT: "VT",
    Rhythm.VF: "VF",
    Rhythm.ASYSTOLE: "asystole",
}
"""What the screen calls each rhythm; only the rate is judged, not the origin."""


@dataclass(slots=True)
class _Patient:
    """What is kept of one patient."""

    bed: str
    session: str = ""
    fs: float = 250.0
    trace_mv: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    trace_end: int = 0
    marks: deque[BeatMark] = field(default_factory=lambda: deque(maxlen=40))
    last_beat: int = -1
    tally: Tally = field(default_factory=Tally)


class Ward:
    """Follows the frames, beats and alarms of several patients.

    Parameters
    ----------
    beds : mapping of str to str
        Bed by pseudonym, in the order of the rows.
    of : callable, optional
        Tells whose a stream of numerics is; others are their own.
    """

    def __init__(self, beds: Mapping[str, str], of: Callable[[str], str] = str) -> None:
        self._patients = {name: _Patient(bed) for name, bed in beds.items()}
        self._of = of
        self._lines: deque[AlarmLine] = deque(maxlen=MAX_LINES)
        self.n_samples = 0
        self.signal_s = 0.0

    @property
    def tallies(self) -> dict[str, Tally]:
        """What happened to each patient so far, by pseudonym."""
        return {name: patient.tally for name, patient in self._patients.items()}

    def see(self, batch: Batch) -> None:
        """Take the traces of frames."""
        for frame in batch.frames:
            if frame.stream_id not in self._patients:
                continue  # numerics; the screen has no room for them
            self.n_samples += frame.n_samples
            self.signal_s += frame.n_samples / frame.fs
            self._extend(self._patients[frame.stream_id], frame)

    def take(self, beats: MemorySink, alarms: MemorySink, elapsed_s: float) -> list[AlarmLine]:
        """Take what a worker wrote, and empty its sinks; return the new alarm lines."""
        for name, message in beats.messages:
            self._note_beat(self._patients[name], json.loads(message))
        lines = [
            self._note_alarm(self._of(name), json.loads(value), elapsed_s)
            for name, value in alarms.messages
        ]
        beats.messages.clear()
        alarms.messages.clear()
        self._lines.extendleft(lines)
        return lines

    def view(self, pipeline: Pipeline, stats: WardStats, note: str = "") -> WardView:
        """Put together what the screen shows now."""
        slots = pipeline.streams.slots()
        rows = [self._row(name, slots.get(name), pipeline) for name in self._patients]
        return WardView(rows, tuple(self._lines), stats, note=note)

    def _extend(self, patient: _Patient, frame: Frame) -> None:
        row = choose_lead(frame.leads, None)
        if row is None:
            return
        if frame.session != patient.session:
            patient.session, patient.fs, patient.last_beat = frame.session, frame.fs, -1
            patient.trace_mv = np.zeros(0, np.float32)
            patient.marks.clear()
        lead = frame.leads[row]
        mv_per_adu = UV_PER_UNIT[lead.unit] / 1000 / lead.adc_gain
        adu = frame.samples[row]
        mv = ((adu.astype(np.float32) - lead.baseline) * mv_per_adu).astype(np.float32)
        mv[adu == MISSING_ADU] = np.nan
        kept = int(TRACE_S * frame.fs)
        patient.trace_mv = np.concatenate([patient.trace_mv, mv])[-kept:]
        patient.trace_end = frame.end_sample

    def _note_beat(self, patient: _Patient, beat: dict[str, Any]) -> None:
        aami, tally = beat["aami"], patient.tally
        patient.tally = replace(
            tally,
            n_beats=tally.n_beats + 1,
            n_ventricular=tally.n_ventricular + (aami == "V"),
            n_supraventricular=tally.n_supraventricular + (aami == "S"),
        )
        if beat["session"] == patient.session:
            patient.last_beat = beat["sample"]
            if aami != "N":
                patient.marks.append(BeatMark(beat["sample"], aami))

    def _note_alarm(self, name: str, alarm: dict[str, Any], elapsed_s: float) -> AlarmLine:
        patient = self._patients[name]
        change, priority = TransitionKind(alarm["state"]), Priority(alarm["priority"])
        if change is TransitionKind.RAISED:
            tally = patient.tally
            condition = alarm["condition"]
            known = (
                tally.conditions
                if condition in tally.conditions
                else (*tally.conditions, condition)
            )
            patient.tally = replace(
                tally,
                n_high=tally.n_high + (priority is Priority.HIGH),
                n_medium=tally.n_medium + (priority is Priority.MEDIUM),
                n_low=tally.n_low + (priority is Priority.LOW),
                conditions=known,
            )
        rate = alarm["heart_rate_bpm"]
        return AlarmLine(
            clock=f"{int(elapsed_s) // 60:02d}:{int(elapsed_s) % 60:02d}",
            priority=priority,
            bed=patient.bed,
            patient=name,
            condition=alarm["condition"],
            change=change,
            detail=f"HR {rate:.0f}" if rate else "",
        )

    def _row(self, name: str, slot: int | None, pipeline: Pipeline) -> PatientRow:
        patient = self._patients[name]
        rate = quality = alarm = None
        rhythm = Rhythm.UNKNOWN
        if slot is not None:
            slots = np.array([slot])
            rate = float(pipeline.episodes.heart_rate_bpm(slots)[0])
            rhythm = Rhythm(pipeline.episodes.rhythm(slots)[0])
            quality = pipeline.quality_index(slot)
            alarm = _badge(pipeline, slot)
        return PatientRow(
            bed=patient.bed,
            patient=name,
            heart_rate_bpm=rate,
            rhythm=RHYTHM_WORDS[rhythm],
            quality=quality,
            trace=patient.trace_mv,
            trace_fs=patient.fs,
            trace_end=patient.trace_end,
            marks=tuple(patient.marks),
            since_beat_s=(patient.trace_end - patient.last_beat) / patient.fs
            if patient.last_beat >= 0
            else None,
            alarm=alarm,
            tally=patient.tally,
        )


def _badge(pipeline: Pipeline, slot: int) -> AlarmBadge | None:
    """Choose a patient's most urgent alarm: by priority, then by the table's order."""
    up = pipeline.alarms.alarms(slot)
    if not up:
        return None
    first = min(up, key=lambda condition: (URGENCY.index(condition.priority), condition.code))
    state = pipeline.alarms.state
    onset_ms = int(state["onset_ms"][slot, first.code])
    now_ms = int(pipeline.episodes.state["now_ms"][slot])
    return AlarmBadge(
        first.priority,
        first.name,
        AlarmState(state["state"][slot, first.code]),
        max(now_ms - onset_ms, 0) / 1000,
        len(up) - 1,
    )
