"""Values taken out of series, so that a forecaster learns to do without: holes, and sparse ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Holes:
    """How values are taken out; each series is learned from as it is, and in this many copies."""

    copies: int = 3
    """Copies of each series with values taken out, drawn anew."""
    sparse: float = 0.3
    """Share of channels that are sampled irregularly."""
    rarest: float = 0.1
    """Least share of values that an irregular channel keeps."""
    gaps: float = 2.0
    """Gaps of a channel, on average."""
    longest: int = 60
    """Longest gap, steps."""


def with_holes(
    values: NDArray[np.float32], holes: Holes, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Take values out of a series.

    Parameters
    ----------
    values : array of shape (n_steps, n_channels)
        NaN where missing.
    holes : Holes
        How.
    rng : numpy.random.Generator
        What draws.

    Returns
    -------
    array of that shape
        A copy.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bool(np.isnan(with_holes(np.ones((99, 1), np.float32), Holes(gaps=9.0), rng)).any())
    True
    """
    out = values.copy()
    n_steps, n_channels = out.shape
    for channel in range(n_channels):
        if rng.random() < holes.sparse:
            keep = rng.random(n_steps) < rng.uniform(holes.rarest, 1.0)
            out[~keep, channel] = np.nan
        for _ in range(rng.poisson(holes.gaps)):
            begin = int(rng.integers(n_steps))
            out[begin : begin + int(rng.integers(2, holes.longest + 1)), channel] = np.nan
    return out


def holes_of(told: Mapping[str, float]) -> Holes:
    """Read the table ``[enrichment]``: counts are whole numbers.

    Examples
    --------
    >>> holes_of({"copies": 1.0, "sparse": 0.5})
    Holes(copies=1, sparse=0.5, rarest=0.1, gaps=2.0, longest=60)
    """
    holes = Holes()
    for name, value in told.items():
        kind = type(getattr(holes, name))
        holes = replace(holes, **{name: kind(value)})
    return holes
