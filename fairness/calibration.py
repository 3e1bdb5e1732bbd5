"""How far scores can be taken as probabilities: ECE, intercept and slope, and curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from fairness.cohort import Codes, Floats, Units
from fairness.intervals import share_over_patients
from fairness.result import CalibrationBin

BINS = 10
"""Bins of equal width, 0 to 1, as the expected calibration error is usually given."""
_CLIP = 1e-6
"""Scores of 0 and 1 have no log-odds; they are moved by this much."""
_STEPS = 50
_COARSE = 4096
_CLOSE = 1e-10
_SINGULAR = 1e14
_STEEPEST = 50.0
"""Slope beyond which scores are taken to separate the classes: then there is none."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Each patient's units by score; all of shape (n_patients, :data:`BINS`)."""

    units: Floats
    """Units."""
    score: Floats
    """Sum of their scores."""
    positives: Floats
    """Units that have the condition."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A logistic regression of truth on the log-odds of scores."""

    intercept: float
    """Log-odds of the condition where those of the score are 0."""
    slope: float
    """By how much they rise with those of the score."""
    inverse: Floats
    """Inverse of the information; shape (2, 2)."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """What a logistic regression needs of units; all of shape (n_units,)."""

    patient: Codes
    """Patient of each."""
    truth: Floats
    """0 or 1."""
    log_odds: Floats
    """Of the scores."""


def logistic(units: Units) -> Logistic:
    """Make a condition's scores log-odds.

    Raises
    ------
    ValueError
        If the condition has no scores.
    """
    if units.score is None:
        raise ValueError(f"condition {units.condition} has no scores")
    log_odds = logit(units.score.clip(_CLIP, 1 - _CLIP))
    return Logistic(units.patient, units.truth.astype(float), log_odds)


def bin_scores(units: Units, n_patients: int) -> Bins:
    """Count units by patient and bin of score.

    Raises
    ------
    ValueError
        If the condition has no scores.
    """
    if units.score is None:
        raise ValueError(f"condition {units.condition} has no scores")
    place = np.minimum((units.score * BINS).astype(np.int64), BINS - 1)
    cell = units.patient.astype(np.int64) * BINS + place

    def summed(weights: Floats | None) -> Floats:
        flat = np.bincount(cell, weights, minlength=n_patients * BINS)
        return flat.astype(float).reshape(n_patients, BINS)

    return Bins(summed(None), summed(units.score), summed(units.truth.astype(float)))


def ece(bins: Bins, members: npt.NDArray[np.bool_]) -> tuple[float, float, Floats]:
    """Give the expected calibration error of some patients, and what each does to it.

    Parameters
    ----------
    bins
        Of all patients.
    members
        Who is counted; shape (n_patients,).

    Returns
    -------
    error
        Mean over units of the distance between a bin's mean score and its share of positives.
    corrected
        The same with each bin's distance less what chance gives it: the plain one grows as
        patients get fewer, so that small groups would look badly calibrated.
    influence
        Exact: the error less that without the patient; of the members, shape (n_members,).
    """
    units = bins.units[members]
    gap = bins.score[members] - bins.positives[members]
    total, apart = units.sum(), gap.sum(0)
    if total == 0:
        return float("nan"), float("nan"), np.full(len(units), np.nan)
    error = np.abs(apart).sum() / total
    left = total - units.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.where(left > 0, np.abs(apart - gap).sum(1) / left, np.nan)
        per_unit = np.where(units.sum(0) > 0, apart / units.sum(0), 0.0)
    spread = ((gap - per_unit * units) ** 2).sum(0)
    corrected = np.sqrt(np.maximum(apart**2 - spread, 0.0)).sum() / total
    return float(error), float(corrected), error - without


def recalibrate(truth: Floats, log_odds: Floats, *, slope: bool) -> Fit | None:
    """Fit truth to scores by logistic regression, as calibration is judged.

    Cox, Biometrika 45:562 (1958); Van Calster et al., BMC Medicine 17:230 (2019).

    Parameters
    ----------
    truth
        0 or 1; shape (n_units,).
    log_odds
        Of the scores; shape (n_units,).
    slope
        Fit intercept and slope; else the intercept alone, with the slope held at 1.

    Returns
    -------
    Fit or None
        None where there is no such fit, as where scores separate the classes.

    Examples
    --------
    >>> fit = recalibrate(np.array([1., 1, 1, 0]), np.zeros(4), slope=False)
    >>> round(float(expit(fit.intercept)), 6), fit.slope
    (0.75, 1.0)
    """
    if truth.min() == truth.max() or (slope and np.ptp(log_odds) == 0):
        return None
    start = Fit(0.0, 1.0, np.zeros((2, 2)))
    if len(truth) > 4 * _COARSE:
        # Newton's steps on a coarse table are cheap; those on all units then need to be few.
        low, wide = float(log_odds.min()), float(np.ptp(log_odds)) or 1.0
        cell = ((log_odds - low) * ((_COARSE - 1) / wide)).astype(np.int32)
        units = np.bincount(cell, minlength=_COARSE)
        filled = units > 0
        place, positives = (
            np.bincount(cell, of, minlength=_COARSE)[filled] / units[filled]
            for of in (log_odds, truth)
        )
        coarse = _newton(positives, place, units[filled].astype(float), start, slope)
        if coarse is None:
            return None
        start = coarse
    return _newton(truth, log_odds, None, start, slope)


def _newton(
    truth: Floats, log_odds: Floats, units: Floats | None, start: Fit, slope: bool
) -> Fit | None:
    intercept, steepness = start.intercept, start.slope
    for _ in range(_STEPS):
        chance = expit(intercept + steepness * log_odds)
        weight, residual = chance * (1 - chance), truth - chance
        if units is not None:
            weight, residual = weight * units, residual * units
        weighted = weight * log_odds
        information = np.array(
            [[weight.sum(), weighted.sum()], [weighted.sum(), weighted @ log_odds]]
        )
        if not slope:
            information = np.diag([information[0, 0], 1.0])
        gradient = np.array([residual.sum(), residual @ log_odds if slope else 0.0])
        if np.linalg.cond(information) > _SINGULAR:
            return None
        inverse = np.linalg.inv(information)
        step = np.clip(inverse @ gradient, -2.0, 2.0)
        intercept, steepness = float(intercept + step[0]), float(steepness + step[1])
        if max(abs(intercept), abs(steepness)) > _STEEPEST:
            return None
        if np.abs(step).max() < _CLOSE:
            return Fit(intercept, steepness, inverse)
    return None


def calibration(
    units: Logistic, members: npt.NDArray[np.bool_], *, slope: bool
) -> tuple[float, Floats]:
    """Give the calibration intercept, or slope, of some patients, and what each does to it.

    Parameters
    ----------
    units
        Of one condition.
    members
        Who is counted; shape (n_patients,).
    slope
        Whether the slope is asked for; else the intercept with the slope held at 1, calibration
        in the large.

    Returns
    -------
    value
        ``nan`` where there is no fit.
    influence
        First order, by leaving out: times P ÷ (P − 1), so that its variance is the sandwich's over
        patients; shape (n_patients,).
    """
    kept = members[units.patient]
    truth, log_odds = units.truth[kept], units.log_odds[kept]
    fit = recalibrate(truth, log_odds, slope=slope) if len(truth) else None
    if fit is None:
        return float("nan"), np.full(len(members), np.nan)
    patient = units.patient[kept]
    residual = truth - expit(fit.intercept + fit.slope * log_odds)
    pull = [np.bincount(patient, of, len(members)) for of in (residual, residual * log_odds)]
    influence = (fit.inverse @ np.stack(pull))[1 if slope else 0]
    present = int((np.bincount(patient) > 0).sum())
    value = fit.slope if slope else fit.intercept
    return value, np.asarray(influence * (present / max(present - 1, 1)))


def curve(bins: Bins, members: npt.NDArray[np.bool_], level: float) -> tuple[CalibrationBin, ...]:
    """Give the calibration curve of some patients: bins that have units, by ascending score."""
    drawn = []
    for place in range(BINS):
        units = bins.units[members, place]
        total = units.sum()
        if total:
            observed = share_over_patients(bins.positives[members, place], units).estimate(level)
            score = float(bins.score[members, place].sum() / total)
            drawn.append(CalibrationBin(score, observed, int(total)))
    return tuple(drawn)
