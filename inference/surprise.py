"""How surprising a value is: against what was forecast of it, how long it stands still, or is gone.

All is element by element, so that the same code serves one step of many streams and whole
series, with the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SCORED_S = (10.0, 30.0, 60.0)
"""How long ago the forecasts were made that a value is held against, s."""
MOST = 30.0
"""Largest error of one forecast that counts, in widths."""
COMPONENTS = ("error", "still", "gone")
"""What is scored of each channel, in order."""
STILL_PRIOR = 1.0
"""Changes that a channel is taken to have made before it was heard."""

Floats = NDArray[np.float32]


def forecast_error(
    value: Floats, low: Floats, median: Floats, high: Floats, rest: np.float32
) -> Floats:
    """Measure how far a value is from its forecast, in widths of the forecast on that side.

    Parameters
    ----------
    value : array of any shape
        What came; NaN where missing.
    low, median, high : array of that shape
        Outer quantiles and median, own unit; NaN where there was no forecast.
    rest : float
        Half of the channel's resolution, own unit: so much a value may be off by rounding alone.

    Returns
    -------
    array of that shape, float32
        0 or more, at most ``MOST``; NaN where either is missing.

    Examples
    --------
    >>> f = np.float32
    >>> float(forecast_error(f(90), f(70), f(80), f(84), f(0.5)))
    2.111111...
    """
    away = value - median
    width = np.where(away > 0, high - median, median - low) + rest
    return np.asarray(
        np.minimum(np.maximum(np.abs(away) - rest, 0) / width, np.float32(MOST)), np.float32
    )


def joined(errors: Floats) -> Floats:
    """Average the errors of one value against several forecasts, those that there are.

    Parameters
    ----------
    errors : array of shape (n_ahead, ...)

    Returns
    -------
    array of shape (...)
        NaN where there is none.

    Examples
    --------
    >>> joined(np.array([[1.0, np.nan], [np.nan, np.nan], [4.0, np.nan]], np.float32)).tolist()
    [2.5, nan]
    """
    total = np.zeros(errors.shape[1:], np.float32)
    count = np.zeros(errors.shape[1:], np.float32)
    for each in errors:  # one by one: the order of a sum must not depend on the batch
        there = ~np.isnan(each)
        total += np.where(there, each, np.float32(0))
        count += there
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))


def stillness(unchanged: Floats, heard: Floats, changes: Floats) -> Floats:
    """How long a value has not changed, over how long values of this stream usually do not.

    Parameters
    ----------
    unchanged : array
        Steps heard since the last change.
    heard, changes : array of that shape
        Steps heard at all, and changes among them, before this run of equal values.

    Examples
    --------
    >>> float(stillness(np.float32(60), np.float32(119), np.float32(29)))
    10.0
    >>> round(float(stillness(np.float32(99), np.float32(0), np.float32(0))), 2)  # it never changes
    0.99
    """
    usual = (heard + unchanged + 1) / (changes + STILL_PRIOR)
    return np.asarray(unchanged / usual, np.float32)
