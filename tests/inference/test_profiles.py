import dataclasses

import pytest

from inference.limits import Limits
from inference.profiles import PRESETS, Profile, limits_of, profile_named
from ingest.errors import InputError


def test_an_adult_has_the_defaults():
    assert limits_of(Profile.ADULT) == Limits()


@pytest.mark.parametrize("profile", list(Profile))
def test_every_preset_is_a_consistent_set_with_a_source_for_each_value(profile):
    limits = limits_of(profile)
    for name, preset in PRESETS[profile].items():
        assert getattr(limits, name) == preset.value != getattr(Limits(), name)
        assert preset.source.strip()


@pytest.mark.parametrize(
    "limit",
    ["bradycardia_bpm", "tachycardia_bpm", "extreme_bradycardia_bpm", "extreme_tachycardia_bpm"],
)
def test_the_younger_the_faster(limit):
    ages = [Profile.ADULT, Profile.PAEDIATRIC, Profile.NEONATAL]
    values = [getattr(limits_of(profile), limit) for profile in ages]
    assert values == sorted(values)


def test_changes_stand_above_the_preset():
    changed = limits_of(Profile.NEONATAL, {"bradycardia_bpm": 90.0})
    assert dataclasses.replace(changed, bradycardia_bpm=100.0) == limits_of(Profile.NEONATAL)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"bradycardia_bpm": 55.0}, "extreme_bradycardia_bpm = 60.0 must be below"),
        ({"rate": 1.0}, "'rate' is unknown"),
    ],
)
def test_a_change_that_contradicts_the_preset_is_refused(changed, match):
    with pytest.raises(InputError, match=match):
        limits_of(Profile.PAEDIATRIC, changed)


def test_an_unknown_profile_is_refused_with_those_that_exist():
    with pytest.raises(InputError, match="known are adult, paediatric, neonatal"):
        profile_named("Adult")
