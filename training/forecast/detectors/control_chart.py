"""EWMA control chart (Roberts 1959): the moving average against the stream's own level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.forecast.detectors.base import Scores
from training.forecast.recent import filled, gone, usual
from training.forecast.series import SensorSeries

WEIGHT = 0.2
"""What a new value counts."""


class ControlChart:
    """Distance of the average from the level of the last two minutes, in its standard errors."""

    name = "EWMA chart"

    def fit(self, series: Sequence[SensorSeries]) -> None:
        """Learn nothing: level and spread are the stream's own."""

    def scores(self, series: Sequence[SensorSeries]) -> list[Scores]:
        """Score each series."""
        return [self._score(each) for each in series]

    def _score(self, series: SensorSeries) -> Scores:
        values = filled(series.values)
        level, spread = usual(values)
        smooth, now = np.zeros_like(values), values[0]
        for step, value in enumerate(values):
            now = now + np.float32(WEIGHT) * (value - now)
            smooth[step] = now
        error = np.sqrt(WEIGHT / (2 - WEIGHT))
        away = np.abs(smooth - level) / (spread * np.float32(error))
        return np.hstack([away, gone(series.values)]).astype(np.float32)
