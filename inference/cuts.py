"""Cuts of equal length out of the rows of an array, without a copy where rows are cut alike."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_Kind = TypeVar("_Kind", bound=np.generic)


def alike(starts: NDArray[np.int64]) -> bool:
    """Tell whether all rows are cut at the same places."""
    return len(starts) == 1 or bool((starts == starts[:1]).all())


def cuts(array: NDArray[_Kind], starts: NDArray[np.int64], width: int) -> NDArray[_Kind]:
    """Cut so many columns out of each row from each of some starts on.

    Parameters
    ----------
    array : array of shape (n_rows, n_columns)
        What is cut.
    starts : array of shape (n_rows, n_cuts)
        First columns.
    width : int
        Columns of a cut.

    Returns
    -------
    array of shape (n_rows, n_cuts, width)
        A view where that is possible; not to be written to.

    Examples
    --------
    >>> array = np.arange(10).reshape(2, 5)
    >>> cuts(array, np.array([[0, 2], [1, 3]]), 2).tolist()
    [[[0, 1], [2, 3]], [[6, 7], [8, 9]]]
    """
    if alike(starts):
        first, n = int(starts[0, 0]), starts.shape[1]
        if n == 1:
            return array[:, None, first : first + width]
        if (starts[0] == first + width * np.arange(n)).all():
            return array[:, first : first + n * width].reshape(len(array), n, width)
        return sliding_window_view(array, width, axis=1)[:, starts[0]]
    every = sliding_window_view(array, width, axis=1)
    return every[np.arange(len(array))[:, None], starts]
