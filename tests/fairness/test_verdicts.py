"""Verdicts, their error rates, and the number of patients that is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.weightstats import ttost_ind

from fairness.confidence import Confidence, Z
from fairness.equivalence import judge, overall, p_differs, p_equal
from fairness.power import CANNOT_TELL, needed_error, patients_needed
from fairness.result import Verdict
from fairness.simulation.verdicts import PROMISES, SCENARIOS, Scenario, keep
from fairness.simulation.verdicts import judge as simulate

VALUES = st.floats(-0.5, 0.5)
ERRORS = st.floats(0.01, 0.3)
MARGINS = st.floats(0.01, 0.3)


@given(VALUES, ERRORS, MARGINS)
def test_p_values_of_a_normal_difference_are_the_textbooks(value, error, margin) -> None:
    apart = Confidence(value, value + error * Z)
    low, high = norm.sf((value + margin) / error), norm.cdf((value - margin) / error)
    assert p_equal(apart, margin) == pytest.approx(max(low, high), abs=1e-4)
    far = norm.sf((abs(value) - margin) / error) + norm.sf((abs(value) + margin) / error)
    assert p_differs(apart, margin) == pytest.approx(min(far, 1), abs=2e-4)


def test_the_equivalence_test_is_that_of_statsmodels_with_many_patients() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.80, 0.1, 4000), rng.normal(0.81, 0.1, 4000)
    error = np.sqrt(one.var(ddof=1) / 4000 + other.var(ddof=1) / 4000)
    value = one.mean() - other.mean()
    theirs = ttost_ind(one, other, -0.015, 0.015, usevar="unequal")[0]
    assert p_equal(Confidence(value, value + error * Z), 0.015) == pytest.approx(theirs, rel=0.05)


@given(VALUES, ERRORS, MARGINS)
def test_nothing_is_both_equal_and_different(value, error, margin) -> None:
    apart = Confidence(value, value + error * Z)
    assert not (p_equal(apart, margin) <= 0.05 and p_differs(apart, margin) <= 0.05)


@given(VALUES, ERRORS, MARGINS)
def test_a_pass_is_a_90_percent_interval_within_the_margin(value, error, margin) -> None:
    apart = Confidence(value, value + error * Z)
    interval = apart.estimate(0.90)
    inside = -margin < interval.low and interval.high < margin
    p = p_equal(apart, margin)
    if abs(p - 0.05) > 1e-3:
        assert (judge(p, 1.0, 0.05) is Verdict.PASS) == inside


def test_what_cannot_be_tested_is_no_verdict() -> None:
    assert judge(float("nan"), float("nan"), 0.05) is Verdict.INSUFFICIENT


@given(st.lists(st.sampled_from(Verdict), max_size=6))
def test_one_fail_fails_and_one_gap_in_the_evidence_stops_a_pass(verdicts) -> None:
    said = overall(verdicts)
    assert (said is Verdict.FAIL) == (Verdict.FAIL in verdicts)
    assert (said is Verdict.PASS) == (set(verdicts) == {Verdict.PASS})


@given(st.floats(0, 0.2), MARGINS, st.floats(0.6, 0.95))
def test_the_error_that_is_asked_for_gives_the_power(value, margin, power) -> None:
    if abs(value - margin) < 0.005:
        return
    error = needed_error(value, margin, 0.05, 0.01, power)
    draws = value + error * np.linspace(-5, 5, 4001)
    weight = norm.pdf(np.linspace(-5, 5, 4001))
    if value > margin:
        right = norm.sf((draws - margin) / error) <= 0.01
    else:
        right = np.maximum(
            norm.sf((draws + margin) / error), norm.cdf((draws - margin) / error)
        ) <= 0.05  # fmt: skip
    assert weight[right].sum() / weight.sum() == pytest.approx(power, abs=0.01)


def test_numbers_of_patients_grow_as_the_difference_nears_the_margin() -> None:
    named = [
        patients_needed(Confidence(at, at + 0.05 * Z), 0.05, 50, 0.05, 0.05, 0.8)
        for at in (0.0, 0.02, 0.04, 0.0499999)
    ]
    assert named[0] < named[1] < named[2]
    assert named[3] == CANNOT_TELL
    beyond = patients_needed(Confidence(0.2, 0.2 + 0.1 * Z), 0.05, 50, 0.05, 0.05, 0.8)
    assert 50 < beyond < 200


def test_nothing_known_names_no_number() -> None:
    unknown = Confidence(float("nan"), np.full(len(Z), np.nan))
    assert patients_needed(unknown, 0.05, 50, 0.05, 0.05, 0.8) == CANNOT_TELL
    assert patients_needed(Confidence(0.0, Z), 0.05, 0, 0.05, 0.05, 0.8) == CANNOT_TELL


def test_no_disparity_over_12_groups_seldom_fails() -> None:
    """With a margin of next to nothing: the worst case for a false fail, alpha is 5 %."""
    found = simulate(Scenario("", (0.9,) * 12, 25, 0.0005), 60, seed=2)
    assert found.failed <= 0.12
    assert found.passed == 0


@pytest.mark.parametrize("scenario", SCENARIOS[3:])
def test_a_disparity_of_just_the_margin_is_seldom_called_either_way(scenario) -> None:
    found = simulate(scenario, 150, seed=3)
    assert found.failed <= 0.10
    assert found.passed <= 0.10


def test_a_true_disparity_fails_and_equality_passes() -> None:
    assert simulate(Scenario("", (0.95, 0.7), 80, 0.05, 0.2), 40, seed=1).failed > 0.9
    assert simulate(Scenario("", (0.9, 0.9), 120, 0.1, 0.1), 40, seed=1).passed > 0.9


@pytest.mark.parametrize("case", [PROMISES[0], PROMISES[3]])
def test_the_patients_named_give_about_the_power_that_was_promised(case) -> None:
    assert 0.68 < keep(case, 150, seed=5).settled < 0.92
