"""Planted drifts do to a recording what they say, and delays are stated on the safe side."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.plants import GAIN, NOISE_UV, PLANTS, exchanged, faster, less_gain, noisier
from deploy.drift.simulation import delay, made_patient, null_lives
from deploy.drift.trial import effect, strongest
from ingest.frames import MISSING_ADU, Lead
from ingest.recording import Recording
from tests.deploy.drift.patients import patient

LEADS = (Lead("II", "mV", 200.0, 10), Lead("PLETH", "NU", 100.0), Lead("V1", "mV", 100.0))


def recording(leads: tuple[Lead, ...] = LEADS) -> Recording:
    rng = np.random.default_rng(1)
    samples = rng.integers(-400, 400, (len(leads), 2000)).astype(np.int16)
    samples[0, 5] = MISSING_ADU
    return Recording("r", 250.0, leads, samples)


def test_gain_is_taken_about_the_baseline_of_electrical_leads_only() -> None:
    plain, less = recording(), less_gain(recording())
    assert less.samples[0, 7] == round((int(plain.samples[0, 7]) - 10) * GAIN + 10)
    assert less.samples[0, 5] == MISSING_ADU
    np.testing.assert_array_equal(less.samples[1], plain.samples[1])


def test_noise_is_of_the_stated_size_and_the_same_each_time() -> None:
    plain, noisy = recording(), noisier(recording())
    added = (noisy.samples[2].astype(int) - plain.samples[2]) / 100.0 * 1000
    assert np.std(added) == pytest.approx(NOISE_UV, rel=0.15)
    np.testing.assert_array_equal(noisy.samples, noisier(recording()).samples)
    assert noisy.samples[0, 5] == MISSING_ADU


def test_leads_are_exchanged_and_an_only_one_is_turned_about_its_baseline() -> None:
    plain, swapped = recording(), exchanged(recording())
    np.testing.assert_array_equal(swapped.samples[[2, 1, 0]], plain.samples)
    alone = recording(LEADS[:1])
    turned = exchanged(alone)
    assert int(turned.samples[0, 7]) == 20 - int(alone.samples[0, 7])
    assert turned.samples[0, 5] == MISSING_ADU


def test_rate_and_scores_move_and_the_first_plant_changes_nothing() -> None:
    assert faster(recording()).fs == 300
    none, *others = PLANTS
    assert none.change(recording()).samples.tolist() == recording().samples.tolist()
    assert all(plant.families for plant in others)


def test_the_effect_is_the_chance_of_a_larger_figure() -> None:
    rng = np.random.default_rng(2)
    plain = [patient(i, rng) for i in range(200)]
    moved = [patient(i, rng, shift=1.0) for i in range(200)]
    found = effect(plain, moved, "amplitude_uv")
    assert found.larger == pytest.approx(0.76, abs=0.06)
    assert effect(plain, plain, "quality").larger == 0.5


def test_the_figure_that_moves_most_is_of_the_plants_families() -> None:
    rng = np.random.default_rng(3)
    plain = [made_patient(str(i), rng) for i in range(60)]
    assert strongest(plain, plain, ("scores",)).larger == 0.5


def test_a_larger_shift_is_found_sooner_and_no_life_without_drift_alerts_here() -> None:
    told = DriftDeclaration(reference=40)
    small, large = (delay("all", 0, shift, 10, 1, told) for shift in (1.0, 3.0))
    assert large.stated < small.stated
    assert large.larger > small.larger
    assert null_lives(2, 60, 1, told) == 0
