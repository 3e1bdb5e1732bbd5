"""Forecasts that a forecaster must beat to be of any use: naive, seasonal, EWMA, linear."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.forecast.recent import filled, usual
from training.forecast.series import SensorSeries

PERIODS = range(8, 61)
"""Periods that the seasonal forecast looks for, steps."""
LOOK_BACK = 120
"""Steps that it looks in."""
EWMA_WEIGHT = 0.05
"""What a new value counts in the moving average: a memory of 20 steps."""
LAGS = 60
"""Steps that the linear forecast sees."""
RIDGE = 30.0
"""Its penalty, in windows."""

Point = NDArray[np.float32]
"""Array of shape (n_steps, steps ahead, n_channels), own units."""


def naive(series: SensorSeries, ahead: Sequence[int]) -> Point:
    """Forecast the last value."""
    return np.repeat(filled(series.values)[:, None], len(ahead), axis=1)


def ewma(series: SensorSeries, ahead: Sequence[int]) -> Point:
    """Forecast the exponentially weighted average."""
    values = filled(series.values)
    smooth, now = np.zeros_like(values), values[0]
    for step, value in enumerate(values):
        weight = np.float32(max(EWMA_WEIGHT, 1 / (step + 1)))
        now = now + weight * (value - now)
        smooth[step] = now
    return np.repeat(smooth[:, None], len(ahead), axis=1)


def seasonal(series: SensorSeries, ahead: Sequence[int]) -> Point:
    """Forecast what was there one period ago; the period is that of the last two minutes.

    The period is the lag of the largest autocorrelation; until two periods were heard, and where
    the autocorrelation is below a half, the forecast is the naive one.
    """
    values = filled(series.values)
    out = naive(series, ahead)
    for step in range(2 * PERIODS[0], len(values)):
        cut = values[max(0, step + 1 - LOOK_BACK) : step + 1]
        away = cut - cut.mean(axis=0)
        power = np.maximum((away**2).sum(axis=0), 1e-9)
        lags = [lag for lag in PERIODS if 2 * lag <= len(cut)]
        similar = np.stack([(away[lag:] * away[:-lag]).sum(axis=0) / power for lag in lags])
        best, strong = similar.argmax(axis=0), similar.max(axis=0) >= 0.5
        for channel in np.flatnonzero(strong):
            period = lags[best[channel]]
            back = [step + lead - period * -(-lead // period) for lead in ahead]
            out[step, :, channel] = values[back, channel]
    return out


class LinearForecast:
    """Ridge regression of what comes on the last minute of all channels, over level and spread."""

    def fit(self, series: Sequence[SensorSeries], ahead: Sequence[int]) -> None:
        """Learn one matrix for all patients."""
        n = sum(each.values.shape[1] for each in series[:1])
        gram, product = np.zeros((n * LAGS, n * LAGS)), np.zeros((n * LAGS, n * len(ahead)))
        for each in series:
            rows, _, spread = self._rows(each)
            values = filled(each.values)
            at = np.arange(LAGS, len(values) - max(ahead))
            came = np.stack([values[at + lead] for lead in ahead], axis=1)
            target = (came - values[at][:, None]) / spread[at][:, None]
            x, y = rows[at].astype(np.float64), np.clip(target, -8, 8).reshape(len(at), -1)
            gram += x.T @ x
            product += x.T @ y
        self._weights = np.linalg.solve(gram + RIDGE * LAGS * np.eye(len(gram)), product)

    def __call__(self, series: SensorSeries, ahead: Sequence[int]) -> Point:
        """Forecast from every step."""
        rows, values, spread = self._rows(series)
        moves = (rows @ self._weights).reshape(len(rows), len(ahead), -1)
        return np.asarray(values[:, None] + moves * spread[:, None], np.float32)

    def _rows(self, series: SensorSeries) -> tuple[Point, Point, Point]:
        values = filled(series.values)
        _, spread = usual(values)
        padded = np.concatenate([np.repeat(values[:1], LAGS - 1, axis=0), values])
        cut = np.lib.stride_tricks.sliding_window_view(padded, LAGS, axis=0)
        rows = (cut - values[:, :, None]) / spread[:, :, None]
        return np.clip(rows, -8, 8).reshape(len(values), -1).astype(np.float32), values, spread


SIMPLE: dict[str, Callable[[SensorSeries, Sequence[int]], Point]] = {
    "naive": naive,
    "seasonal": seasonal,
    "EWMA": ewma,
}
"""Forecasts that learn nothing."""
