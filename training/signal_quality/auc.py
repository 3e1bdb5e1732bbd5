"""Area under the ROC curve, over patients that have both kinds of ticks, or over whole strips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_TICKS = 25
"""A patient counts with so many ticks of either kind, 5 s."""


def auc(score: NDArray[np.floating], noisy: NDArray[np.bool_]) -> float:
    """Probability that a noisy one scores below a clean one; ties count half.

    Parameters
    ----------
    score : array of shape (n,)
        Quality; higher is better.
    noisy : array of shape (n,)
        Truth.

    Examples
    --------
    >>> auc(np.array([0.1, 0.9, 0.9, 0.5]), np.array([True, False, True, False]))
    0.625
    """
    values, place = np.unique(score, return_inverse=True)
    n_noisy = np.bincount(place[noisy], minlength=len(values))
    n_clean = np.bincount(place[~noisy], minlength=len(values))
    above = n_clean.sum() - np.cumsum(n_clean)
    return float((n_noisy * (above + n_clean / 2)).sum() / (n_noisy.sum() * n_clean.sum()))


def by_patient(
    score: NDArray[np.floating], noisy: NDArray[np.bool_], patient: NDArray[np.str_]
) -> dict[str, float]:
    """Take it in each patient that has enough of both.

    Returns
    -------
    dict
        Patient to area.
    """
    found = {}
    for each in np.unique(patient):
        own = patient == each
        if min(noisy[own].sum(), (~noisy[own]).sum()) >= LEAST_TICKS:
            found[str(each)] = auc(score[own], noisy[own])
    return found


def by_strip(
    score: NDArray[np.floating], noisy: NDArray[np.bool_], patient: NDArray[np.str_]
) -> float:
    """Take it over strips that are marked as a whole, by their mean score."""
    names, place = np.unique(patient, return_inverse=True)
    mean = np.bincount(place, score) / np.bincount(place)
    whole = np.bincount(place, noisy) * 2 > np.bincount(place)
    return auc(mean, whole[: len(names)])
