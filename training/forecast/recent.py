"""What a stream told lately: the last value, how long ago, level, spread, windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.surprise import gone_by_habit, spanned_by

Values = NDArray[np.float32]
"""Array of shape (n_steps, n_channels), own units."""


def filled(values: Values) -> Values:
    """Carry the last value on where one is missing; before the first, the first.

    Parameters
    ----------
    values : array of shape (n_steps, n_channels)

    Returns
    -------
    array of that shape
        0 throughout for a channel that has no value at all.

    Examples
    --------
    >>> filled(np.array([[np.nan], [1], [np.nan]], np.float32))[:, 0].tolist()
    [1.0, 1.0, 1.0]
    """
    out = np.zeros_like(values)
    steps = np.arange(len(values))
    for column, x in enumerate(values.T):
        there = ~np.isnan(x)
        if there.any():
            last = np.maximum.accumulate(np.where(there, steps, -1))
            out[:, column] = x[np.where(last >= 0, last, there.argmax())]
    return out


def gone(values: Values) -> Values:
    """Count steps since the last value, beyond habit: the rule on loss that all detectors share.

    Returns
    -------
    array of shape (n_steps, n_channels)
        0 before a channel's first value.
    """
    out = np.zeros(values.shape, np.float32)
    run, spanned, heard = (np.zeros(values.shape[1], np.float32) for _ in range(3))
    for step, now in enumerate(values):
        seen = ~np.isnan(now)
        spanned = spanned_by(spanned, run, seen)
        run = np.where(seen, 0, run + (heard > 0)).astype(np.float32)
        heard += seen
        out[step] = gone_by_habit(run, spanned, heard)
    return out


def usual(values: Values, steps: int = 120) -> tuple[Values, Values]:
    """Level and spread of each channel over the last steps, those of the step itself left out.

    Parameters
    ----------
    values : array of shape (n_steps, n_channels)
        Without holes.
    steps : int
        How many, at most.

    Returns
    -------
    level, spread : array of shape (n_steps, n_channels)
        Mean, and standard deviation of at least half a unit.
    """
    one = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    two = np.vstack(
        [np.zeros((1, values.shape[1])), np.cumsum(values.astype(np.float64) ** 2, axis=0)]
    )
    end = np.arange(len(values))
    begin = np.maximum(0, end - steps)
    n = np.maximum(end - begin, 1)[:, None]
    level = (one[end] - one[begin]) / n
    spread = np.sqrt(np.maximum((two[end] - two[begin]) / n - level**2, 0))
    level[0] = values[0]
    return level.astype(np.float32), np.maximum(spread, 0.5).astype(np.float32)


def windows(values: Values, steps: int) -> NDArray[np.float32]:
    """Windows that end at each step, over the stream's own level and spread.

    Parameters
    ----------
    values : array of shape (n_steps, n_channels)
        Without holes.
    steps : int
        Length.

    Returns
    -------
    array of shape (n_steps, n_channels, steps)
        Before the begin, the first value is taken.
    """
    level, spread = usual(values)
    padded = np.concatenate([np.repeat(values[:1], steps - 1, axis=0), values])
    cut = np.lib.stride_tricks.sliding_window_view(padded, steps, axis=0)
    at = np.maximum(np.arange(len(values)) - steps + 1, 0)
    return ((cut - level[at][:, :, None]) / spread[at][:, :, None]).astype(np.float32)
