"""The hub: repeats, gaps and restarts of streams; what browsers get, and what they may miss."""

from __future__ import annotations

import json

import numpy as np

from deploy.console.hub import MOST_BLOCKS, Hub
from deploy.console.journal import Journal
from deploy.console.waves import MISSING, unpack
from ingest.dead_letters import MARK_SCHEMA
from tests.deploy.console.consoles import alarm, beat, frame


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        self.s += 0.2
        return self.s


def steps_of(hub: Hub, stream: str, first: int, n: int) -> np.ndarray:
    return hub.patients[stream].stretch(first, n)[1]


def test_repeats_are_dropped_and_short_gaps_are_missing() -> None:
    hub = Hub()
    hub.see([frame("p", 0), frame("p", 0), frame("p", 25), frame("p", 100)])
    found = steps_of(hub, "p", 0, 1000)
    assert found.shape == (2, 150)
    assert found[0, :75].tolist() == list(range(75))
    assert (found[:, 75:100] == MISSING).all()
    assert found[0, 100:].tolist() == list(range(100, 150))


def test_a_device_that_restarts_begins_anew_and_browsers_are_told() -> None:
    hub = Hub()
    hub.see([frame("p", 500)])
    hub.take([beat("p", 510)], [])
    hub.see([frame("p", 0, session="t")])
    assert steps_of(hub, "p", 0, 1000).shape == (2, 50)
    assert not hub.patients["p"].beats
    told = [json.loads(item) for item in hub.journal.since(0) or []]
    assert [each["patient"]["session"] for each in told] == ["s", "t"]


def test_what_is_kept_is_bounded_and_the_newest() -> None:
    hub = Hub(keep_s=1.0)
    hub.see([frame("p", first) for first in range(0, 1000, 50)])
    first, found = hub.patients["p"].stretch(0, 10_000)
    assert first == 750
    assert found[0].tolist() == [i % 200 for i in range(750, 1000)]


def test_a_block_holds_what_came_since_the_last() -> None:
    hub = Hub(clock_s=Clock())
    hub.see([frame("p", 0), frame("q", 0)])
    hub.take([beat("q", 20, "V")], [])
    assert hub.turn()
    hub.see([frame("p", 50)])
    assert hub.turn()
    first, second = hub.blocks
    assert [wave.index for wave in unpack(first.wall(1))[3]] == [0, 1]
    assert unpack(first.wall(1))[2]["beats"] == [[1, 20, "V", 0.9, 800]]
    (wave,) = unpack(second.detail(0))[3]
    assert (wave.first, wave.steps.shape) == (50, (2, 50))
    assert unpack(second.detail(1))[3] == []
    assert first.wall(1) is first.wall(1), "packed once for all browsers"


def test_who_is_far_behind_skips_waveforms_and_misses_no_alarm() -> None:
    hub = Hub(clock_s=Clock())
    hub.see([frame("p", 0)])
    for i in range(1, 400):
        hub.see([frame("p", 50 * i)])
        hub.take([], [alarm("p", "tachycardia", sample=i)])
        hub.turn()
    assert len(hub.blocks_since(0)) == MOST_BLOCKS
    state, items, seq = hub.items(1, 10_000)
    assert state == ""
    assert len(items) == 399
    assert seq == hub.journal.last


def test_who_was_away_too_long_gets_everything_afresh() -> None:
    hub = Hub()
    hub.journal = Journal(most=3)
    hub.see([frame("p", 0)])
    hub.take([], [alarm("p", "asystole", sample=i) for i in range(9)])
    state, items, seq = hub.items(2, 500)
    assert items == []
    assert json.loads(state)["seq"] == seq == hub.journal.last
    assert len(json.loads(state)["alarms"]) == 9


def test_what_is_no_beat_and_no_alarm_is_counted() -> None:
    hub = Hub()
    hub.take([b"junk", b"[]", b'{"stream_id": 3, "sample": 1}'], [b'{"stream_id": "p"}'])
    assert hub.counts["refused"] == 4
    assert not hub.patients


def test_vital_signs_are_made_of_beats_where_nobody_tells_them() -> None:
    hub = Hub(clock_s=Clock())
    hub.see([frame("p", first) for first in range(0, 500, 50)])
    hub.take([beat("p", 100), beat("p", 300)], [])
    hub.turn()
    assert hub.patients["p"].vitals.heart_rate_bpm == 75.0
    hub.see([frame("p", first) for first in range(500, 2500, 50)])
    for _ in range(8):
        hub.see([frame("p", hub.patients["p"].end)])
        hub.turn()
    assert hub.patients["p"].vitals.heart_rate_bpm is None


def test_marks_on_dead_letters_are_no_dead_letters() -> None:
    hub = Hub()
    hub.note_dead({"schema": MARK_SCHEMA, "of": "x"})
    assert (hub.counts["dead"], len(hub.dead)) == (0, 0)
    hub.note_dead({"reason": "fs"})
    assert (hub.counts["dead"], len(hub.dead)) == (1, 1)
