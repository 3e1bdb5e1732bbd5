"""Alarms of frames that came hours behind are told as late, and behind what is fresh."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from deploy.notify import Notice
from deploy.services.announcing import Announcer
from inference.annunciation import Desk
from ingest.codec import decode, encode
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame, Lead
from ingest.gateway.messages import REPLAY
from ingest.source import MemorySink

START_S = 1_700_000_000


class Ear:
    def __init__(self) -> None:
        self.heard: list[Notice] = []

    def offer(self, notice: Notice) -> None:
        self.heard.append(notice)

    def close(self, timeout_s: float) -> None:
        """Have nothing to close."""


class Bench:
    def __init__(self, *, with_desk: bool = True) -> None:
        self.s, self.ear, self.sink = float(START_S), Ear(), MemorySink()
        self.registry = CollectorRegistry()
        desk = Desk(lambda: round(self.s * 1000)) if with_desk else None
        self.announcer = Announcer(desk, [self.ear], None, self.sink, self.registry)
        self.announcer._now_ms = lambda: round(self.s * 1000)

    def hear(self, second: int, *, replay: bool = False, last: bool = False) -> None:
        """One second of a stream that began at the start, as a message of it is read."""
        samples = np.zeros((1, 250), np.int16)
        at_ns = (START_S + second) * 10**9
        frame = Frame("p1", "a", 250 * second, at_ns, 250.0, (Lead("II"),), samples, last=last)
        message = encode([frame]) + (REPLAY if replay else b"")
        self.announcer.heard(FrameColumns.of(decode(message)))

    def alarm(self, second: int) -> Notice:
        """An asystole decided then; return how notifiers hear of it."""
        utc = datetime.fromtimestamp(START_S + second, UTC).isoformat().replace("+00:00", "Z")
        at = {"sample": 250 * second, "utc": utc}
        told = {"id": "a1", "stream_id": "p1", "condition": "asystole", "state": "raised"}
        body = {**told, "priority": "high", "onset": at, "decided": at}
        self.announcer.hear([json.dumps(body).encode()])
        return self.ear.heard[-1]

    def because(self) -> list[str]:
        told = [json.loads(value) for _, value in self.sink.messages]
        return [
            each["because"]
            for each in told
            if (each["kind"], each["condition"]) == ("on", "asystole")
        ]


@pytest.mark.parametrize("with_desk", [True, False])
def test_an_alarm_of_a_backlog_says_so_and_waits_for_those_that_are_fresh(with_desk) -> None:
    bench = Bench(with_desk=with_desk)
    bench.s += 2
    bench.hear(1)
    fresh = bench.alarm(1)
    bench.s += 3 * 3600  # the uplink was cut
    bench.hear(60, replay=True)
    late = bench.alarm(61)
    assert "late_s" not in json.loads(fresh.body)
    assert json.loads(late.body)["late_s"] == 3 * 3600 + 2 - 61
    assert (late.key, late.topic) == (fresh.key, fresh.topic)
    assert late.urgency > 2 >= fresh.urgency
    assert bench.registry.get_sample_value("vigil_alarms_late_total") == 1
    if with_desk:
        assert bench.because() == [""]  # it is on already: one alarm


def test_a_worker_that_begins_within_a_backlog_knows_that_it_is_one() -> None:
    bench = Bench()
    bench.s += 7300
    bench.hear(10, replay=True, last=True)  # it ends there, too
    assert json.loads(bench.alarm(10).body)["late_s"] == 7290
    assert bench.because() == ["late by 121 min"]


def test_a_device_with_a_wrong_clock_is_not_late() -> None:
    bench = Bench()
    bench.s += 86_400
    bench.hear(10)
    assert "late_s" not in json.loads(bench.alarm(11).body)
    bench.s += 30
    bench.hear(40)
    assert "late_s" not in json.loads(bench.alarm(40).body)
    assert bench.because() == [""]


def test_a_stream_that_was_never_heard_is_not_called_late() -> None:
    bench = Bench()
    bench.s += 86_400
    assert "late_s" not in json.loads(bench.alarm(11).body)


def test_live_frames_behind_the_backlog_are_fresh_again() -> None:
    bench = Bench()
    bench.s += 3600
    bench.hear(10, replay=True)
    bench.hear(3599)
    assert "late_s" not in json.loads(bench.alarm(3599).body)


def test_notices_keep_the_order_of_urgency_where_all_are_late() -> None:
    bench = Bench()
    bench.s += 3600
    bench.hear(10, replay=True)
    high = bench.alarm(10)
    assert dataclasses.replace(high, body=b"").urgency == 3
