"""How alike a patient's units are: what a handful of patients can and cannot tell about it.

Units of one patient are found or missed together. How strongly is itself uncertain, most of all
where nearly everything was found: then few patients show it, and an estimate plugged in as if it
were known gives intervals that are far too short. So its whole posterior is kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaln, logit
from scipy.stats import beta

from fairness.cohort import Floats

ICC: Floats = np.concatenate(
    [[0.0], np.geomspace(1e-4, 0.05, 8), [0.08, 0.13, 0.2, 0.3, 0.4, 0.52, 0.65, 0.8, 0.93]]
)
"""Correlations within a patient that are weighed against each other."""
_INDEPENDENT = 0.2
"""Prior probability that there is none."""
_SHAPE = (0.5, 1.0)
"""Of the beta prior of a correlation that is not 0: it leans towards little, excludes nothing."""
_STEPS = 11
"""Values of the share, about its estimate, over which the correlation's posterior is averaged."""


def _prior() -> Floats:
    inner = ICC[1:]
    edges = np.concatenate([[0.0], (inner[1:] + inner[:-1]) / 2, [1.0]])
    weights = (1 - _INDEPENDENT) * np.diff(beta.cdf(edges, *_SHAPE))
    return np.concatenate([[_INDEPENDENT], weights])


_PRIOR = _prior()


def icc_posterior(found: Floats, of: Floats, variance: Floats) -> Floats:
    """Weigh correlations within patients by a beta-binomial model of their counts.

    Parameters
    ----------
    found, of
        Units found, of how many; shape (..., n_patients). Patients without units add nothing.
    variance
        Of the ratio of their sums, over patients (a sandwich or a jackknife); shape (...). It only
        says where to look for the share.

    Returns
    -------
    Floats
        Posterior weights of :data:`ICC`; shape (..., len(ICC)).

    Examples
    --------
    >>> alike = icc_posterior(np.array([0., 10, 10, 0]), np.full(4, 10.), np.array(0.08))
    >>> mixed = icc_posterior(np.array([5., 5, 6, 4]), np.full(4, 10.), np.array(0.002))
    >>> bool(alike @ ICC > 0.5), bool(mixed @ ICC < 0.1)
    (True, True)
    """
    shares = _shares_to_try(found, of, variance)
    weights = np.log(_PRIOR) + 0.5 * np.log(shares * (1 - shares))[..., None]
    missed = of - found
    for column, icc in enumerate(ICC):
        weights[..., column] += _log_likelihood(found, missed, shares, float(icc))
    weights -= weights.max(axis=(-2, -1), keepdims=True)
    summed = np.exp(weights).sum(axis=-2)
    return np.asarray(summed / summed.sum(axis=-1, keepdims=True))


def _shares_to_try(found: Floats, of: Floats, variance: Floats) -> Floats:
    """Span the shares that are likely if units are independent, and if patients are all alike."""
    total, hits = of.sum(-1), found.sum(-1)
    patients = total**2 / (of**2).sum(-1)
    share = (hits / total * patients + 0.5) / (patients + 1)
    ends = np.stack([logit(share), logit((hits + 0.5) / (total + 1))])
    telling = np.minimum((found > 0).sum(-1), (of - found > 0).sum(-1))
    reach = 3 * np.sqrt(variance) / (share * (1 - share)) + 1.5 / np.sqrt(telling + 0.5)
    low, high = ends.min(0) - reach, ends.max(0) + reach
    steps = low[..., None] + (high - low)[..., None] * np.linspace(0, 1, _STEPS)
    return np.asarray(expit(steps)).clip(1e-12, 1 - 1e-12)


def _log_likelihood(found: Floats, missed: Floats, shares: Floats, icc: float) -> Floats:
    if icc == 0:
        return np.asarray(
            found.sum(-1)[..., None] * np.log(shares)
            + missed.sum(-1)[..., None] * np.log1p(-shares)
        )
    spread = (1 - icc) / icc
    constant = -(gammaln(found + missed + spread) - gammaln(spread)).sum(-1)
    out = np.empty(shares.shape)
    for step in range(shares.shape[-1]):
        yes, no = shares[..., step] * spread, (1 - shares[..., step]) * spread
        out[..., step] = (
            gammaln(found + yes[..., None])
            - gammaln(yes)[..., None]
            + gammaln(missed + no[..., None])
            - gammaln(no)[..., None]
        ).sum(-1)
    return np.asarray(out + constant[..., None])


DISPERSION: Floats = np.array(
    [0, 0.01, 0.03, 0.08, 0.15, 0.3, 0.5, 0.8, 1.2, 1.8, 2.7, 4, 6, 9, 14, 22, 35, 60, 120.0]
)
"""Variances of patients' own rates, relative to their mean squared, weighed likewise."""
_UNEVEN = (2.0, 0.3)
"""Of the beta prior of φ ÷ (1 + φ): alarms pile up in few patients, so it leans towards much."""


def _dispersion_prior() -> Floats:
    inner = DISPERSION[1:] / (1 + DISPERSION[1:])
    edges = np.concatenate([[0.0], (inner[1:] + inner[:-1]) / 2, [1.0]])
    weights = (1 - _INDEPENDENT) * np.diff(beta.cdf(edges, *_UNEVEN))
    return np.concatenate([[_INDEPENDENT], weights])


_DISPERSION_PRIOR = _dispersion_prior()


def dispersion_posterior(events: Floats, hours: Floats, variance: Floats) -> Floats:
    """Weigh dispersions of patients' rates by a gamma-Poisson model of their counts.

    Parameters
    ----------
    events, hours
        Events and exposure, h; shape (..., n_patients).
    variance
        Of the ratio of their sums, over patients; shape (...).

    Returns
    -------
    Floats
        Posterior weights of :data:`DISPERSION`; shape (..., len(DISPERSION)).

    Examples
    --------
    >>> uneven = dispersion_posterior(np.array([0., 0, 0, 40]), np.full(4, 1.), np.array(75.))
    >>> bool(uneven @ DISPERSION > 1)
    True
    """
    total = hours.sum(-1)
    rate = (events.sum(-1) + 0.5) / total
    reach = 3 * np.sqrt(variance) / rate + 1.5 / np.sqrt((events > 0).sum(-1) + 0.5)
    rates = rate[..., None] * np.exp(reach[..., None] * np.linspace(-1, 1, _STEPS))
    weights = np.zeros((*rates.shape, len(DISPERSION))) + np.log(_DISPERSION_PRIOR)
    counted: npt.NDArray[np.bool_] = hours > 0
    for step in range(_STEPS):
        mean = np.where(counted, rates[..., step, None] * hours, 1.0)
        for column, dispersion in enumerate(DISPERSION):
            weights[..., step, column] += _log_gamma_poisson(events, mean, float(dispersion)).sum(
                -1, where=counted
            )
    weights -= weights.max(axis=(-2, -1), keepdims=True)
    summed = np.exp(weights).sum(axis=-2)
    return np.asarray(summed / summed.sum(axis=-1, keepdims=True))


def _log_gamma_poisson(events: Floats, mean: Floats, dispersion: float) -> Floats:
    if dispersion == 0:
        return np.asarray(events * np.log(mean) - mean)
    shape = 1 / dispersion
    return np.asarray(
        gammaln(events + shape)
        - gammaln(shape)
        - shape * np.log1p(mean / shape)
        + events * np.log(mean / (mean + shape))
    )
