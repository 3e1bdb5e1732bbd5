"""Isolation forest (Liu, Ting and Zhou 2008) over what the last half minute looked like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]

from training.forecast.detectors.base import Scores
from training.forecast.disturbed import undisturbed
from training.forecast.recent import filled, gone, windows
from training.forecast.series import SensorSeries

STEPS = 30
"""Length of a window, steps."""
TREES = 100
"""Trees."""


class Forest:
    """How few cuts at random set a window apart, by last value, mean, spread and slope.

    Parameters
    ----------
    seed : int
        Seed of the trees.
    """

    name = "isolation forest"

    def __init__(self, seed: int = 0) -> None:
        self._trees = IsolationForest(n_estimators=TREES, random_state=seed)

    def fit(self, series: Sequence[SensorSeries]) -> None:
        """Grow trees on every third undisturbed second."""
        rows = [self._rows(each)[undisturbed(each)][::3] for each in series]
        self._trees.fit(np.concatenate(rows))

    def scores(self, series: Sequence[SensorSeries]) -> list[Scores]:
        """Score each series."""
        rows = np.concatenate([self._rows(each) for each in series])
        away = -self._trees.score_samples(rows)
        parts = np.split(away, np.cumsum([len(each.values) for each in series])[:-1])
        return [
            np.column_stack([part, gone(each.values)]).astype(np.float32)
            for part, each in zip(parts, series, strict=True)
        ]

    def _rows(self, series: SensorSeries) -> NDArray[np.float32]:
        cut = windows(filled(series.values), STEPS)
        slope = cut[:, :, -5:].mean(axis=2) - cut[:, :, :5].mean(axis=2)
        parts = [cut[:, :, -1], cut.mean(axis=2), cut.std(axis=2), slope]
        return np.hstack(parts).astype(np.float32)
