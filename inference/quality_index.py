"""The quality index: how much two seconds of a lead look like an ECG that beats can be read from.

Four features of the waveform, ratios of amplitudes but for ``size``; each is
brought between 0 and 1 and weighed. The weights are fitted offline (``python -m
training.signal_quality``) on seconds that people marked as noisy or not, and
stand with where they come from in ``quality_index.json``. 0.5 lies where marked
noise and its absence are as likely, each counted as often; VT, VF and asystole
count as readable.

Beats are not believed where the index is low and the signal moves enough to hide
or feign a QRS, so that silence stays readable; nor where it is rough throughout,
as muscles make it.

Only adding, comparing, dividing and roots, one element at a time: the same bits
on any machine, for any batch and any cut.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SPAN_TICKS = 10
"""Ticks looked back on: 2 s hold a QRS down to 30 bpm."""
ROUGH_TICKS = 5
"""Ticks among which the quietest tells the noise: one of them lies between QRS complexes."""
FEATURES = ("quiet", "sharp", "wander", "size")
"""``quiet``: least roughness of a second, over the largest excursion of two. ``sharp``: greatest
roughness over the amplitude scale, which a QRS has and drift has not. ``wander``: how far the
level of 200 ms moves, over the scale. ``size``: the scale itself, uV."""
MOVES = np.float32(0.3)
"""Largest excursion over the scale from which a signal can hide or feign a QRS."""
ROUGH = np.float32(0.06)
"""Least roughness over the scale from which beats are not believed: muscle noise of a quarter of
the QRS lies above."""


_HALF, _ONE = np.float32(0.5), np.float32(1)


class Measures(NamedTuple):
    """What is measured of some ticks, arrays of one shape but for an axis of features."""

    features: NDArray[np.float32]
    """Along the first axis, in the order of :data:`FEATURES`."""
    rough: NDArray[np.float32]
    """Least roughness of a second, over the scale."""
    moves: NDArray[np.float32]
    """Largest excursion of two seconds, over the scale."""


@dataclass
class QualityModel:
    """Weights of the features."""

    halves: tuple[float, ...]
    """Value at which each feature counts half."""
    weights: tuple[float, ...]
    """Weight of each, for noise."""
    bias: float
    """Added to them."""
    noisy_below: float
    """Index below which beats are not believed where the signal moves."""

    def index(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weigh features.

        Parameters
        ----------
        features : array of shape (n_features, ...)
            In the order of :data:`FEATURES`, none of them negative.

        Returns
        -------
        array of shape (...)
            From 0, noise, to 1.

        Examples
        --------
        >>> model = QualityModel((1.0,), (2.0,), -1.0, 0.3)
        >>> [round(float(x), 3) for x in model.index(np.float32([[0.0, 1.0, 99.0]]))]
        [0.724, 0.5, 0.28]
        """
        column = (-1, *[1] * (features.ndim - 1))
        parts = features / (features + np.array(self.halves, np.float32).reshape(column))
        parts *= np.array(self.weights, np.float32).reshape(column)
        noise: NDArray[np.float32] = parts[0] + np.float32(self.bias)
        for part in parts[1:]:  # one by one: a sum's order would depend on the shape
            noise += part
        noise *= _HALF  # the slope of a logistic curve at 0
        noise /= np.sqrt(noise * noise + _ONE)
        noise *= _HALF
        index: NDArray[np.float32] = _HALF - noise
        return index

    def noisy(self, found: Measures, index: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell where beats are not believed, an array of the shape of the measures."""
        low = (index < np.float32(self.noisy_below)) & (found.moves >= MOVES)
        noisy: NDArray[np.bool_] = low | (found.rough > ROUGH)
        return noisy


@cache
def shipped() -> QualityModel:
    """Read the weights that ship."""
    told = json.loads(files("inference").joinpath("quality_index.json").read_text("utf-8"))
    named = [told["features"][name] for name in FEATURES]
    return QualityModel(
        tuple(float(each["half"]) for each in named),
        tuple(float(each["weight"]) for each in named),
        float(told["bias"]),
        float(told["noisy_below"]),
    )


def measure(
    largest_uv: NDArray[np.float32],
    roughs_uv: NDArray[np.float32],
    levels_uv: NDArray[np.float32],
    scales_uv: NDArray[np.float32],
) -> Measures:
    """Measure ticks.

    Parameters
    ----------
    largest_uv : array of shape (n_rows, n_ticks), uV
        Largest peak-to-peak excursion of a tick and of those before.
    roughs_uv, levels_uv : arrays of shape (n_rows, SPAN_TICKS - 1 + n_ticks), uV
        Mean bend and mean level of each tick, and of those before.
    scales_uv : array of shape (n_rows, n_ticks), uV
        Amplitude scale.

    Returns
    -------
    Measures
        Arrays of shape (n_rows, n_ticks).

    Examples
    --------
    >>> still = np.zeros((1, 10), np.float32)
    >>> measure(still[:, :1], still, still, np.float32([[500]])).features[-1].tolist()
    [[500.0]]
    """
    quietest = over_window(np.minimum, roughs_uv[:, SPAN_TICKS - ROUGH_TICKS :], ROUGH_TICKS)
    roughest = over_window(np.maximum, roughs_uv, SPAN_TICKS)
    moved = over_window(np.maximum, levels_uv, SPAN_TICKS)
    moved = moved - over_window(np.minimum, levels_uv, SPAN_TICKS)
    features = np.stack([quietest, roughest, moved, scales_uv])
    features[0] /= largest_uv + _ONE
    features[1:3] /= scales_uv
    return Measures(features, quietest / scales_uv, largest_uv / scales_uv)


def over_window(which: np.ufunc, values: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Take the largest or smallest of every so many values in a row, in few passes.

    Examples
    --------
    >>> over_window(np.maximum, np.float32([[1, 5, 2, 3, 4]]), 3).tolist()
    [[5.0, 5.0, 4.0]]
    """
    if values.shape[1] == length:
        return np.asarray(which.reduce(values, axis=1, keepdims=True))
    reach = 1
    while 2 * reach <= length:
        values = which(values[:, :-reach], values[:, reach:])
        reach *= 2
    rest = length - reach
    return which(values[:, :-rest], values[:, rest:]) if rest else values
