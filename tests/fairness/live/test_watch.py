"""The watch: what it counts, when it alerts, whom it shows."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from fairness.errors import AuditError
from fairness.live.events import Alarm, Exposure, Feedback
from fairness.live.exposition import WatchCollector
from fairness.live.reading import Reading, State, shown
from fairness.live.watch import Watch
from tests.fairness.live.events import HOUR, declared, people, ward


def followed(watch: Watch, events: list) -> Watch:
    for event in events:
        watch.add(event)
    watch.advance(watch.now_s + 25 * HOUR)
    return watch


def of(watch: Watch, group: str, condition: str = "all") -> Reading:
    return next(one for one in watch.readings() if (one.condition, one.group) == (condition, group))


def test_each_patient_counts_once_however_many_alarms_they_have() -> None:
    events = [Alarm(i, f"a{i}", "p0", "asystole") for i in range(10)]
    events += [Feedback(20 + i, f"a{i}", "false") for i in range(10)]
    events += [Alarm(30, "b", "p2", "pause"), Feedback(31, "b", "true")]
    watch = followed(Watch(declared(), people(4)), events)
    women = of(watch, "F")
    assert (women.patients, women.judged_alarms, women.false_alarm_share) == (2, 11, 0.5)
    assert women.state is State.TOO_FEW


def test_the_last_word_before_closing_counts_and_an_artefact_is_a_false_alarm() -> None:
    events = [
        Alarm(0, "a", "p0", "asystole"),
        Feedback(1, "a", "true"),
        Feedback(2, "a", "artefact"),
        Alarm(0, "b", "p1", "asystole"),
        Feedback(25 * HOUR, "b", "false"),
        Feedback(3, "nowhere", "true"),
    ]
    watch = followed(Watch(declared(), people(2)), sorted(events, key=lambda one: one.at_s))
    assert of(watch, "F").false_alarm_share == 1.0
    assert (of(watch, "M").patients, of(watch, "M").unjudged_patients) == (0, 1)
    assert watch.ignored["feedback on no alarm that is known"] == 2


def test_false_alarms_per_hour_count_the_hours_of_patients_without_alarms_too() -> None:
    events = [
        Exposure(0, "p0", 2 * HOUR),
        Exposure(0, "p2", 8 * HOUR),
        Alarm(1, "a", "p0", "asystole"),
        Feedback(2, "a", "false"),
        Feedback(3, "a", "false"),
    ]
    watch = followed(Watch(declared(), people(4)), events)
    assert of(watch, "F").monitored_h == 10
    assert of(watch, "F").false_alarms_per_h == 0.1
    assert np.isnan(of(watch, "M").false_alarms_per_h)


def test_conditions_are_followed_apart() -> None:
    events = [
        Alarm(0, "a", "p0", "asystole"),
        Feedback(1, "a", "false"),
        Alarm(2, "b", "p0", "pause"),
        Feedback(3, "b", "true"),
    ]
    watch = followed(Watch(declared(conditions=["all", "pause"]), people(2)), events)
    assert of(watch, "F").false_alarm_share == 0.5
    assert of(watch, "F", "pause").false_alarm_share == 0.0


def test_who_is_unknown_is_counted_and_never_compared() -> None:
    events = [Alarm(0, "a", "stranger", "asystole"), Feedback(1, "a", "false")]
    watch = followed(Watch(declared(), people(2)), events)
    unknown = of(watch, "unknown")
    assert (unknown.patients, unknown.state) == (1, State.NOT_COMPARED)
    assert np.isnan(unknown.evidence)
    assert of(watch, "F").patients == of(watch, "M").patients == 0


def test_a_planted_drift_is_found_and_told_once() -> None:
    watch = followed(Watch(declared(), people(600)), ward(600, {"F": 0.8, "M": 0.3}, seed=1))
    (alert,) = watch.alerts
    assert alert.reading.group == "F"
    assert alert.reading.difference > 0.3
    assert alert.reading.evidence >= watch.limit == 40
    assert of(watch, "F").state is State.ALERT
    assert of(watch, "M").state is State.WATCHED


def test_below_the_least_number_of_patients_nothing_is_said() -> None:
    watch = Watch(declared(min_patients=300), people(500))
    followed(watch, ward(500, {"F": 1.0, "M": 0.0}, seed=1))
    assert of(watch, "F").evidence > watch.limit
    assert of(watch, "F").state is State.TOO_FEW
    assert not watch.alerts


def test_within_the_margin_nothing_is_said() -> None:
    """A family of 4 groups, peeked at after every event: false alerts stay below alpha."""
    groups = ("F", "M", "X", "Y")
    wrong = 0
    for seed in range(40):
        share = dict(zip(groups, (0.4, 0.5, 0.45, 0.42), strict=True))
        watch = Watch(declared(), people(240, groups))
        wrong += bool(followed(watch, ward(240, share, seed, groups)).alerts)
    assert wrong <= 2


def test_memory_does_not_grow_with_alarms_that_are_long_past() -> None:
    watch = Watch(declared(close_after_h=1), people(4))
    for i in range(1000):
        watch.add(Alarm(i * HOUR, f"a{i}", f"p{i % 4}", "asystole"))
        watch.add(Feedback(i * HOUR + 1, f"a{i}", "true"))
    assert len(watch._alarms) <= 2
    assert len(watch._verdicts) <= 2


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (people(4, ("F",)), "sex has fewer than two groups"),
        (people(4).drop(columns="sex"), "no column sex"),
        (people(0), "no rows"),
    ],
)
def test_subjects_that_cannot_be_compared_are_refused(table: pd.DataFrame, told: str) -> None:
    with pytest.raises(AuditError, match=told):
        Watch(declared(), table)


def reading(group: str, patients: int) -> Reading:
    return Reading("all", "sex", group, patients, 0, 0, 0.5, 1.0, 0.1, 0.0, 1.0, State.WATCHED)


@settings(max_examples=200)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(2, 20))
def test_no_small_group_is_shown_nor_told_by_subtraction(sizes: list[int], fewest: int) -> None:
    readings = [reading(f"g{i}", n) for i, n in enumerate(sizes)]
    kept = shown(readings, fewest)
    assert all(one.patients >= fewest for one in kept)
    hidden = sum(sizes) - sum(one.patients for one in kept)
    assert hidden == 0 or hidden >= fewest or not kept


def test_metrics_hold_groups_and_never_patients() -> None:
    watch = followed(Watch(declared(), people(60)), ward(60, {"F": 0.6, "M": 0.4}, seed=2))
    registry = CollectorRegistry()
    registry.register(WatchCollector(watch, threading.Lock()))
    page = generate_latest(registry).decode()
    women = {"condition": "all", "attribute": "sex", "group": "F"}
    assert registry.get_sample_value("vigil_fairness_patients", women) == 30
    share = registry.get_sample_value("vigil_fairness_false_alarm_share", women)
    assert share == pytest.approx(of(watch, "F").false_alarm_share)
    assert 'group="unknown"' not in page
    assert not any(f"p{i}" in page for i in range(60))
    few = followed(Watch(declared(), people(60)), ward(12, {"F": 0.6, "M": 0.4}, seed=2))
    registry = CollectorRegistry()
    registry.register(WatchCollector(few, threading.Lock()))
    assert registry.get_sample_value("vigil_fairness_patients", women) is None
