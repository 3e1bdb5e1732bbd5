"""Scores on reference beats, for choosing among runs; figures to publish come from EC57."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ticks import F, Q


def f1(aami: NDArray[np.int8], called: NDArray[np.integer], positive: int) -> float:
    """F1 of one class, F beats called V and Q beats not held against it (EC57).

    Examples
    --------
    >>> f1(np.array([0, 2, 2, 3], np.int8), np.array([2, 2, 0, 2]), 2)
    0.5
    """
    hit = int(((aami == positive) & (called == positive)).sum())
    missed = int(((aami == positive) & (called != positive)).sum())
    false = int((~np.isin(aami, (positive, F, Q)) & (called == positive)).sum())
    return 2 * hit / max(2 * hit + missed + false, 1)
