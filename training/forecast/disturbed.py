"""What really goes wrong in a series, by rules that no detector has a say in.

bidmc has no labels of it. Heart and pulse rate are of one heart by two sensors, so where they
part one of both is wrong; SpO2 that falls by four points is what sleep laboratories count as
desaturation; and what is missing, or zero, is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.forecast import WARM_UP_S
from training.forecast.series import SensorSeries

PART_BPM = 10.0
"""Heart and pulse rate that differ by so much are not of one heart."""
PART_S = 3
"""Seconds that they must."""
FALL = 4.0
"""Fall of SpO2 below its median of the last two minutes, points."""
FALL_S = 3
"""Seconds that it must."""
MEDIAN_S = 120
"""Seconds of that median."""
GONE_S = 5
"""Seconds without a value, or at zero, that count as lost."""
AFTER_S = 60
"""Seconds behind a disturbance that are neither: forecasts made in it are held against them."""
PRESENT = 0.5
"""Least share of values of a channel that the record has at all."""

Mask = NDArray[np.bool_]


def disturbed(series: SensorSeries) -> Mask:
    """Tell each second in which something is wrong, shape (n_steps,); of series at 1 Hz."""
    by_name = dict(zip(series.channels, series.values.T, strict=True))
    out = np.zeros(len(series.values), np.bool_)
    for values in by_name.values():
        lost = np.isnan(values)
        if lost.mean() <= 1 - PRESENT:
            out |= lasting(lost | (values == 0), GONE_S)
    if "HR" in by_name and "PULSE" in by_name:
        apart = np.abs(by_name["HR"] - by_name["PULSE"]) >= PART_BPM
        out |= lasting(apart, PART_S)
    if "SpO2" in by_name:
        out |= lasting(fallen(by_name["SpO2"]), FALL_S)
    return out


def fallen(spo2: NDArray[np.float32]) -> Mask:
    """Tell where SpO2 is four points below its median of the last two minutes."""
    out = np.zeros(len(spo2), np.bool_)
    for step in range(10, len(spo2)):
        before = spo2[max(0, step - MEDIAN_S) : step]
        before = before[~np.isnan(before)]
        out[step] = len(before) > 0 and spo2[step] <= np.median(before) - FALL
    return out


def lasting(mask: Mask, n: int) -> Mask:
    """Keep runs of at least ``n``.

    Examples
    --------
    >>> lasting(np.array([1, 0, 1, 1, 0], bool), 2).astype(int).tolist()
    [0, 0, 1, 1, 0]
    """
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    out = np.zeros(len(mask), np.bool_)
    for begin, end in edges.reshape(-1, 2):
        if end - begin >= n:
            out[begin:end] = True
    return out


def undisturbed(series: SensorSeries, marks: Sequence[tuple[int, int]] = ()) -> Mask:
    """Tell each second that counts as undisturbed: also not soon after, nor in the warm-up.

    Parameters
    ----------
    series : SensorSeries
        What was heard, before anything was planted.
    marks : sequence of (begin, end)
        Steps in which something was planted.
    """
    wrong = disturbed(series)
    for begin, end in marks:
        wrong[begin:end] = True
    after = np.convolve(wrong, np.ones(AFTER_S + 1))[: len(wrong)] > 0
    after[:WARM_UP_S] = True
    return ~after
