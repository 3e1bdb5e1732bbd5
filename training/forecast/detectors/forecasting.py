"""Detectors by the error of forecasts of several leads: the recurrent net's, and simple ones'."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.forecast import RESOLUTION
from inference.surprise import SCORED_S, forecast_error, joined, stillness
from training.architectures.forecaster import MEDIAN, QUANTILES, Forecaster
from training.forecast.baselines import SIMPLE, Point
from training.forecast.detectors.base import Scores
from training.forecast.predict import Forecasts, forecast
from training.forecast.recent import filled, gone, usual
from training.forecast.series import SensorSeries

WIDTH = 1.64
"""Half of the width of a simple forecast, in standard deviations of the last two minutes."""
Floats = NDArray[np.float32]


class ForecastDetector:
    """What the shipped forecaster is run as, over whole series at once.

    Parameters
    ----------
    make : callable
        Fits a forecaster on series.
    still : bool
        Score stillness, too; without, the forecast error alone.
    """

    def __init__(
        self, make: Callable[[Sequence[SensorSeries]], Forecaster], *, still: bool = True
    ) -> None:
        self._make, self._still = make, still
        self.name = "forecaster" if still else "forecaster, error alone"

    def fit(self, series: Sequence[SensorSeries]) -> None:
        """Fit the forecaster."""
        self.model = self._make(series)

    def scores(self, series: Sequence[SensorSeries]) -> list[Scores]:
        """Score each series."""
        found = forecast(self.model, series)
        return [
            components(f, s, self.model.size.stride, still=self._still)
            for f, s in zip(found, series, strict=True)
        ]


def components(
    forecasts: Forecasts, series: SensorSeries, stride: int, *, still: bool = True
) -> Scores:
    """Score a whole series as :class:`inference.forecast.ForecastStage` does step by step.

    Returns
    -------
    array of shape (n_steps, n_channels * 3)
        Error, stillness and time gone of each channel; two each without ``still``.
    """
    errors = []
    for ahead_s in SCORED_S:
        lead = round(ahead_s * series.fs)
        place = lead // stride - 1
        late = np.full((len(series.values), series.values.shape[1], len(QUANTILES)), np.nan)
        late[lead:] = forecasts[:-lead, place]
        low, median, high = np.moveaxis(late[..., [0, MEDIAN, -1]].astype(np.float32), -1, 0)
        errors.append(forecast_error(series.values, low, median, high, np.float32(RESOLUTION / 2)))
    parts = [joined(np.stack(errors)), gone(series.values) / np.float32(series.fs)]
    if still:
        parts.insert(1, still_scores(series.values))
    return np.stack(parts, axis=2).reshape(len(series.values), -1)


def still_scores(values: Floats) -> Scores:
    """Score how long each channel has not changed, against its own habit; NaN where missing."""
    out = np.full(values.shape, np.nan, np.float32)
    n = values.shape[1]
    last, heard, run, usual_heard, changes = (np.zeros(n, np.float32) for _ in range(5))
    for step, now in enumerate(values):
        seen = ~np.isnan(now)
        changed = seen & (now != last) & (heard > 0)
        usual_heard += np.where(changed, run + 1, 0)
        changes += changed
        run = np.where(changed, 0, run + (seen & (heard > 0))).astype(np.float32)
        last = np.where(seen, now, last)
        heard += seen
        out[step] = np.where(seen, stillness(run, usual_heard, changes), np.nan)
    return out


class SimpleForecast:
    """The same score, of a forecast that learns nothing.

    Parameters
    ----------
    kind : str
        A key of :data:`training.forecast.baselines.SIMPLE`.
    """

    def __init__(self, kind: str) -> None:
        self.name, self._forecast = f"{kind} forecast", SIMPLE[kind]

    def fit(self, series: Sequence[SensorSeries]) -> None:
        """Learn nothing."""

    def scores(self, series: Sequence[SensorSeries]) -> list[Scores]:
        """Score each series."""
        return [self._score(each) for each in series]

    def _score(self, series: SensorSeries) -> Scores:
        leads = [round(ahead_s * series.fs) for ahead_s in SCORED_S]
        given: Point = self._forecast(series, leads)
        _, spread = usual(filled(series.values))
        errors = []
        for place, lead in enumerate(leads):
            median = np.full(series.values.shape, np.nan, np.float32)
            width = median.copy()
            median[lead:], width[lead:] = given[:-lead, place], WIDTH * spread[:-lead]
            rest = np.float32(RESOLUTION / 2)
            errors.append(
                forecast_error(series.values, median - width, median, median + width, rest)
            )
        parts = [joined(np.stack(errors)), gone(series.values)]
        return np.stack(parts, axis=2).reshape(len(series.values), -1).astype(np.float32)
