"""What a policy would have cost, from a log of another one: inverse propensity, doubly robust.

Estimates are means over patients, each counting the same, and intervals draw patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.alarm_policy.logged import Log

DRAWS = 2000
"""Draws of patients for an interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean cost a stretch, with a 95 % interval over patients."""

    value: float
    """Mean over patients."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""


def by_weight(log: Log, wanted: NDArray[np.intp]) -> NDArray[np.float64]:
    """Inverse propensity: each stretch's share of the estimate, array of shape (n,)."""
    return np.asarray((log.chosen == wanted) / log.propensity * log.cost)


def doubly_robust(
    log: Log, wanted: NDArray[np.intp], foretold: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Correct what a model foretells by what the log shows of its error, shape (n,).

    Right on average if the propensities are, whatever the model foretells; the better it does, the
    narrower (Dudík et al., Doubly robust policy evaluation and learning, 2011).

    Parameters
    ----------
    log : Log
        The log.
    wanted : array of shape (n,)
        What the policy would have chosen.
    foretold : array of shape (n, n_choices)
        Costs by a model that did not learn from these patients.
    """
    rows = np.arange(len(wanted))
    error = log.cost - foretold[rows, log.chosen]
    return np.asarray(foretold[rows, wanted] + (log.chosen == wanted) / log.propensity * error)


def truly(log: Log, wanted: NDArray[np.intp]) -> NDArray[np.float64]:
    """Tell what it did cost: each choice was run on every record here, which no ward can."""
    return np.asarray(log.would[np.arange(len(wanted)), wanted])


def estimate(shares: NDArray[np.float64], patient: NDArray[np.str_], seed: int = 0) -> Estimate:
    """Average over patients, with an interval that draws them.

    Examples
    --------
    >>> estimate(np.array([1.0, 3.0, 2.0]), np.array(["a", "a", "b"])).value
    2.0
    """
    _, person = np.unique(patient, return_inverse=True)
    means = np.bincount(person, shares) / np.bincount(person)
    draws = np.random.default_rng(seed).integers(0, len(means), (DRAWS, len(means)))
    low, high = np.quantile(means[draws].mean(axis=1), (0.025, 0.975))
    return Estimate(float(means.mean()), float(low), float(high))
