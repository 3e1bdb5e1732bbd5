"""Simulated patients of whom the truth is known."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import expit, ndtr
from scipy.stats import norm

from fairness.cohort import Floats

Shape = Literal["beta", "logit-normal", "size-dependent"]
"""How patients' own shares are spread: the model that intervals assume, and two that break it."""

UNITS = 100.0
"""Mean units a patient."""
_SKEW = 1.0
_SLOPE = 0.5
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def sizes(rng: np.random.Generator, patients: int) -> Floats:
    """Draw how many units each patient has: lognormal, the largest many times the median."""
    drawn = rng.lognormal(np.log(UNITS) - _SKEW**2 / 2, _SKEW, patients)
    return np.maximum(1.0, np.rint(drawn))


def shares(
    rng: np.random.Generator, of: Floats, value: float, icc: float, shape: Shape = "beta"
) -> Floats:
    """Draw how many of each patient's units are found.

    Parameters
    ----------
    rng
        Source of chance.
    of
        Units of each patient; shape (n_patients,).
    value
        Share found over all units of all patients, in the long run.
    icc
        Correlation of two units of one patient; 0 where they are independent.
    shape
        How the patients' own shares are spread.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> of = np.full(20_000, 50.0)
    >>> bool(abs((shares(rng, of, 0.9, 0.3) / of).mean() - 0.9) < 0.01)
    True
    """
    if icc == 0:
        own = np.full(len(of), value)
    elif shape == "logit-normal":
        own = expit(_centre(value, 6 * icc) + 6 * icc * rng.standard_normal(len(of)))
    else:
        mean = np.full(len(of), value)
        if shape == "size-dependent":
            mean = expit(_tilted(value) + _SLOPE * np.log(of / UNITS))
        spread = (1 - icc) / icc
        own = rng.beta(np.maximum(mean * spread, 1e-3), np.maximum((1 - mean) * spread, 1e-3))
    return rng.binomial(of.astype(int), own.clip(0, 1)).astype(float)


def _solve(value: float, mean: Floats, weights: Floats) -> float:
    """Find the shift at which a logistic curve has a mean."""
    low, high = -30.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if float(weights @ expit(middle + mean)) < value else (low, middle)
        )
    return (low + high) / 2


def _centre(value: float, spread: float) -> float:
    return _solve(value, spread * _NODES, _WEIGHTS)


def _tilted(value: float) -> float:
    """Find the log-odds at which patients of mean size must be found, if larger ones are more."""
    log_size = -(_SKEW**2) / 2 + _SKEW * _NODES
    weights = _WEIGHTS * np.exp(log_size)
    return _solve(value, _SLOPE * log_size, weights / weights.sum())


def rates(rng: np.random.Generator, hours: Floats, value: float, dispersion: float) -> Floats:
    """Draw each patient's events; patients' own rates are gamma with a relative variance."""
    own = value * np.ones(len(hours))
    if dispersion > 0:
        own = rng.gamma(1 / dispersion, value * dispersion, len(hours))
    return rng.poisson(own * hours).astype(float)


def scores(
    rng: np.random.Generator, of: Floats, area: float, icc: float
) -> tuple[Floats, Floats, Floats]:
    """Draw units with scores whose AUROC between patients is known.

    A third of all units have the condition. A score is 0 or ``shift``, plus what the patient's
    units have in common (a share ``icc`` of the variance), plus noise.

    Returns
    -------
    patient, truth, score
        Of each unit; shape (n_units,).
    """
    patient = np.repeat(np.arange(len(of)), of.astype(int))
    truth = rng.random(len(patient)) < 1 / 3
    shift = np.sqrt(2.0) * norm.ppf(area)
    common = np.sqrt(icc) * rng.standard_normal(len(of))
    noise = np.sqrt(1 - icc) * rng.standard_normal(len(patient))
    return patient.astype(float), truth.astype(float), ndtr(shift * truth + common[patient] + noise)
