"""Calibration: the fit and its errors are statsmodels', the error is a sum over bins."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from fairness.calibration import BINS, bin_scores, calibration, curve, ece, logistic, recalibrate
from fairness.cohort import Units
from fairness.intervals import variance_of

PATIENTS = 25


def units(size: int = 3000, seed: int = 0, scale: float = 0.6, shift: float = 0.4) -> Units:
    rng = np.random.default_rng(seed)
    patient = np.sort(rng.integers(0, PATIENTS, size)).astype(np.int32)
    log_odds = rng.normal(-1, 1.5, size) + rng.normal(0, 0.5, PATIENTS)[patient]
    truth = rng.random(size) < expit(shift + scale * log_odds)
    score = expit(log_odds)
    return Units("all", patient, truth, score > 0.5, score, None, np.zeros(PATIENTS, np.int64))


EVERYBODY = np.ones(PATIENTS, bool)


@pytest.mark.parametrize("size", [400, 3000, 40_000])
def test_slope_and_intercept_are_those_of_a_logistic_regression(size) -> None:
    of = units(size)
    x = logit(of.score)
    full = sm.GLM(of.truth, sm.add_constant(x), family=sm.families.Binomial()).fit(tol=1e-14)
    held = sm.GLM(
        of.truth, np.ones(size), family=sm.families.Binomial(), offset=x
    ).fit(tol=1e-14)  # fmt: skip
    assert calibration(logistic(of), EVERYBODY, slope=True)[0] == pytest.approx(
        full.params[1], abs=1e-8
    )
    assert calibration(logistic(of), EVERYBODY, slope=False)[0] == pytest.approx(
        held.params[0], abs=1e-8
    )


def test_the_variance_over_patients_is_the_sandwich_of_statsmodels() -> None:
    of = units()
    x = logit(of.score)
    fit = sm.GLM(of.truth, sm.add_constant(x), family=sm.families.Binomial()).fit(
        tol=1e-14,
        cov_type="cluster",
        cov_kwds={"groups": of.patient, "use_correction": False},
    )
    _, influence = calibration(logistic(of), EVERYBODY, slope=True)
    usual = PATIENTS / (PATIENTS - 1)
    assert variance_of(influence) == pytest.approx(usual * fit.bse[1] ** 2, rel=1e-6)


def test_scores_that_separate_the_classes_have_no_slope() -> None:
    truth = np.repeat([0.0, 1.0], 50)
    assert recalibrate(truth, np.linspace(-3, 3, 100), slope=True) is None
    assert recalibrate(np.ones(10), np.zeros(10), slope=False) is None
    assert recalibrate(truth, np.zeros(100), slope=True) is None


def test_the_error_is_the_bins_mean_distance_and_exact_when_a_patient_is_left_out() -> None:
    of = units(500)
    place = np.minimum((of.score * BINS).astype(int), BINS - 1)

    def plain(kept: np.ndarray) -> float:
        parts = [kept & (place == one) for one in range(BINS)]
        apart = [abs((of.score[part] - of.truth[part]).sum()) for part in parts]
        return float(sum(apart) / kept.sum())

    value, corrected, influence = ece(bin_scores(of, PATIENTS), EVERYBODY)
    assert value == pytest.approx(plain(np.ones(500, bool)), abs=1e-12)
    assert 0 <= corrected < value
    for patient in range(PATIENTS):
        assert value - influence[patient] == pytest.approx(plain(of.patient != patient), abs=1e-12)


def test_chance_alone_makes_less_of_the_corrected_error() -> None:
    gained, plain = [], []
    for seed in range(40):
        value, corrected, _ = ece(bin_scores(units(300, seed, 1.0, 0.0), PATIENTS), EVERYBODY)
        gained.append(corrected)
        plain.append(value)
    assert np.mean(gained) < 0.6 * np.mean(plain)


def test_a_curve_has_the_bins_that_have_units_in_order() -> None:
    bins = curve(bin_scores(units(), PATIENTS), EVERYBODY, 0.95)
    assert sum(one.units for one in bins) == 3000
    assert [one.predicted for one in bins] == sorted(one.predicted for one in bins)
    for one in bins:
        assert one.observed.low <= one.observed.value <= one.observed.high
