"""p-values corrected for how many there are."""

from __future__ import annotations

import numpy as np

from fairness.cohort import Floats


def holm(p: Floats) -> Floats:
    """Correct for the chance of any false finding (Holm, 1979).

    Parameters
    ----------
    p
        p-values; ``nan`` stays ``nan`` and is not counted. Shape (n,).

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def benjamini_hochberg(p: Floats) -> Floats:
    """Correct for the share of false findings among the findings (Benjamini & Hochberg, 1995).

    Parameters
    ----------
    p
        As in :func:`holm`.

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])[::-1]]
    steps = p[order] * len(order) / np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.minimum.accumulate(steps), 1.0)
    return corrected
