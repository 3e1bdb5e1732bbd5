"""Intervals: of shares, rates and other figures, over patients; Wilson's and the exact one.

The method for shares and rates was chosen by simulation; docs/adr/0014 tells why, and
docs/fairness-validation.md how often its intervals hold the truth.
"""

from __future__ import annotations

import numpy as np
from scipy.special import (
    betainc,
    betaincinv,
    expit,
    gammainc,
    gammaincc,
    logit,
    ndtr,
    ndtri,
)
from scipy.stats import t as student

from fairness.cohort import Floats
from fairness.confidence import Confidence, Z, nothing
from fairness.correlation import DISPERSION, ICC, dispersion_posterior, icc_posterior
from fairness.measures import Scale

TRUST = 30.0
"""Patients at which the sandwich variance is given half its say beside the model's."""
NEGLIGIBLE = 1e-9
"""Weight below which a part of a mixture is left out."""
_GRID = 161
_MIDDLE = _GRID // 2


def wilson(found: float, of: float, level: float) -> tuple[float, float]:
    """Give Wilson's score interval of a share of independent units.

    Wilson, Journal of the American Statistical Association 22:209 (1927).

    Examples
    --------
    >>> [round(end, 4) for end in wilson(9, 10, 0.95)]
    [0.5958, 0.9821]
    """
    ends = _wilson(found / of, of, np.array([-1.0, 1.0]) * ndtri((1 + level) / 2))
    return float(ends[0]), float(ends[1])


def exact(found: float, of: float, level: float) -> tuple[float, float]:
    """Give Clopper and Pearson's exact interval of a share of independent units.

    Clopper & Pearson, Biometrika 26:404 (1934). Counts need not be whole: an effective number of
    units may stand for ``of``, as Korn and Graubard use it (Survey Methodology 24:193, 1998).

    Examples
    --------
    >>> [round(end, 4) for end in exact(10, 10, 0.95)]
    [0.6915, 1.0]
    """
    tail, missed = (1 - level) / 2, of - found
    low = float(betaincinv(found, missed + 1, tail)) if found > 0 else 0.0
    high = float(betaincinv(found + 1, missed, 1 - tail)) if missed > 0 else 1.0
    return low, high


def _wilson(share: float, of: float, z: Floats) -> Floats:
    centre = (share + z**2 / (2 * of)) / (1 + z**2 / of)
    reach = z / (1 + z**2 / of) * np.sqrt(share * (1 - share) / of + (z / (2 * of)) ** 2)
    return np.asarray((centre + reach).clip(0.0, 1.0))


def jackknife(numerator: Floats, denominator: Floats) -> tuple[float, Floats]:
    """Leave each patient out of a ratio of sums in turn.

    Parameters
    ----------
    numerator, denominator
        Of each patient; shape (n_patients,).

    Returns
    -------
    variance
        Of the ratio, over patients; 0 where there is one patient.
    influence
        By how much each patient raises it; shape (n_patients,).
    """
    n, d = numerator.sum(), denominator.sum()
    rest = d - denominator
    if len(denominator) < 2 or not (rest > 0).all():
        return 0.0, np.zeros(len(denominator))
    influence = n / d - (n - numerator) / rest
    return variance_of(influence), influence


def variance_of(influence: Floats) -> float:
    """Give the jackknife variance of a figure from what leaving each patient out takes from it."""
    return float((len(influence) - 1) / len(influence) * (influence**2).sum())


def share_over_patients(found: Floats, of: Floats) -> Confidence:
    """Estimate a share of units, of patients whose units go together.

    A mixture of beta distributions: for each correlation within patients one with the effective
    number of units that this correlation leaves, weighted by how likely the counts make it. Where
    the sandwich variance is larger than the mixture's, the mixture is widened towards it, the more
    so the more patients there are. Wilson's interval where no patient has more than one unit.

    Parameters
    ----------
    found, of
        Units found, of how many, by patient; shape (n_patients,). Not above each other.

    Returns
    -------
    Confidence
        In the ratio of their sums; ``nan`` where there are no units.

    Examples
    --------
    >>> interval = share_over_patients(np.full(12, 50.0), np.full(12, 50.0)).estimate(0.95)
    >>> interval.high, bool(0.7 < interval.low < 0.99)
    (1.0, True)
    """
    counted = of > 0
    found, of = found[counted], of[counted]
    if not len(of):
        return nothing()
    total, share = float(of.sum()), float(found.sum() / of.sum())
    if of.max() <= 1:
        return Confidence(share, _wilson(share, total, Z))
    variance, _ = jackknife(found, of)
    weights = icc_posterior(found, of, np.array(variance))
    effective = effective_units(of)
    edge = share in (0.0, 1.0)
    widening = 1.0 if edge else _widening(variance / (share * (1 - share)), weights, effective, of)
    return Confidence(share, beta_mixture(share, effective / widening, weights))


def effective_units(of: Floats) -> Floats:
    """Give the independent units that correlated ones are worth, for each of :data:`ICC`."""
    total = of.sum()
    return np.asarray(total**2 / (total * (1 - ICC) + (of**2).sum() * ICC))


def _widening(variance: float, weights: Floats, worth: Floats, of: Floats) -> float:
    trust = len(of) / (len(of) + TRUST)
    excess = variance / float(weights @ (1 / worth))
    return float(np.maximum(1.0, excess) ** trust)


def beta_mixture(share: float, units: Floats, weights: Floats) -> Floats:
    """Give quantiles, at the scores :data:`fairness.confidence.Z`, of a mixture of posteriors.

    Parameters
    ----------
    share
        Share found.
    units
        Effective units of each part; shape (n_parts,).
    weights
        Of each part, with sum 1; shape (n_parts,).
    """
    middle = float(weights @ units)
    centre = (share * middle + 0.5) / (middle + 1)
    grid = _spread(float(logit(centre)), 1 / np.sqrt(units.max() * centre * (1 - centre) + 1))
    likely = weights > NEGLIGIBLE
    units, weights = units[likely], weights[likely]
    one, other = share * units + 0.5, (1 - share) * units + 0.5
    below = betainc(one, other, expit(grid[:_MIDDLE])[:, None]) @ weights
    above = betainc(other, one, expit(-grid[_MIDDLE:])[:, None]) @ weights
    return np.asarray(expit(_inverted(grid, below, above)))


def rate_over_patients(events: Floats, hours: Floats) -> Confidence:
    """Estimate a rate per hour, of patients who differ in theirs.

    As :func:`share_over_patients`, with gamma distributions and a gamma-Poisson model.

    Parameters
    ----------
    events, hours
        Events and exposure, h, by patient; shape (n_patients,).

    Examples
    --------
    >>> none = rate_over_patients(np.zeros(30), np.full(30, 24.0)).estimate(0.95)
    >>> none.low, bool(0 < none.high < 0.05)
    (0.0, True)
    """
    counted = hours > 0
    events, hours = events[counted], hours[counted]
    if not len(hours):
        return nothing()
    total, rate = float(hours.sum()), float(events.sum() / hours.sum())
    variance, _ = jackknife(events, hours)
    weights = dispersion_posterior(events, hours, np.array(variance))
    guess = (events.sum() + 0.5) / total
    worth = 1 / (1 / total + guess * DISPERSION * (hours**2).sum() / total**2)
    widening = 1.0 if rate == 0 else _widening(variance / rate, weights, worth, hours)
    shape, exposure = rate * worth / widening + 0.5, worth / widening
    grid = _spread(float(np.log(guess)), 1 / np.sqrt(shape.max() + 1))
    at = np.exp(grid)[:, None] * exposure
    below = gammainc(shape, at[:_MIDDLE]) @ weights
    above = gammaincc(shape, at[_MIDDLE:]) @ weights
    return Confidence(rate, np.exp(_inverted(grid, below, above)))


def from_influence(
    value: float,
    influence: Floats,
    scale: Scale,
    variance: float | None = None,
    centre: float | None = None,
) -> Confidence:
    """Estimate any figure from what each patient does to it, by Student's t.

    Degrees of freedom are those of the patients' influences as they are, so that few patients who
    carry most of the variance, or skewed ones, widen the interval.

    Parameters
    ----------
    value
        Point estimate.
    influence
        Value less the value without each patient; shape (n_patients,).
    scale
        Scale on which the interval is symmetrical.
    variance
        Of the value, if another than the jackknife's.
    centre
        What the interval is laid about, if not the value; then the influences are its own.

    Returns
    -------
    Confidence
        ``nan`` where fewer than two patients vary, or the value lies on the edge of its scale.
    """
    spread = variance_of(influence) if variance is None and len(influence) > 1 else variance
    middle = value if centre is None else centre
    edge = {"logit": middle in (0.0, 1.0), "log": middle <= 0, "identity": False}[scale]
    if spread is None or not np.isfinite(spread) or spread <= 0 or edge:
        return nothing(value)
    squares = influence**2
    telling = squares.sum() ** 2 / (squares**2).sum()
    freedom = float(np.clip(2 * telling - 1, 1, len(influence) - 1))
    steps = -student.ppf(ndtr(-np.abs(Z)), freedom) * np.sign(Z) * np.sqrt(spread)
    if scale == "logit":
        return Confidence(value, expit(logit(middle) + steps / (middle * (1 - middle))))
    if scale == "log":
        with np.errstate(over="ignore"):
            return Confidence(value, middle * np.exp(steps / middle))
    return Confidence(value, middle + steps)


def all_or_none(value: float, patients: float) -> Confidence:
    """Estimate a share that was 0 or 1 in all of a number of independent patients.

    Examples
    --------
    >>> round(all_or_none(1.0, 20).estimate(0.95).low, 3)
    0.883
    """
    return Confidence(value, beta_mixture(value, np.array([patients]), np.ones(1)))


def _spread(centre: float, step: float) -> Floats:
    reach = np.arcsinh(60 / step)
    return np.asarray(centre + step * np.sinh(np.linspace(-reach, reach, _GRID)))


def _inverted(grid: Floats, below: Floats, above: Floats) -> Floats:
    """Read quantiles out of the tails of a distribution: each is exact where it is small."""
    with np.errstate(divide="ignore"):
        score = np.concatenate([ndtri(below), -ndtri(above)]).clip(-30, 30)
    return np.asarray(np.interp(Z, np.maximum.accumulate(score), grid))
