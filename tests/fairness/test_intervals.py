"""Intervals: exact where units are independent, never empty, wider where patients are alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from fairness.confidence import Confidence, Z, difference, ratio
from fairness.intervals import (
    exact,
    from_influence,
    jackknife,
    rate_over_patients,
    share_over_patients,
    wilson,
)

COUNTS = st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))
LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(COUNTS, LEVELS)
def test_wilson_and_exact_are_those_of_statsmodels_and_scipy(counts, level) -> None:
    found, of = counts
    theirs = proportion_confint(found, of, 1 - level, method="wilson")
    assert wilson(found, of, level) == pytest.approx(theirs, abs=1e-9)
    theirs = proportion_confint(found, of, 1 - level, method="beta")
    assert exact(found, of, level) == pytest.approx(theirs, abs=1e-9)
    scipys = binomtest(found, of).proportion_ci(level, method="exact")
    assert exact(found, of, level) == pytest.approx((scipys.low, scipys.high), abs=1e-9)


@given(COUNTS.filter(lambda counts: counts[1] > 1), LEVELS)
def test_one_unit_a_patient_gives_the_wilson_interval(counts, level) -> None:
    found, of = counts
    patients = (np.arange(of) < found).astype(float)
    estimate = share_over_patients(patients, np.ones(of)).estimate(level)
    low, high = wilson(found, of, level)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-4)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    of = draw(st.lists(st.integers(1, 300), min_size=1, max_size=12))
    found = [draw(st.integers(0, most)) for most in of]
    return np.array(found, float), np.array(of, float)


@given(clusters())
@settings(max_examples=60)
def test_a_share_has_an_interval_that_holds_it_and_is_not_empty(cluster) -> None:
    found, of = cluster
    estimate = share_over_patients(found, of).estimate(0.95)
    assert estimate.value == pytest.approx(found.sum() / of.sum())
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.high - estimate.low > 1e-4


@given(clusters())
@settings(max_examples=40)
def test_what_is_not_found_mirrors_what_is(cluster) -> None:
    found, of = cluster
    one = share_over_patients(found, of).estimate(0.95)
    other = share_over_patients(of - found, of).estimate(0.95)
    assert (1 - other.high, 1 - other.low) == pytest.approx((one.low, one.high), abs=2e-3)


@given(clusters(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_patients_does_not_matter(cluster, shuffler) -> None:
    found, of = cluster
    order = list(range(len(of)))
    shuffler.shuffle(order)
    one = share_over_patients(found, of).estimate(0.9)
    other = share_over_patients(found[order], of[order]).estimate(0.9)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-9)


@pytest.mark.parametrize("patients", [1, 2, 10, 50])
def test_all_found_still_leaves_room_and_less_of_it_with_more_patients(patients) -> None:
    of = np.full(patients, 200.0)
    estimate = share_over_patients(of, of).estimate(0.95)
    twice = share_over_patients(np.tile(of, 2), np.tile(of, 2)).estimate(0.95)
    assert estimate.high == 1
    assert exact(patients, patients, 0.95)[0] - 0.05 < estimate.low < 0.999
    assert twice.low > estimate.low


def test_patients_who_are_alike_are_worth_fewer_units() -> None:
    of = np.full(20, 100.0)
    mixed = share_over_patients(np.full(20, 80.0), of).estimate(0.95)
    apart = share_over_patients(np.repeat([100.0, 0.0], [16, 4]), of).estimate(0.95)
    assert mixed.value == apart.value
    assert apart.high - apart.low > 5 * (mixed.high - mixed.low)


def test_a_patient_counted_twice_is_not_two_patients_of_evidence() -> None:
    found, of = np.array([45.0, 30, 50, 48, 39]), np.full(5, 50.0)
    once = share_over_patients(found, of).estimate(0.95)
    same_patients_twice_the_beats = share_over_patients(2 * found, 2 * of).estimate(0.95)
    width = once.high - once.low
    assert same_patients_twice_the_beats.high - same_patients_twice_the_beats.low > 0.85 * width


def test_nothing_to_count_gives_nothing() -> None:
    estimate = share_over_patients(np.zeros(3), np.zeros(3)).estimate(0.95)
    assert np.isnan([estimate.value, estimate.low, estimate.high]).all()


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.1, 48)), min_size=1, max_size=10))
@settings(max_examples=40)
def test_a_rate_has_an_interval_that_holds_it(patients) -> None:
    events, hours = np.array(patients, float).T
    estimate = rate_over_patients(events, hours).estimate(0.95)
    assert estimate.value == pytest.approx(events.sum() / hours.sum())
    assert 0 <= estimate.low <= estimate.value <= estimate.high < np.inf
    assert estimate.low < estimate.high


def test_the_jackknife_is_what_leaving_out_gives() -> None:
    rng = np.random.default_rng(3)
    d = rng.integers(1, 30, 9).astype(float)
    n = rng.binomial(d.astype(int), 0.7).astype(float)
    variance, influence = jackknife(n, d)
    without = [np.delete(n, i).sum() / np.delete(d, i).sum() for i in range(9)]
    assert n.sum() / d.sum() - influence == pytest.approx(without, abs=1e-12)
    assert variance == pytest.approx(8 / 9 * ((n.sum() / d.sum() - without) ** 2).sum())


@pytest.mark.parametrize("scale", ["logit", "log", "identity"])
def test_influences_of_one_sided_patients_widen_the_interval(scale) -> None:
    even, uneven = np.full(30, 0.01), np.array([0.03 / np.sqrt(0.3)] + [1e-6] * 29)
    even[::2] *= -1
    one = from_influence(0.8, even, scale).estimate(0.95)
    other = from_influence(0.8, uneven, scale).estimate(0.95)
    assert one.low < 0.8 < one.high
    assert other.high - other.low > 1.5 * (one.high - one.low)


def test_a_figure_on_the_edge_of_its_scale_gets_no_t_interval() -> None:
    assert np.isnan(from_influence(1.0, np.ones(5), "logit").estimate(0.95).low)
    assert np.isnan(from_influence(0.0, np.ones(5), "log").estimate(0.95).low)


@given(st.floats(-3, 3), st.floats(0.01, 2), st.floats(-3, 3), st.floats(0.01, 2), LEVELS)
def test_a_difference_of_normals_is_normal(one, error, other, spread, level) -> None:
    apart = difference(Confidence(one, one + error * Z), Confidence(other, other + spread * Z))
    z = {0.8: 1.2815516, 0.9: 1.6448536, 0.95: 1.9599640, 0.99: 2.5758293}[level]
    estimate = apart.estimate(level)
    reach = z * np.hypot(error, spread)
    assert estimate.low == pytest.approx(one - other - reach, abs=1e-3 * reach)
    assert estimate.high == pytest.approx(one - other + reach, abs=1e-3 * reach)


@given(clusters(), clusters())
@settings(max_examples=30)
def test_a_difference_and_its_mirror_agree(one, other) -> None:
    sides = share_over_patients(*one), share_over_patients(*other)
    there, back = difference(*sides), difference(*sides[::-1])
    assert np.allclose(there.quantiles, -back.quantiles[::-1], atol=1e-12)
    assert there.below(0.1) == pytest.approx(back.above(-0.1), abs=1e-9)
    assert np.all(np.diff(there.quantiles) >= 0)


@given(clusters(), clusters())
@settings(max_examples=30)
def test_a_ratio_holds_its_value_and_turns_over(one, other) -> None:
    sides = share_over_patients(*one), share_over_patients(*other)
    if min(side.value for side in sides) > 0:
        there, back = ratio(*sides, 0.95), ratio(*sides[::-1], 0.95)
        assert there.low <= there.value <= there.high
        assert there.value == pytest.approx(1 / back.value)
        assert there.low == pytest.approx(1 / back.high, rel=1e-6, abs=1e-9)


def test_a_ratio_by_what_may_be_nothing_has_no_upper_end() -> None:
    sure, none = Confidence(0.5, 0.5 + Z / 1e3), Confidence(0.2, np.maximum(0.2 + Z / 10, 0))
    assert ratio(sure, none, 0.99).high == np.inf


def test_tests_and_intervals_never_contradict_each_other() -> None:
    share = share_over_patients(np.array([40.0, 20, 33, 38, 9]), np.full(5, 40.0))
    for level in (0.8, 0.9, 0.95, 0.99):
        estimate = share.estimate(level)
        assert share.below(estimate.low) == pytest.approx((1 - level) / 2, abs=1e-3)
        assert share.above(estimate.high) == pytest.approx((1 - level) / 2, abs=1e-3)
