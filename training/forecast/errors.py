"""Errors of forecasts, patient by patient, and skill with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.architectures.forecaster import MEDIAN, QUANTILES
from training.forecast.baselines import Point
from training.forecast.predict import Forecasts
from training.forecast.recent import filled
from training.forecast.series import SensorSeries

MEASURES = ("absolute", "squared", "quantile", "inside")
"""Absolute error of the median as a monitor would show it, rounded; squared error of the median;
quantile loss; and share inside the outer quantiles."""
WARM_UP = 60
"""Steps at the begin of which no forecast is judged."""
RESAMPLES = 2000
"""Draws of patients."""

Table = NDArray[np.float64]
"""Array of shape (n_ahead, n_channels, n_measures): means over a record; NaN where nothing was."""


def error_table(given: Forecasts | Point, series: SensorSeries, leads: Sequence[int]) -> Table:
    """Measure one record's forecasts.

    Parameters
    ----------
    given : array of shape (n_steps, n_ahead, n_channels[, n_quantiles])
        Without quantiles, ``quantile`` is that of a point and ``inside`` is NaN.
    series : SensorSeries
        What came; only steps at which it was there are measured.
    leads : sequence of int
        Steps ahead.
    """
    quantiles = given if given.ndim == 4 else np.repeat(given[..., None], len(QUANTILES), axis=3)
    out = np.full((len(leads), given.shape[2], len(MEASURES)), np.nan)
    q = np.array(QUANTILES)
    for place, lead in enumerate(leads):
        came = series.values[WARM_UP + lead :].astype(np.float64)
        said = quantiles[WARM_UP : len(series.values) - lead, place].astype(np.float64)
        away = came - said[..., MEDIAN]
        over = came[..., None] - said
        measured = np.stack(
            [
                np.abs(came - np.round(said[..., MEDIAN])),
                away**2,
                np.maximum(q * over, (q - 1) * over).mean(axis=-1),
                np.where(np.isnan(came), np.nan, (over[..., 0] >= 0) & (over[..., -1] <= 0)),
            ],
            axis=-1,
        )
        there = ~np.isnan(measured).all(axis=(0, 2))
        out[place, there] = np.nanmean(measured[:, there], axis=0)
    if given.ndim == 3:
        out[..., MEASURES.index("inside")] = np.nan
    return out


def by_patient(tables: Sequence[Table], patients: Sequence[str]) -> NDArray[np.float64]:
    """Average the records of each patient, shape (n_patients, ...), patients in order."""
    people = np.array(patients)
    stacked = np.stack(tables)
    rows = []
    for person in sorted(set(patients)):
        mine = stacked[people == person]
        there = (~np.isnan(mine)).sum(axis=0)
        total = np.nansum(mine, axis=0)
        rows.append(np.where(there > 0, total / np.maximum(there, 1), np.nan))
    return np.stack(rows)


def skill(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], *, seed: int = 0
) -> tuple[float, float, float]:
    """One less the ratio of mean errors over patients, with its 95 % interval.

    Parameters
    ----------
    ours, theirs : array of shape (n_patients,)
        Errors of each; a patient who has none of one is left out.
    seed : int
        Seed of the bootstrap over patients.

    Returns
    -------
    skill, low, high : float

    Examples
    --------
    >>> tuple(round(v, 2) for v in skill(np.array([1.0, 2.0]), np.array([2.0, 4.0])))
    (0.5, 0.5, 0.5)
    """
    there = ~np.isnan(ours) & ~np.isnan(theirs)
    ours, theirs = ours[there], theirs[there]
    draws = np.random.default_rng(seed).integers(0, len(ours), (RESAMPLES, len(ours)))
    ratios = 1 - ours[draws].sum(axis=1) / np.maximum(theirs[draws].sum(axis=1), 1e-12)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(1 - ours.sum() / theirs.sum()), float(low), float(high)


def naive_table(series: SensorSeries, leads: Sequence[int]) -> Table:
    """Measure the naive forecast: the last value, carried on."""
    return error_table(np.repeat(filled(series.values)[:, None], len(leads), axis=1), series, leads)
