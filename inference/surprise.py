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

OUTAGE_STEPS = 30.0
"""A gap counts to a channel's habit by no more than so many steps: a longer one is an outage."""
PATIENCE = 8.0
"""Usual gaps that a channel which comes seldom may stay away: where values come by chance, one gap
in three thousand is longer."""
REGULAR_PRIOR = 30.0
"""Steps for which a channel is taken to have come at each step before it was heard."""

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


def gone_by_habit(gone: Floats, spanned: Floats, heard: Floats) -> Floats:
    """How long a value is gone, beyond what this channel's habit explains.

    A channel that comes at nearly each step is gone for as long as it is. One that comes each
    second step or more seldom is not gone before ``PATIENCE`` times its usual gap.

    Parameters
    ----------
    gone : array
        Steps since the last value.
    spanned, heard : array of that shape
        Steps that the values heard so far span, each gap cut at ``OUTAGE_STEPS``; and how many.

    Examples
    --------
    >>> f = np.float32
    >>> float(gone_by_habit(f(12), f(300), f(280)))  # nearly each step
    12.0
    >>> float(gone_by_habit(f(12), f(300), f(75))), float(gone_by_habit(f(40), f(300), f(75)))
    (0.0, 16.0)
    """
    prior = np.float32(REGULAR_PRIOR)
    usual = np.floor((spanned + prior) / (heard + prior))
    slack = np.where(usual >= 2, np.float32(PATIENCE) * usual, np.float32(0))
    return np.asarray(np.maximum(gone - slack, 0), np.float32)


def spanned_by(spanned: Floats, gone: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Add the gap before a value, and its own step, to what values span.

    Parameters
    ----------
    spanned, gone : array
        As they were at the step before; a gap counts once a channel was heard.
    seen : array of bool, of that shape
        There is a value now.

    Examples
    --------
    >>> spanned_by(np.float32([5, 5]), np.float32([2, 90]), np.array([True, True])).tolist()
    [8.0, 36.0]
    """
    step = np.minimum(gone, np.float32(OUTAGE_STEPS)) + np.float32(1)
    return np.asarray(spanned + np.where(seen, step, np.float32(0)), np.float32)
