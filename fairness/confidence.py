"""Confidence in a figure at every level at once, and that of differences and ratios of two.

An interval is usually made at one level. Here each estimate carries its confidence distribution:
the ends of its intervals at all levels, as quantiles at fixed normal scores. Intervals, one-sided
tests and equivalence tests are then look-ups in the same curve and cannot contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from fairness.cohort import Floats
from fairness.result import Estimate

Z: Floats = np.linspace(-8.0, 8.0, 321)
"""Normal scores at which quantiles are kept."""
MINUS_ONE, ZERO, PLUS_ONE = 140, 160, 180
"""Places of the scores −1, 0 and 1 among them."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """A point estimate and the ends of its intervals at all levels."""

    value: float
    """Point estimate."""
    quantiles: Floats
    """Where the true value lies below with confidence Φ(:data:`Z`); shape (321,), ascending; all
    ``nan`` where nothing can be said."""

    def estimate(self, level: float) -> Estimate:
        """Give the two-sided interval that has a level of confidence, such as 0.95.

        The point estimate is always in it: at the edge (all found) a quantile may not reach it.
        """
        z = float(ndtri((1 + level) / 2))
        low, high = (float(np.interp(at, Z, self.quantiles)) for at in (-z, z))
        if np.isnan(self.value) or np.isnan(low):
            return Estimate(self.value, float("nan"), float("nan"))
        return Estimate(self.value, min(low, self.value), max(high, self.value))

    def below(self, limit: float) -> float:
        """Give the confidence that the true value is at most ``limit``, 0 to 1.

        That is the p-value of the hypothesis that it is at most ``limit``, against more.
        """
        if np.isnan(self.quantiles).any():
            return float("nan")
        return float(ndtr(np.interp(limit, self.quantiles, Z)))

    def above(self, limit: float) -> float:
        """Give the confidence that the true value is at least ``limit``, 0 to 1."""
        if np.isnan(self.quantiles).any():
            return float("nan")
        return float(ndtr(-np.interp(limit, self.quantiles, Z)))


def nothing(value: float = float("nan")) -> Confidence:
    """Give the confidence in what cannot be estimated."""
    return Confidence(value, np.full(len(Z), np.nan))


def difference(one: Confidence, other: Confidence) -> Confidence:
    """Give the confidence in ``one`` less ``other``, of different patients.

    By the method of variance estimates recovery, which keeps the skewness of each: Zou & Donner,
    Statistics in Medicine 27:1693 (2008); Newcombe's interval of a difference is a case of it.

    Examples
    --------
    >>> exact = Confidence(1.0, 1.0 + Z)
    >>> apart = difference(Confidence(3.0, 3.0 + Z), exact).estimate(0.95)
    >>> [round(float(x), 2) for x in (apart.value, apart.low, apart.high)]
    [2.0, -0.77, 4.77]
    """
    value = one.value - other.value
    down_one, up_one = _reach(one)
    down_other, up_other = _reach(other)
    low = value - np.hypot(down_one, up_other)
    high = value + np.hypot(up_one, down_other)
    return Confidence(value, np.concatenate([low[:0:-1], [value], high[1:]]))


def ratio(one: Confidence, other: Confidence, level: float) -> Estimate:
    """Give ``one`` over ``other``, both at least 0 and of different patients, with its interval.

    Donner & Zou, Statistical Methods in Medical Research 21:347 (2012), equation 9. The upper end
    is ``inf`` where ``other`` may be 0.

    Examples
    --------
    >>> half = Confidence(0.5, 0.5 + Z / 100)
    >>> [round(x, 3) for x in (lambda e: (e.value, e.low, e.high))(ratio(half, half, 0.95))]
    [1.0, 0.946, 1.057]
    >>> ratio(Confidence(0.0, np.maximum(Z, 0)), half, 0.95).low
    0.0
    """
    first, second = one.estimate(level), other.estimate(level)
    ends = (first.value, first.low, first.high, second.value, second.low, second.high)
    if any(np.isnan(end) for end in ends) or second.value <= 0 or min(ends) < 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    product = first.value * second.value
    down = first.low * (2 * first.value - first.low)
    up = first.high * (2 * first.value - first.high)
    thin = second.low * (2 * second.value - second.low)
    thick = second.high * (2 * second.value - second.high)
    beneath = product + np.sqrt(max(product**2 - down * thick, 0.0))
    low = down / beneath if beneath > 0 else 0.0  # where nothing was counted in the first
    root = np.sqrt(max(product**2 - up * thin, 0.0))
    high = float((product + root) / thin) if thin > 0 else float("inf")
    value = first.value / second.value
    return Estimate(value, float(np.clip(low, 0.0, value)), max(high, value))


def _reach(one: Confidence) -> tuple[Floats, Floats]:
    """Give how far intervals reach below and above the estimate, by level from 0 upwards."""
    low = np.minimum(one.quantiles[ZERO::-1], one.value)
    high = np.maximum(one.quantiles[ZERO:], one.value)
    return one.value - low, high - one.value
