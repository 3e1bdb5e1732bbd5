"""Beds of streams that are gone are closed, told, logged and counted; nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from deploy.services.announcing import Announcer
from deploy.services.bed_archive import CROWDED, ENDED
from deploy.settings import AnnunciationSettings
from inference.annunciation import Desk, LogWriter, Policy, read_log, replay
from inference.annunciation.phases import Phase
from inference.limits import Limits
from ingest.frames import Frame, Lead
from ingest.source import MemorySink

DAY_MS = 86_400_000


def alarm(stream_id: str, state: str = "raised", condition: str = "asystole") -> bytes:
    told = {"id": f"{stream_id}-{condition}", "stream_id": stream_id, "condition": condition}
    more = {"state": state, "priority": "high", "kind": "physiological", "session": "a"}
    at = {"sample": 0, "utc": "2023-11-14T22:13:20.400000Z"}
    return json.dumps({**told, **more, "onset": at, "decided": at}).encode()


def frame(stream_id: str, second: int = 0, *, last: bool = False) -> Frame:
    samples = np.zeros((1, 250), np.int16)
    at = 250 * second
    return Frame(stream_id, "a", at, second * 10**9, 250.0, (Lead("II"),), samples, last=last)


class Ward:
    """An announcer whose time is set by hand, with a log."""

    def __init__(self, path: Path, **kept: float) -> None:
        self.ms, self.path, self.sink, self.registry = 0, path, MemorySink(), CollectorRegistry()
        self.inbox: list[bytes] = []
        self.log = LogWriter(path, Policy(), Limits(), sync=False)
        self.desk = Desk(lambda: self.ms, log=self.log)
        self.announcer = Announcer(
            self.desk, [], self, self.sink, self.registry, kept=AnnunciationSettings(**kept)
        )

    def poll(self) -> list[bytes]:
        given, self.inbox = self.inbox, []
        return given

    def close(self) -> None:
        """Have nothing to close."""

    def after(self, seconds: float) -> list[tuple[str, str, str]]:
        """Let time pass, and a turn that looks over the beds; return what was told."""
        self.sink.messages.clear()
        self.ms += round(seconds * 1000)
        self.announcer._looked_s = -1e9
        self.announcer.turn()
        told = [json.loads(value) for _, value in self.sink.messages]
        return [(each["kind"], each["stream_id"], each["because"]) for each in told]

    def command(self, name: str, stream_id: str, **more: object) -> None:
        told = {"schema": "vigil.command/1", "stream_id": stream_id, "command": name, "who": "n"}
        self.inbox.append(json.dumps({**told, **more}).encode())

    def count(self, name: str) -> float:
        return self.registry.get_sample_value(name) or 0.0

    def replayed(self) -> dict[str, object]:
        self.log.flush()
        beds = replay(read_log(self.path), self.ms)
        return {name: bed.state() for name, bed in beds.items()}


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path / "log", archive_s=60, most_gone=5)
    yield made
    made.log.close()


def test_a_latched_alarm_of_a_stream_that_went_ends_with_its_reason(ward: Ward) -> None:
    ward.announcer.heard([frame("p1")])
    ward.announcer.hear([alarm("p1")])
    ward.announcer.lose(["p1"])  # to another worker
    assert ward.desk.beds["p1"].phase("asystole") is Phase.LATCHED
    assert ward.after(59) == []
    assert ("off", "p1", ENDED) in ward.after(2)
    assert not ward.desk.beds
    assert ward.count("vigil_beds_archived_total") == 1
    assert ward.count("vigil_alarms_ended_with_stream_total") == 1
    assert ward.count("vigil_beds") == 0
    assert ward.replayed() == {}


def test_a_stream_that_is_silent_keeps_its_bed_for_its_time_and_no_longer(ward: Ward) -> None:
    ward.announcer.heard([frame("p1")])
    assert ("on", "p1", "") in ward.after(30)  # the device is lost
    assert set(ward.desk.beds) == {"p1"}
    told = ward.after(31) + ward.after(10)
    assert ("off", "p1", "") in told
    ward.after(60)
    assert not ward.desk.beds
    assert "p1" not in ward.announcer._watch


def test_a_stream_that_is_heard_keeps_what_nobody_acknowledged(ward: Ward) -> None:
    ward.announcer.hear([alarm("p1")])
    for second in range(20):
        ward.announcer.heard([frame("p1", 30 * second)])
        ward.after(30)
    assert ward.desk.beds["p1"].phase("asystole") is Phase.ON


def test_what_people_decided_outlasts_the_alarms_of_a_bed(ward: Ward) -> None:
    ward.command("set_limits", "p1", why="w", limits={"tachycardia_bpm": 130})
    ward.command("alarm_off", "p2", why="w", condition="tachycardia")
    ward.after(0)
    ward.announcer.hear([alarm("p1"), alarm("p2")])
    ward.after(DAY_MS / 1000)
    assert set(ward.desk.beds) == {"p1", "p2"}
    assert ward.desk.beds["p1"].phase("asystole") is Phase.QUIET
    assert ward.desk.beds["p1"].limits.tachycardia_bpm == 130
    assert ward.replayed() == {name: bed.state() for name, bed in ward.desk.beds.items()}


def test_beds_of_streams_that_are_gone_are_never_more_than_is_stated(ward: Ward) -> None:
    ward.announcer.heard([frame("live")])
    ward.announcer.hear([alarm("live")])
    for i in range(12):
        ward.ms += 1
        ward.announcer.hear([alarm(f"p{i}")])
    told = ward.after(1)
    assert set(ward.desk.beds) == {"live", *(f"p{i}" for i in range(7, 12))}
    assert {who for _, who, because in told if because == CROWDED} == {f"p{i}" for i in range(7)}
    assert set(ward.replayed()) == set(ward.desk.beds)


def test_streams_by_the_thousand_leave_nothing_behind(ward: Ward) -> None:
    for block in range(15):
        ward.announcer.heard([frame(f"s{block}-{i}") for i in range(80)])
        ward.after(11)
    assert len(ward.desk.beds) <= 5 + 560
    ward.after(120)
    ward.after(120)
    assert not ward.desk.beds
    assert not ward.announcer._watch._streams


def test_a_bed_whose_end_cannot_be_logged_stays(ward: Ward, monkeypatch) -> None:
    ward.announcer.hear([alarm("p1")])
    written = ward.log.append

    def full(_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(ward.log, "append", full)
    ward.after(61)
    assert ward.desk.beds["p1"].phase("asystole") is Phase.ON
    monkeypatch.setattr(ward.log, "append", written)
    assert ("off", "p1", ENDED) in ward.after(1)
    assert not ward.desk.beds
