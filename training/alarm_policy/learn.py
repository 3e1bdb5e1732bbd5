"""A contextual bandit: the cost of each choice by ridge regression, the cheapest is proposed.

What a choice does is over within its stretch, and no choice changes the patient. So there is no
state to be steered, and fitted Q iteration comes down to its first step, which this is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.alarm_policy.choices import CHOICES, DEFAULT
from training.alarm_policy.logged import Log

RIDGE = 30.0
"""Penalty on what a choice's own weights add to those of all; set before anything was measured."""
MARGIN = 0.05
"""Cost a stretch by which a choice must be foretold to beat the default to be proposed."""


@dataclass(frozen=True, slots=True, eq=False)
class CostModel:
    """Foretells what each choice costs."""

    weights: NDArray[np.float64]
    """Array of shape (n_features, n_choices)."""
    centre: NDArray[np.float64]
    """Array of shape (n_features,): what is subtracted of features."""
    scale: NDArray[np.float64]
    """Array of shape (n_features,): what they are divided by."""

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Foretell costs, array of shape (n, n_choices)."""
        return np.asarray(((features - self.centre) / self.scale) @ self.weights)


def fit_costs(log: Log) -> CostModel:
    """Learn from a log: weights shared by all choices, and what each one's own add.

    Parameters
    ----------
    log : Log
        Of whom is learned from; ``would`` is not looked at.
    """
    centre, scale = log.features.mean(axis=0), log.features.std(axis=0)
    constant = scale < 1e-9
    centre = np.where(constant, 0.0, centre)
    scale = np.where(constant, 1.0, scale)
    x = (log.features - centre) / scale
    n_features, n_choices = x.shape[1], len(CHOICES)
    wide = np.zeros((len(x), n_features * (n_choices + 1)))
    wide[:, :n_features] = x
    for choice in range(n_choices):
        rows = log.chosen == choice
        at = n_features * (choice + 1)
        wide[rows, at : at + n_features] = x[rows]
    penalty = np.full(wide.shape[1], RIDGE)
    penalty[:n_features] = 1.0
    solved = np.linalg.solve(wide.T @ wide + np.diag(penalty), wide.T @ log.cost)
    shared, own = solved[:n_features], solved[n_features:].reshape(n_choices, n_features)
    return CostModel((shared + own).T, centre, scale)


def proposed(model: CostModel, features: NDArray[np.float64]) -> NDArray[np.intp]:
    """Choose the cheapest, the default where nothing beats it by a margin.

    Returns
    -------
    array of shape (n,)
        Choices.
    """
    foretold = model(features)
    best = foretold.argmin(axis=1)
    gain = foretold[:, DEFAULT] - foretold[np.arange(len(best)), best]
    return np.where(gain >= MARGIN, best, DEFAULT)


def best_fixed(log: Log) -> int:
    """Choose the one choice for everybody that cost least in a log."""
    means = [
        log.cost[log.chosen == choice].mean() if (log.chosen == choice).any() else np.inf
        for choice in range(len(CHOICES))
    ]
    return int(np.argmin(means))
