"""Linear autoencoder (principal components) over windows: what it cannot give back is strange."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.forecast.detectors.base import Scores
from training.forecast.disturbed import undisturbed
from training.forecast.recent import filled, gone, windows
from training.forecast.series import SensorSeries

STEPS = 32
"""Length of a window, steps."""
KEPT = 0.9
"""Share of the variance that the code keeps."""
CLIP = 10.0
"""Largest deviation in a window, in the stream's spreads."""


class LinearAutoencoder:
    """Reconstruction error of each channel over the last half minute."""

    name = "linear autoencoder"
    _mean: NDArray[np.float64]
    _code: NDArray[np.float64]

    def fit(self, series: Sequence[SensorSeries]) -> None:
        """Learn the components of undisturbed windows."""
        rows = [self._rows(each)[undisturbed(each)] for each in series]
        data = np.concatenate(rows).astype(np.float64)
        self._mean = data.mean(axis=0)
        variance, vectors = np.linalg.eigh(np.cov(data - self._mean, rowvar=False))
        share = np.cumsum(variance[::-1]) / variance.sum()
        n = int(np.searchsorted(share, KEPT)) + 1
        self._code = vectors[:, ::-1][:, :n]

    def scores(self, series: Sequence[SensorSeries]) -> list[Scores]:
        """Score each series."""
        found = []
        for each in series:
            rows = self._rows(each) - self._mean
            rest = rows - rows @ self._code @ self._code.T
            error = np.sqrt((rest.reshape(len(rows), -1, STEPS) ** 2).mean(axis=2))
            found.append(np.hstack([error, gone(each.values)]).astype(np.float32))
        return found

    def _rows(self, series: SensorSeries) -> NDArray[np.float32]:
        cut = windows(filled(series.values), STEPS)
        return np.clip(cut, -CLIP, CLIP).reshape(len(cut), -1)
