"""The detectors beside the forecaster: each against what it is by definition, and all causal."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from tests.training.forecast.sensors import CHANNELS, cohort
from training.forecast.detection import average_precision
from training.forecast.detectors import (
    ControlChart,
    Forest,
    LinearAutoencoder,
    MatrixProfile,
    SimpleForecast,
)
from training.forecast.detectors.profile import LEAST_SPREAD, left_profile
from training.forecast.recent import filled, gone, usual, windows
from training.forecast.series import SensorSeries

ALL = [
    lambda: SimpleForecast("naive"),
    lambda: SimpleForecast("seasonal"),
    ControlChart,
    LinearAutoencoder,
    Forest,
    MatrixProfile,
]


def brute_profile(x: np.ndarray, steps: int) -> np.ndarray:
    """Compare every stretch with every one before it, by definition."""
    out = np.full(len(x), np.nan)
    cut = [x[i : i + steps] for i in range(len(x) - steps + 1)]

    def unit(y: np.ndarray) -> np.ndarray | None:
        return None if y.std() < LEAST_SPREAD else (y - y.mean()) / y.std()

    for i in range(len(cut)):
        for j in range(i - steps + 1):
            a, b = unit(cut[i]), unit(cut[j])
            if a is None and b is None:
                distance = 0.0
            elif a is None or b is None:
                distance = np.sqrt(steps)
            else:
                distance = np.sqrt(((a - b) ** 2).sum())
            at = i + steps - 1
            out[at] = distance if np.isnan(out[at]) else min(out[at], distance)
    return out


@pytest.mark.parametrize("seed", range(4))
def test_the_matrix_profile_is_that_of_its_definition(seed):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(0, 1, 120))
    x[40:60] = x[40]  # flat
    x = np.round(x) if seed % 2 else x

    np.testing.assert_allclose(left_profile(x, 10), brute_profile(x, 10), atol=1e-6)


def test_a_series_too_short_for_two_stretches_has_no_profile():
    assert np.isnan(left_profile(np.arange(19.0), 10)).all()


@pytest.fixture(scope="module")
def series() -> list[SensorSeries]:
    return cohort(4, 300)


@pytest.mark.parametrize("make", ALL)
def test_a_score_uses_nothing_behind_its_second(make, series):
    detector = make()
    detector.fit(series[:3])
    own = series[3]
    cut = SensorSeries("cut", "cut", CHANNELS, own.values[:200])

    whole, part = detector.scores([own, cut])

    np.testing.assert_allclose(whole[:200], part, atol=1e-5)


@pytest.mark.parametrize("make", ALL[:-1])
def test_a_jump_is_stranger_than_what_was_before(make, series):
    detector = make()
    detector.fit(series[:3])
    values = series[3].values.copy()
    values[200:220, 0] += 40
    (told,) = detector.scores([SensorSeries("j", "j", CHANNELS, values)])

    assert np.nanmax(told[200:215]) > np.nanmax(told[100:195])


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    score, wrong = np.round(rng.normal(size=300), 1), rng.random(300) < 0.2
    weight = rng.integers(0, 3, 300).astype(float)

    ours = average_precision(score, wrong, weight)

    assert ours == pytest.approx(average_precision_score(wrong, score, sample_weight=weight))


def test_recent_values_are_of_the_past_alone():
    values = np.array([[np.nan], [1], [np.nan], [4], [np.nan]], np.float32)

    assert filled(values)[:, 0].tolist() == [1, 1, 1, 4, 4]
    assert gone(values)[:, 0].tolist() == [0, 0, 1, 0, 1]
    level, spread = usual(filled(values), steps=2)
    assert level[:, 0].tolist() == [1, 1, 1, 1, 2.5]
    assert (spread >= 0.5).all()
    assert windows(filled(values), 3).shape == (5, 1, 3)
