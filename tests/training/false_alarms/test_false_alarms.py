"""Normal parts of records, and which alarms in them are false."""

from __future__ import annotations

import pytest

from ingest.errors import InputError
from training.alarm_scoring import ToldAlarm
from training.false_alarms.__main__ import count, false_alarms, main
from training.false_alarms.normal import NormalPart
from training.false_alarms.systems import vigil


def alarm(condition: str, onset_s: float, told_s: float, priority: str = "high") -> ToldAlarm:
    return ToldAlarm("100", condition, priority, onset_s, told_s, told_s + 5)


def test_only_alarms_of_the_patient_that_lie_within_a_normal_part_are_false():
    parts = [NormalPart(10.0, 60.0), NormalPart(80.0, 120.0)]
    told = [
        alarm("asystole", 20.0, 24.0),
        alarm("asystole", 58.0, 62.0),
        alarm("asystole", 62.0, 70.0),
        alarm("noise", 20.0, 24.0),
        alarm("tachycardia", 100.0, 104.0, "medium"),
    ]

    assert [each.onset_s for each in false_alarms(parts, told)] == [20.0, 100.0]


def test_counts_are_an_hour_of_normal_rhythm_by_priority():
    parts = {"100": [NormalPart(0.0, 1800.0)], "101": [NormalPart(0.0, 1800.0)]}
    told = {"100": [alarm("asystole", 20.0, 24.0)] * 3, "101": [alarm("pause", 5, 8, "medium")]}
    found = count(parts, told)

    assert found["hours"] == 1.0
    assert (found["high"]["per_hour"], found["medium"]["per_hour"]) == (3.0, 1.0)
    assert found["conditions"] == {"asystole": 3, "pause": 1}


def test_a_look_at_ds2_needs_a_reason():
    with pytest.raises(InputError, match="say why"):
        main(["--records", "ds2"])


def test_an_unknown_variant_is_refused():
    with pytest.raises(InputError, match="'some' is unknown; known are none, roughness"):
        vigil({}, "some")
