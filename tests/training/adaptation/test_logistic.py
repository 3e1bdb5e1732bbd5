"""The fit of a move: the optimum of what it says it minimises, and its limits."""

from __future__ import annotations

import numpy as np
import pytest

from training.adaptation.logistic import fit_move


@pytest.fixture
def beats() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    evidence = rng.standard_normal((60, 5))
    positive = (evidence[:, 0] + rng.standard_normal(60) > 0).astype(float)
    return evidence, positive, rng.normal(0, 2, 60)


def objective(w, evidence, positive, logit, precision):
    at = logit + evidence @ w
    return np.sum(np.logaddexp(0, at) - positive * at) + (precision * w * w).sum() / 2


def test_no_step_in_any_direction_is_better(beats) -> None:
    evidence, positive, logit = beats
    precision = np.array([1.0, 2.0, 0.5, 1.0, 3.0])
    best = fit_move(evidence, positive, logit, precision)
    least = objective(best, evidence, positive, logit, precision)
    rng = np.random.default_rng(0)
    for _ in range(50):
        aside = best + rng.normal(0, 1e-2, 5)
        assert objective(aside, evidence, positive, logit, precision) >= least - 1e-9
    assert least < objective(np.zeros(5), evidence, positive, logit, precision) - 1


def test_a_strong_prior_leaves_the_model_as_it_is(beats) -> None:
    assert np.abs(fit_move(*beats, np.full(5, 1e9))).max() < 1e-6


def test_separable_beats_give_finite_weights() -> None:
    evidence = np.repeat([[1.0], [-1.0]], 200, axis=0)
    found = fit_move(evidence, (evidence[:, 0] > 0).astype(float), np.zeros(400), np.ones(1) * 1e-3)
    assert 5 < found[0] < 50


def test_no_beats_move_nothing() -> None:
    assert fit_move(np.zeros((0, 3)), np.zeros(0), np.zeros(0), np.ones(3)).tolist() == [0, 0, 0]
