"""Keys and signals of the ward's screen."""

from __future__ import annotations

import json
import os
import pty
import termios

import numpy as np
import pytest

from deploy.services.ward_desk import KEYS, WardDesk
from deploy.terminal import Keys
from inference.alarm_states import AlarmState
from inference.annunciation import SetLimits
from inference.conditions import Code
from inference.pipeline import Pipeline
from ingest.errors import InputError
from ingest.frames import Frame, Lead
from ingest.sequence import Sequencer
from ingest.source import MemorySink

LEAD = Lead("II", "mV", adc_gain=200.0, baseline=10)


class Clock:
    def __init__(self) -> None:
        self.s = 10.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    made = Pipeline()
    for name in ("p", "q"):
        frame = Frame(name, "s", 0, 0, 250.0, (LEAD,), np.full((1, 2500), 10, np.int16))
        made.push(Sequencer().push_all([frame])[0])
    return made


def raised(*alarms: tuple[str, Code], pipeline: Pipeline | None = None) -> MemorySink:
    """Alarms as a worker writes them, and as the alarm engine has them."""
    sink = MemorySink()
    for stream, code in alarms:
        name = code.name.lower()
        told = {"stream_id": stream, "id": f"{stream}{code}", "condition": name, "state": "raised"}
        sink.write(stream, json.dumps(told).encode())
        if pipeline is not None:
            slot = pipeline.streams.slots()[stream]
            pipeline.alarms.state["state"][slot, code] = AlarmState.ACTIVE
            pipeline.alarms.state["onset_ms"][slot, code] = 4000
    return sink


def made() -> tuple[WardDesk, Clock]:
    clock = Clock()
    return WardDesk({"p": "1", "q": "2"}, clock), clock


def test_a_acknowledges_the_bed_with_the_most_urgent_alarm_here_and_in_the_engine(
    pipeline: Pipeline,
) -> None:
    desk, _ = made()
    sink = raised(
        ("p", Code.BRADYCARDIA), ("q", Code.ASYSTOLE), ("q", Code.LEAD_OFF), pipeline=pipeline
    )
    desk.hear(sink)
    sink.messages.clear()
    assert desk.note("end") == f"sound high  {KEYS}  end"

    desk.press("a", pipeline, sink)

    told = [json.loads(value) for _, value in sink.messages]
    assert {each["state"] for each in told} == {"acknowledged"}
    assert {each["condition"] for each in told} == {"asystole", "lead_off"}
    assert {each["stream_id"] for each in told} == {"q"}
    desk.hear(sink)
    assert desk.note("end").startswith("sound medium")
    slot = pipeline.streams.slots()["q"]
    assert pipeline.alarms.state["state"][slot, Code.ASYSTOLE] == AlarmState.ACKNOWLEDGED


def test_p_pauses_all_beds_and_ends_the_pause_and_a_lethal_alarm_breaks_through(
    pipeline: Pipeline,
) -> None:
    desk, clock = made()
    desk.hear(raised(("p", Code.BRADYCARDIA)))
    desk.press("p", pipeline, MemorySink())
    clock.s += 17
    assert desk.note("end").startswith("sound off, paused 1:43")
    desk.press("p", pipeline, MemorySink())
    assert desk.note("end").startswith("sound medium  ")
    desk.press("p", pipeline, MemorySink())
    desk.hear(raised(("q", Code.ASYSTOLE)))
    assert desk.note("end").startswith("sound high")


def test_what_is_not_possible_is_told_for_a_while(pipeline: Pipeline) -> None:
    desk, clock = made()
    desk.press("a", pipeline, MemorySink())
    assert desk.note("end") == "no alarm to acknowledge  sound off"
    clock.s += 9
    assert desk.note("end") == f"sound off  {KEYS}  end"
    desk.press("x", pipeline, MemorySink())
    assert desk.note("end") == f"sound off  {KEYS}  end"


def test_what_nobody_acknowledges_is_told_in_words() -> None:
    desk, clock = made()
    desk.hear(raised(("q", Code.ASYSTOLE)))
    clock.s += 61
    assert desk.hear(MemorySink()) == ["bed 2 asystole nobody acknowledged: second told"]
    assert desk.note("end").startswith("bed 2 asystole nobody acknowledged")


def test_keys_are_read_as_they_are_pressed_and_the_terminal_is_left_as_it_was() -> None:
    ours, terminal = pty.openpty()
    try:
        before = termios.tcgetattr(terminal)
        with Keys(terminal) as keys:
            assert keys.there
            assert keys.read() == ""
            os.write(ours, b"a\x1b[1;2p\xff")
            assert keys.read() == "ap"
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
        assert termios.tcgetattr(terminal) == before
        assert keys.read() == ""
    finally:
        os.close(ours)
        os.close(terminal)


def test_what_is_no_terminal_has_no_keys() -> None:
    reader, writer = os.pipe()
    try:
        with Keys(reader) as keys:
            os.write(writer, b"a")
            assert not keys.there
            assert keys.read() == ""
    finally:
        os.close(reader)
        os.close(writer)


def test_limits_that_people_select_reach_the_alarm_engine(pipeline: Pipeline) -> None:
    told: list = []
    desk = WardDesk({"p": "1", "q": "2"}, listen=told.extend)
    desk.command("p", SetLimits("n", "athlete", {"tachycardia_bpm": 131.0}), pipeline, MemorySink())
    assert pipeline.limits_of("p").tachycardia_bpm == 131.0
    assert pipeline.limits_of("q").tachycardia_bpm == 120.0
    wrong = SetLimits("n", "why", {"tachycardia_bpm": 250.0})
    with pytest.raises(InputError, match="must be below"):
        desk.command("p", wrong, pipeline, MemorySink())
    assert pipeline.limits_of("p").tachycardia_bpm == 131.0
    assert [signal.kind.value for signal in told] == ["limits"]
