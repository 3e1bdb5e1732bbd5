"""Whole series forecast by torch, many places at once: what training and evaluation look at.

Streaming gives the same, step by step (:mod:`inference.forecast`); a test compares both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from training.architectures.forecaster import MEDIAN, Forecaster
from training.forecast.recent import filled
from training.forecast.series import SensorSeries
from training.forecast.unrolled import memory_at, unroll

Forecasts = NDArray[np.float32]
"""Array of shape (n_steps, steps ahead, n_channels, n_quantiles), own units; row t was made
when step t had been heard. NaN for a channel of which nothing was heard by then."""


def forecast(model: Forecaster, series: Sequence[SensorSeries]) -> list[Forecasts]:
    """Forecast from every step of each series, free-running.

    Parameters
    ----------
    model : Forecaster
        What forecasts.
    series : sequence of SensorSeries
        Of the model's channels.
    """
    training = model.training
    model.eval()
    data = unroll(model.normaliser, [torch.from_numpy(each.values) for each in series])
    found = []
    with torch.no_grad():
        h = model.encoder.sequence(data.features)
        for place, each in enumerate(series):
            at = torch.arange(len(each.values))
            of = torch.full_like(at, place)
            memory = memory_at(h, at, of, model.size.context) if model.size.context else ()
            ahead = model.decode(h[at, of], data.features[at, of], memory)
            last, scale = data.last[at, of], data.scale[at, of]
            own = last[:, None, :, None] + ahead * scale[:, None, :, None]
            heard = data.heard[at, of][:, None, :, None]
            found.append(torch.where(heard, own, torch.nan).numpy())
    model.train(training)
    return found


def errors_of(forecasts: Forecasts, series: SensorSeries, stride: int = 5) -> NDArray[np.float64]:
    """Sum of absolute errors of the median, and of the naive forecast, over the usual spread.

    Parameters
    ----------
    forecasts : array of shape (n_steps, steps ahead, n_channels, n_quantiles)
    series : SensorSeries
        What came.
    stride : int
        Steps from one step ahead to the next.

    Returns
    -------
    array of shape (2,)
    """
    values, last, total = series.values, filled(series.values), np.zeros(2)
    for k in range(forecasts.shape[1]):
        lead = stride * (k + 1)
        came = values[lead:]
        ours = np.abs(forecasts[: len(came), k, :, MEDIAN] - came)
        naive = np.abs(last[: len(came)] - came)
        both = ~np.isnan(ours) & ~np.isnan(naive)
        total += ours[both].sum(), naive[both].sum()
    return total
