import dataclasses

import pytest

from inference.conditions import (
    CONDITIONS,
    OF_NUMERICS,
    Code,
    Kind,
    Priority,
    condition_by_name,
)
from inference.limits import Limits
from inference.time_to_alarm import time_to_alarm_s
from ingest.errors import InputError


def test_defaults_are_those_of_challenge_2015():
    limits = Limits()
    assert limits.asystole_s == 4
    assert (limits.extreme_bradycardia_bpm, limits.extreme_bradycardia_beats) == (40, 5)
    assert (limits.extreme_tachycardia_bpm, limits.extreme_tachycardia_beats) == (140, 17)
    assert (limits.vt_bpm, limits.vt_beats) == (100, 5)


@pytest.mark.parametrize("key", [key.name for key in dataclasses.fields(Limits)])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 1e9, 10**400, "40", None, True])
def test_a_limit_that_is_no_number_or_out_of_range_is_refused_by_name(key, value):
    with pytest.raises(InputError, match=rf"limit {key} = .* must be a .*number from .* to "):
        Limits(**{key: value})


def test_a_count_of_beats_must_be_whole():
    with pytest.raises(InputError, match=r"vt_beats = 5\.5 must be a whole number from 3 to 20"):
        Limits(vt_beats=5.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"extreme_bradycardia_bpm": 50}, "extreme_bradycardia_bpm = 50 must be below brady"),
        ({"extreme_tachycardia_bpm": 110}, "tachycardia_bpm = 120.0 must be below extreme_tachy"),
        ({"bradycardia_bpm": 115}, "bradycardia_bpm = 115 and tachycardia_bpm"),
        ({"pause_s": 4.0}, "pause_s = 4.0 must be below asystole_s"),
        ({"v_run_beats": 6}, "v_run_beats = 6 must be at most vt_beats = 5"),
        ({"extreme_bradycardia_bpm": 15}, "extreme_bradycardia_bpm = 15 must be above 15"),
        ({"v_run_max_rr_s": 0.6}, "v_run_max_rr_s = 0.6 must be above 0.6"),
    ],
)
def test_limits_that_contradict_each_other_are_refused_by_name(values, named):
    with pytest.raises(InputError, match=named):
        Limits(**values)


def test_configuration_keys_build_limits_and_unknown_ones_are_refused():
    assert Limits.from_mapping({"pause_s": 2.5}).pause_s == 2.5
    with pytest.raises(InputError, match="'pause' is unknown; known are vf_s, asystole_s, pause_s"):
        Limits.from_mapping({"pause": 2.5})


def test_table_has_one_row_a_code_in_order_and_names_real_limits():
    assert [condition.code for condition in CONDITIONS] == list(Code)
    keys = {key.name for key in dataclasses.fields(Limits)}
    for condition in CONDITIONS:
        assert condition.limit_keys or condition.code in OF_NUMERICS
        assert set(condition.limit_keys) <= keys
        assert condition.source
        assert condition_by_name(condition.name) is condition


def test_lethal_conditions_latch_and_technical_ones_never_do():
    latching = {condition.name for condition in CONDITIONS if condition.latching}
    assert latching == {
        "ventricular_fibrillation",
        "asystole",
        "ventricular_tachycardia",
        "sustained_ventricular_tachycardia",
        "pulseless",
    }
    for condition in CONDITIONS:
        if condition.kind is Kind.TECHNICAL:
            assert not condition.latching
            assert condition.priority is not Priority.HIGH


def test_nothing_hides_what_is_more_urgent():
    rank = [Priority.LOW, Priority.MEDIUM, Priority.HIGH]
    for condition in CONDITIONS:
        for hidden in condition.hides:
            below = CONDITIONS[hidden]
            assert below.kind is condition.kind
            assert rank.index(below.priority) <= rank.index(condition.priority)
            assert below.code > condition.code


def test_unknown_condition_is_refused_with_those_that_are_known():
    with pytest.raises(
        InputError, match="'fibrillation' is unknown; known are ventricular_fibrillation, "
    ):
        condition_by_name("fibrillation")


def test_lethal_conditions_are_known_within_ten_seconds():
    for name in ("asystole", "ventricular_tachycardia", "extreme_tachycardia"):
        assert time_to_alarm_s(condition_by_name(name).code, Limits(), 680) < 10
