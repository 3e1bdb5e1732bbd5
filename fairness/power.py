"""How many patients would settle a comparison."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from fairness.confidence import MINUS_ONE, PLUS_ONE, Confidence

MOST = 100_000
"""Number of patients beyond which none is named: the difference is too close to the margin."""
OPTIMISM = 8.0
"""Patients by whose inverse a small cohort understates the variance: it rarely holds the patients
who have most units, or are worst. Found by simulation (docs/fairness-validation.md)."""
CANNOT_TELL = -1
"""Stands for a number that cannot be told."""


def standard_error(apart: Confidence) -> float:
    """Give half the distance between the confidence distribution's scores −1 and +1."""
    low, high = apart.quantiles[MINUS_ONE], apart.quantiles[PLUS_ONE]
    return float(high - low) / 2


def needed_error(apart: float, margin: float, equal: float, differs: float, power: float) -> float:
    """Give the standard error at which a comparison would be settled.

    Parameters
    ----------
    apart
        True difference.
    margin
        Declared margin.
    equal
        Significance level of the equivalence test.
    differs
        Significance level of the test for a difference beyond the margin, corrected.
    power
        Chance of a verdict that is asked for.

    Returns
    -------
    float
        0 where no number of patients gives that chance.

    Examples
    --------
    >>> round(needed_error(0.0, 0.05, 0.05, 0.05, 0.8), 4)
    0.0171
    >>> round(needed_error(0.1, 0.05, 0.05, 0.05, 0.8), 4)
    0.0201
    """
    beyond = abs(apart) - margin
    if beyond >= 0:
        return float(beyond / (ndtri(power) - ndtri(differs)))
    low, high = 0.0, 2 * margin
    for _ in range(60):
        error = (low + high) / 2
        chance = (
            ndtr(-beyond / error + ndtri(equal))
            + ndtr((margin + abs(apart)) / error + ndtri(equal))
            - 1
        )
        low, high = (error, high) if chance >= power else (low, error)
    return low


def patients_needed(
    apart: Confidence, margin: float, patients: int, equal: float, differs: float, power: float
) -> int:
    """Give the patients of a group that would settle its comparison, its reference growing alike.

    It is taken that the true difference is the one that was seen, and that the standard error
    falls with the root of the number of patients, once :data:`OPTIMISM` is taken off.

    Parameters
    ----------
    apart
        Difference, with its confidence.
    margin
        Declared margin.
    patients
        Patients now in the group.
    equal, differs, power
        As in :func:`needed_error`.

    Returns
    -------
    int
        At least one more than there are; :data:`CANNOT_TELL` where none up to :data:`MOST` would
        do, or where nothing is known.

    Examples
    --------
    >>> from fairness.confidence import Z
    >>> patients_needed(Confidence(0.0, Z * 0.03415), 0.05, 400, 0.05, 0.05, 0.8)
    1630
    """
    error = standard_error(apart)
    if not np.isfinite(error) or error <= 0 or not patients:
        return CANNOT_TELL
    error *= float(np.sqrt(1 + OPTIMISM / patients))
    wanted = needed_error(apart.value, margin, equal, differs, power)
    if wanted <= error * np.sqrt(patients / MOST):
        return CANNOT_TELL
    return max(int(np.ceil(patients * (error / wanted) ** 2 - 1e-6)), patients + 1)
