"""Pairing alarms: each once, the nearest first, whatever the order they come in."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.shadow.pairs import pair_alarms
from deploy.shadow.rates import rates
from deploy.shadow.said import Said, SaidAlarm


def said(
    condition: str, onset_s: float, end_s: float | None, stream: str = "p", priority: str = "high"
) -> SaidAlarm:
    told = {"stream_id": stream, "session": "0", "condition": condition, "priority": priority}
    return SaidAlarm(told, onset_s, onset_s + 2, end_s)


ALARMS = st.lists(
    st.builds(
        lambda condition, onset, length, stream: said(condition, onset, onset + length, stream),
        st.sampled_from(["vt", "asystole"]), st.integers(0, 100), st.integers(0, 30),
        st.sampled_from("ab"),
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(ALARMS, ALARMS, st.randoms(use_true_random=False))
def test_every_alarm_is_in_one_pair_whatever_the_order(
    ours: list[SaidAlarm], theirs: list[SaidAlarm], shuffler: random.Random
) -> None:
    pairs = pair_alarms(ours, theirs)
    assert sorted(id(p.champion) for p in pairs if p.champion) == sorted(map(id, ours))
    assert sorted(id(p.candidate) for p in pairs if p.candidate) == sorted(map(id, theirs))
    kinds = sorted(pair.kind for pair in pairs)
    shuffled = [*ours]
    shuffler.shuffle(shuffled)
    assert sorted(pair.kind for pair in pair_alarms(shuffled, theirs)).count("both") == kinds.count(
        "both"
    )


@settings(max_examples=30, deadline=None)
@given(ALARMS)
def test_a_set_beside_itself_differs_in_nothing(alarms: list[SaidAlarm]) -> None:
    pairs = pair_alarms(alarms, list(alarms))
    assert all((pair.kind, pair.shift_s) == ("both", 0) for pair in pairs)


def test_kinds_are_told_apart() -> None:
    ours = [said("vt", 10, 20), said("asystole", 100, 110), said("vt", 300, 310)]
    theirs = [said("vt", 13, 20), said("vf", 101, 112, priority="low"), said("vt", 400, 410)]
    pairs = pair_alarms(ours, theirs)
    assert [pair.kind for pair in pairs] == [
        "both", "other_condition", "only_champion", "only_candidate",
    ]  # fmt: skip
    assert pairs[0].shift_s == 3
    assert pairs[1].priority_change == "high to low"


def test_alarms_of_other_streams_are_no_pair() -> None:
    pairs = pair_alarms([said("vt", 10, 20, "a")], [said("vt", 10, 20, "b")])
    assert [pair.kind for pair in pairs] == ["only_champion", "only_candidate"]


def test_an_alarm_that_never_ended_is_paired_with_a_late_one() -> None:
    (pair,) = pair_alarms([said("vt", 10, None)], [said("vt", 900, 910)])
    assert pair.kind == "both"


def test_rates_are_per_patient_hour_and_intervals_need_patients() -> None:
    pairs = pair_alarms([said("vt", 10, 20, "p0")] * 1, [])
    few = rates(pairs, {f"p{i}": 2.0 for i in range(5)})
    assert few[0].champion == pytest.approx(0.1)
    assert few[0].interval is None
    ours = [said("vt", 100 * i, 100 * i + 1, f"p{i}") for i in range(20)]
    many = rates(pair_alarms(ours, []), {f"p{i}": 1.0 for i in range(20)})
    assert many[0].difference == -1
    assert many[0].interval == (-1, -1)


def test_one_patient_with_all_the_alarms_makes_a_wide_interval() -> None:
    hours = {f"p{i}": 1.0 for i in range(20)}
    clustered = [said("vt", 100 * i, 100 * i + 1, "p0") for i in range(20)]
    (low, high) = rates(pair_alarms([], clustered), hours)[0].interval
    assert low == 0
    assert high >= 2


def message(state: str, at: int | None = None) -> dict:
    time = {"sample": 500, "utc": ""}
    return {
        "id": "x", "stream_id": "p", "session": "0", "condition": "vt", "priority": "high",
        "state": state, "onset": time, "decided": {"sample": 750, "utc": ""},
        "offset": None if at is None else {"sample": at, "utc": ""}, "strip": {"fs": 250.0},
    }  # fmt: skip


def test_changes_of_an_alarm_make_one_span() -> None:
    heard = Said("champion")
    for told in (message("raised"), message("latched", 1000), message("cleared", 1000)):
        heard.take(told)
    (alarm,) = heard.alarms
    assert (alarm.onset_s, alarm.decided_s, alarm.offset_s) == (2, 3, 4)
