"""Means over the last so many probabilities, and what begins and ends where they cross a limit.

Probabilities are kept in whole numbers, so that no order of adding up shows in
the result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ONE = 1 << 15
"""A probability of 1, in the whole numbers that are added up."""
END_SHARE = 0.5
"""Share of the limit below which what has begun ends."""


def whole(probs: NDArray[np.float32]) -> NDArray[np.int32]:
    """Turn probabilities into whole numbers, any shape.

    Examples
    --------
    >>> whole(np.array([0.0, 0.5, 1.0], np.float32)).tolist()
    [0, 16384, 32768]
    """
    return np.rint(probs * ONE).astype(np.int32)


def over_window(share: NDArray[np.int32], n: int) -> NDArray[np.float32]:
    """Average each value with the ``n - 1`` before it.

    Parameters
    ----------
    share : array of shape (n_rows, n - 1 + n_values)
        From :func:`whole`, those before the first value among them.
    n : int
        Values averaged.

    Returns
    -------
    array of shape (n_rows, n_values)
        0 to 1.

    Examples
    --------
    >>> over_window(whole(np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)), 2).tolist()
    [[0.0, 0.5, 1.0]]
    """
    if share.shape[1] == n:  # one value
        only = share.sum(axis=1, dtype=np.int64, keepdims=True) / (n * ONE)
        return np.asarray(only, np.float32)
    total = np.zeros((len(share), share.shape[1] + 1), np.int64)
    np.cumsum(share, axis=1, out=total[:, 1:])
    return ((total[:, n:] - total[:, :-n]) / (n * ONE)).astype(np.float32)


def turns(mean: NDArray[np.float32], is_open: bool, limit: float) -> list[tuple[int, bool]]:
    """Follow one row: it begins at the limit, and ends below :data:`END_SHARE` of it.

    Parameters
    ----------
    mean : array of shape (n_values,)
    is_open : bool
        Whether it had begun before.
    limit : float
        Where it begins.

    Returns
    -------
    list of tuple
        Index, and whether it begins there or ends.

    Examples
    --------
    >>> turns(np.array([0.2, 0.6, 0.3, 0.2], np.float32), False, 0.5)
    [(1, True), (3, False)]
    """
    told = []
    for index, p in enumerate(mean.tolist()):
        if is_open != (p >= limit * (END_SHARE if is_open else 1)):
            is_open = not is_open
            told.append((index, is_open))
    return told


def edge(share: NDArray[np.int32], *, onset: bool) -> int:
    """Place an edge within the window that told of it: at the first likely value, behind the last.

    Parameters
    ----------
    share : array of shape (n,)
        The window.
    onset : bool
        Which edge.

    Returns
    -------
    int
        0 to n.

    Examples
    --------
    >>> share = whole(np.array([0.0, 0.9, 0.9, 0.1], np.float32))
    >>> edge(share, onset=True), edge(share, onset=False)
    (1, 3)
    """
    likely = np.flatnonzero(share > ONE // 2)
    if not len(likely):
        return 0
    return int(likely[0] if onset else likely[-1] + 1)
