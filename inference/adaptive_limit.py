"""A limit that follows a stream's own scores, so that they reach it as often as was asked.

Adaptive conformal inference (Gibbs and Candès, Adaptive conformal inference under distribution
shift, 2021): behind each score the limit rises by ``STEP * (1 - share)`` if it was reached, and
falls by ``STEP * share`` if not. Whatever the scores are, after ``n`` of them the share that
reached the limit differs from the one asked by exactly the limit's way over ``STEP * n``, and the
limit cannot leave the range of the scores by more than a step.

What this holds is the share of *all* time, anomalies included: where something goes on for long,
the limit rises until it is usual. It suits streams that drift; it replaces no limit alarm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError

STEP = 0.05
"""How far a limit moves, in powers of ten of rarity: a score that is reached for a minute
without a break raises it by three."""
MOST_SHARE = 0.5
"""Largest share that may be asked for."""


def require_share(share: float) -> float:
    """Refuse a share that cannot be asked for.

    Raises
    ------
    ingest.errors.InputError
        Naming what is allowed.

    Examples
    --------
    >>> require_share(0.02)
    0.02
    """
    if not 0 < share <= MOST_SHARE:
        raise InputError(f"share of the time {share:g}: allowed: above 0, at most {MOST_SHARE:g}")
    return share


def moved(
    limit: NDArray[np.float64], reached: NDArray[np.bool_], share: float
) -> NDArray[np.float64]:
    """Move limits behind one score each.

    Parameters
    ----------
    limit : array of shape (n,)
        Limits that the scores were held against.
    reached : array of shape (n,)
        Whether they reached them.
    share : float
        Share of scores that is asked for.

    Examples
    --------
    >>> moved(np.array([2.0, 2.0]), np.array([True, False]), 0.1).round(3).tolist()
    [2.045, 1.995]
    """
    return np.asarray(limit + STEP * (reached - share))


def bound(lowest: float, highest: float, start: float, share: float, n: int) -> float:
    """Bound the difference between the share got and the share asked, after n scores.

    Parameters
    ----------
    lowest, highest : float
        Range of the scores.
    start : float
        Limit at the beginning, within that range or a step of it.
    share : float
        Share asked for.
    n : int
        Scores.

    Examples
    --------
    >>> round(bound(0.0, 4.0, 2.0, 0.02, 3600), 4)
    0.0114
    """
    up = highest + STEP * (1 - share) - start
    down = start - lowest + STEP * share
    return max(up, down) / (STEP * n)
