"""How far one string of beats is from another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ticks import V


def edit_distance(reference: NDArray[np.integer], said: NDArray[np.integer]) -> int:
    """Fewest beats to be put in, taken out or changed (Levenshtein 1966).

    A reference beat that is neither N, S nor V may be said to be any of them; it must be said.

    Examples
    --------
    >>> edit_distance(np.array([0, 0, 2, 0]), np.array([0, 2, 1]))
    2
    >>> edit_distance(np.array([0, 3, 0]), np.array([0, 2, 0]))
    0
    """
    places = np.arange(len(said) + 1)
    row = places.copy()
    for beat in reference:
        changed = row[:-1] + ((said != beat) & (beat <= V))
        best = np.minimum(row + 1, np.concatenate([[row[0] + 1], changed]))
        row = np.minimum.accumulate(best - places) + places
    return int(row[-1])
