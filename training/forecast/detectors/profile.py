"""Left matrix profile (Yeh et al. 2016): how unlike all that came before a stretch is.

Exact and streaming: each stretch is compared with every earlier one of the same stream that
does not overlap it, by z-normalised Euclidean distance. Written out in NumPy in place of the
package stumpy: at this length the products of all pairs are one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.forecast.detectors.base import Scores
from training.forecast.recent import filled, gone
from training.forecast.series import SensorSeries

STEPS = 30
"""Length of a stretch, steps."""
LEAST_SPREAD = 0.3
"""Standard deviation, own unit, below which a stretch counts as flat: half of the rounding."""


class MatrixProfile:
    """Distance of the last half minute of each channel to its nearest past."""

    name = "matrix profile"

    def fit(self, series: Sequence[SensorSeries]) -> None:
        """Learn nothing: a stream is compared with its own past."""

    def scores(self, series: Sequence[SensorSeries]) -> list[Scores]:
        """Score each series."""
        found = []
        for each in series:
            values = filled(each.values)
            nearest = [left_profile(x, STEPS) for x in values.T]
            found.append(np.column_stack([*nearest, gone(each.values)]).astype(np.float32))
        return found


def left_profile(x: NDArray[np.floating], steps: int) -> NDArray[np.float64]:
    """Distance of each stretch to the nearest one before it.

    Parameters
    ----------
    x : array of shape (n,)
        Without holes.
    steps : int
        Length of a stretch.

    Returns
    -------
    array of shape (n,)
        At the stretch's last step; NaN as long as there is none before it. Between a flat stretch
        and one that is not the distance is ``sqrt(steps)``, between two flat ones 0.

    Examples
    --------
    >>> x = np.tile([0.0, 9.0, 0.0, -9.0], 4); x[14] = 20
    >>> left_profile(x, 4).round(1)[[2, 11, 13, 15]].tolist()
    [nan, 0.0, 0.0, 1.7]
    """
    out = np.full(len(x), np.nan)
    if len(x) < 2 * steps:
        return out
    cut = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), steps)
    spread = cut.std(axis=1)
    flat = spread < LEAST_SPREAD
    unit = (cut - cut.mean(axis=1, keepdims=True)) / np.where(flat, 1, spread)[:, None]
    unit[flat] = 0
    agreement = unit @ unit.T / steps
    squared = 2 * steps * (1 - np.clip(agreement, -1, 1))
    squared = np.where(flat[:, None] ^ flat, steps, squared)
    squared = np.where(flat[:, None] & flat, 0, squared)
    place = np.arange(len(cut))
    squared[place[:, None] - place < steps] = np.inf
    nearest = squared.min(axis=1)
    out[steps - 1 :] = np.where(np.isinf(nearest), np.nan, np.sqrt(np.maximum(nearest, 0)))
    return out
