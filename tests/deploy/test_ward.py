"""The ward: frames, beats and alarms become the rows of the screen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from deploy.services.ward import Ward
from deploy.terminal import TRACE_S, WardStats, WardView
from inference.alarm_states import AlarmState
from inference.alarm_transition import TransitionKind
from inference.conditions import CONDITIONS, Code, Priority
from inference.pipeline import Pipeline
from ingest.frames import MISSING_ADU, Frame, Lead
from ingest.sequence import Sequencer
from ingest.source import Batch, MemorySink

LEAD = Lead("II", "mV", adc_gain=200.0, baseline=10)


def frame(
    first: int, values: list[int], *, session: str = "a", fs: float = 250.0, lead: Lead = LEAD
) -> Frame:
    return Frame("p", session, first, 0, fs, (lead,), np.array([values], np.int16))


def sink(*messages: dict[str, Any]) -> MemorySink:
    filled = MemorySink()
    for message in messages:
        filled.write("p", json.dumps(message).encode())
    return filled


def beat(sample: int, aami: str = "N", session: str = "a") -> dict[str, Any]:
    return {"session": session, "sample": sample, "aami": aami}


def alarm(condition: str, priority: str, state: str = "raised") -> dict[str, Any]:
    return {"condition": condition, "priority": priority, "state": state, "heart_rate_bpm": 182.4}


@pytest.fixture
def ward() -> Ward:
    return Ward({"p": "1", "q": "2"})


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def view(ward: Ward, pipeline: Pipeline) -> WardView:
    return ward.view(pipeline, WardStats())


def test_every_bed_has_a_row_before_anything_came(ward: Ward, pipeline: Pipeline) -> None:
    rows = view(ward, pipeline).rows
    assert [(row.bed, row.patient) for row in rows] == [("1", "p"), ("2", "q")]
    assert rows[0].heart_rate_bpm is None
    assert rows[0].alarm is None
    assert rows[0].since_beat_s is None


def test_a_trace_is_in_mv_with_nothing_where_samples_are_missing(
    ward: Ward, pipeline: Pipeline
) -> None:
    ward.see(Batch([frame(0, [10, 210, MISSING_ADU, -190])]))
    row = view(ward, pipeline).rows[0]
    np.testing.assert_allclose(row.trace, [0.0, 1.0, np.nan, -1.0])
    assert row.trace.dtype == np.float32
    assert (row.trace_fs, row.trace_end) == (250.0, 4)


def test_a_trace_keeps_no_more_than_the_screen_shows(ward: Ward, pipeline: Pipeline) -> None:
    for first in range(0, 5000, 1000):
        ward.see(Batch([frame(first, [10 + first // 5] * 1000)]))
    row = view(ward, pipeline).rows[0]
    assert len(row.trace) == TRACE_S * 250
    assert row.trace_end == 5000
    assert row.trace[-1] == pytest.approx(4.0)
    assert (ward.n_samples, ward.signal_s) == (5000, 20.0)


def test_microvolts_are_told_in_mv(ward: Ward, pipeline: Pipeline) -> None:
    ward.see(Batch([frame(0, [500], lead=Lead("II", "uV", adc_gain=1.0, baseline=0))]))
    assert view(ward, pipeline).rows[0].trace[0] == pytest.approx(0.5)


def test_a_restarted_device_begins_a_new_trace(ward: Ward, pipeline: Pipeline) -> None:
    ward.see(Batch([frame(0, [210] * 500)]))
    ward.take(sink(beat(400, "V")), MemorySink(), 2.0)
    ward.see(Batch([frame(0, [10] * 50, session="b", fs=360.0)]))
    row = view(ward, pipeline).rows[0]
    assert (len(row.trace), row.trace_fs, row.trace_end) == (50, 360.0, 50)
    assert row.since_beat_s is None
    assert row.marks == ()
    assert row.tally.n_ventricular == 1, "what happened before still counts"


def test_beats_are_counted_and_those_not_normal_marked(ward: Ward, pipeline: Pipeline) -> None:
    ward.see(Batch([frame(0, [10] * 1000)]))
    beats = sink(*(beat(sample, aami) for sample, aami in zip((100, 300, 500), "NVS", strict=True)))

    assert ward.take(beats, MemorySink(), 4.0) == []

    row = view(ward, pipeline).rows[0]
    assert (row.tally.n_beats, row.tally.n_ventricular, row.tally.n_supraventricular) == (3, 1, 1)
    assert [(mark.sample, mark.aami) for mark in row.marks] == [(300, "V"), (500, "S")]
    assert row.since_beat_s == 2.0
    assert not beats.messages


def test_a_beat_of_a_session_that_is_over_is_counted_but_not_shown(
    ward: Ward, pipeline: Pipeline
) -> None:
    ward.see(Batch([frame(0, [10] * 100, session="b")]))
    ward.take(sink(beat(50, "V", session="a")), MemorySink(), 4.0)
    row = view(ward, pipeline).rows[0]
    assert (row.tally.n_beats, row.marks, row.since_beat_s) == (1, (), None)


def test_alarms_become_lines_the_newest_first(ward: Ward, pipeline: Pipeline) -> None:
    alarms = sink(alarm("asystole", "high"), alarm("noise", "low"))
    lines = ward.take(MemorySink(), alarms, 67.9)
    assert [(line.clock, line.bed, line.condition, line.detail) for line in lines] == [
        ("01:07", "1", "asystole", "HR 182"),
        ("01:07", "1", "noise", "HR 182"),
    ]
    assert (lines[0].priority, lines[0].change) == (Priority.HIGH, TransitionKind.RAISED)
    assert [line.condition for line in view(ward, pipeline).alarms] == ["noise", "asystole"]


def test_only_raised_alarms_are_counted_and_each_condition_named_once(ward: Ward) -> None:
    alarms = sink(
        alarm("asystole", "high"),
        alarm("asystole", "high", "ended"),
        alarm("asystole", "high"),
        alarm("tachycardia", "medium"),
        alarm("noise", "low"),
    )
    ward.take(MemorySink(), alarms, 0.0)
    tally = ward.tallies["p"]
    assert (tally.n_high, tally.n_medium, tally.n_low) == (2, 1, 1)
    assert tally.conditions == ("asystole", "tachycardia", "noise")


def test_an_unknown_rate_is_not_told(ward: Ward) -> None:
    silent = {**alarm("asystole", "high"), "heart_rate_bpm": None}
    assert ward.take(MemorySink(), sink(silent), 0.0)[0].detail == ""


@pytest.mark.parametrize(
    ("up", "shown"),
    [
        ((Code.NOISE, Code.TACHYCARDIA, Code.ASYSTOLE), "asystole"),
        ((Code.LEAD_OFF, Code.BRADYCARDIA), "bradycardia"),
        ((Code.EXTREME_TACHYCARDIA, Code.ASYSTOLE), "asystole"),
    ],
)
def test_the_badge_is_the_most_urgent_alarm_and_tells_of_the_others(
    up: tuple[Code, ...], shown: str
) -> None:
    pipeline, ward = Pipeline(), Ward({"p": "1"})
    first = frame(0, [10] * 2500)
    ward.see(Batch([first]))
    pipeline.push(Sequencer().push_all([first])[0])
    slot = pipeline.streams.slots()["p"]
    pipeline.alarms.reset(np.array([slot]))
    for code in up:
        pipeline.alarms.state["state"][slot, code] = AlarmState.ACTIVE
        pipeline.alarms.state["onset_ms"][slot, code] = 4000
    now_ms = int(pipeline.episodes.state["now_ms"][slot])

    badge = view(ward, pipeline).rows[0].alarm

    assert badge is not None
    assert badge.condition == shown
    assert badge.priority is CONDITIONS[Code[shown.upper()]].priority
    assert badge.n_more == len(up) - 1
    assert badge.since_s == pytest.approx((now_ms - 4000) / 1000)
