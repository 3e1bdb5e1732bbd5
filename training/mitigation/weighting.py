"""How much each cell, the beats of a group or of one class in a group, counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cell_weights(
    counts: NDArray[np.float64], power: float = 1.0, most: float = np.inf
) -> NDArray[np.float64]:
    """Weigh cells so that within each class all groups count the same.

    Classes keep the share that they have: only group and class are made independent
    (reweighing, Kamiran and Calders, Knowl. Inf. Syst. 33, 2012). A cell without beats
    has weight 0, and the other groups share the class.

    Parameters
    ----------
    counts : array of shape (n_groups, n_classes)
        Beats in each cell; one column where classes are not told apart.
    power : float
        0 leaves all weights at 1, 1 evens out wholly.
    most : float
        Largest weight, before the classes are given their share back.

    Returns
    -------
    array of shape (n_groups, n_classes)
        Weight of one beat; its mean over the beats of each class is 1.

    Examples
    --------
    >>> cell_weights(np.array([[30.0, 2.0], [10.0, 6.0]])).round(2).tolist()
    [[0.67, 2.0], [2.0, 0.67]]
    """
    there = counts > 0
    of_class = counts.sum(axis=0)
    n_there = np.maximum(there.sum(axis=0), 1)
    safe = np.where(there, counts, 1.0)
    weights = np.where(there, np.minimum((of_class / n_there / safe) ** power, most), 0.0)
    share = (weights * counts).sum(axis=0)
    scale = np.where(share > 0, of_class / np.where(share > 0, share, 1.0), 0.0)
    return np.asarray(weights * scale)
