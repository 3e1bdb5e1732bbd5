"""Partial pooling: figures of small groups, drawn towards what all groups have in common."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from fairness.cohort import Floats
from fairness.confidence import MINUS_ONE, PLUS_ONE, ZERO, Confidence
from fairness.measures import Scale
from fairness.result import Estimate

_SPREADS = 80
_GRID = 401


def pool(figures: list[Confidence], scale: Scale, level: float) -> list[Estimate]:
    """Draw each group's figure towards the mean of all, as far as it is uncertain.

    The normal hierarchical model on the metric's scale (Gelman et al., Bayesian Data Analysis,
    5.4): the spread between groups is not plugged in but averaged over, with a half-Cauchy prior
    as wide as the groups' median standard error, since a few groups tell little about it.

    Parameters
    ----------
    figures
        One a group; those without an interval take no part and stay as they are.
    scale
        Scale on which they are pooled.
    level
        Of the intervals.

    Examples
    --------
    >>> from fairness.confidence import Z
    >>> sure, unsure = Confidence(0.9, 0.9 + Z / 100), Confidence(0.5, 0.5 + Z / 5)
    >>> drawn = pool([sure, sure, unsure], "identity", 0.95)
    >>> bool(0.89 < drawn[0].value < 0.9), bool(0.6 < drawn[2].value < 0.9)
    (True, True)
    """
    low, middle, high = (
        np.array([_on_scale(one.quantiles[at], scale) for one in figures])
        for at in (MINUS_ONE, ZERO, PLUS_ONE)
    )
    error = (high - low) / 2
    known = np.isfinite(middle) & np.isfinite(error) & (error > 0)
    pooled = [one.estimate(level) for one in figures]
    if known.sum() < 2:
        return pooled
    for place, (value, ends) in zip(
        np.flatnonzero(known), _posterior(middle[known], error[known], level), strict=True
    ):
        back = [float(_from_scale(x, scale)) for x in (value, *ends)]
        pooled[place] = Estimate(*back)
    return pooled


def _posterior(mean: Floats, error: Floats, level: float) -> list[tuple[float, Floats]]:
    unit = float(np.median(error))
    widest = 10 * max(unit, float(np.std(mean)))
    between = np.linspace(0, 1, _SPREADS) ** 2 * widest + 1e-6 * unit
    total = error**2 + between[:, None] ** 2
    precision = (1 / total).sum(1)
    centre = (mean / total).sum(1) / precision
    log = -0.5 * (np.log(total) + (mean - centre[:, None]) ** 2 / total).sum(1)
    log += -0.5 * np.log(precision) - np.log1p((between / unit) ** 2)
    weights = np.exp(log - log.max()) * np.gradient(between)
    weights /= weights.sum()
    drawn = error**2 / total
    where = drawn * centre[:, None] + (1 - drawn) * mean
    spread = np.sqrt((1 - drawn) * error**2 + drawn**2 / precision[:, None])
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    out = []
    for group in range(len(mean)):
        reach = float(ndtri(tails[1])) + 2
        grid = np.linspace(
            (where[:, group] - reach * spread[:, group]).min(),
            (where[:, group] + reach * spread[:, group]).max(),
            _GRID,
        )
        below = weights @ ndtr((grid - where[:, group, None]) / spread[:, group, None])
        out.append((float(weights @ where[:, group]), np.interp(tails, below, grid)))
    return out


def _on_scale(value: float, scale: Scale) -> float:
    if scale == "identity" or np.isnan(value):
        return float(value)
    if scale == "log":
        return float(np.log(max(value, 1e-12)))
    return float(logit(np.clip(value, 1e-12, 1 - 1e-12)))


def _from_scale(value: float, scale: Scale) -> float:
    if scale == "identity":
        return value
    return float(np.exp(value)) if scale == "log" else float(expit(value))
