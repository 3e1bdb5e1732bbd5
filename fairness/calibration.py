"""How far scores can be taken as probabilities: ECE, intercept and slope, and curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from fairness.cohort import Floats, Units
from fairness.intervals import share_over_patients
from fairness.result import CalibrationBin

BINS = 10
"""Bins of equal width, 0 to 1, as the expected calibration error is usually given."""
_CLIP = 1e-6
"""Scores of 0 and 1 have no log-odds; they are moved by this much."""
_STEPS = 50
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


def recalibrate(
    truth: Floats, log_odds: Floats, *, slope: bool
) -> tuple[Floats, npt.NDArray[np.float64]] | None:
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
    tuple or None
        Coefficients, and each unit's influence on them of shape (n_units, n_coefficients); None
        where there is no such fit, as where scores separate the classes.

    Examples
    --------
    >>> fit = recalibrate(np.array([1., 1, 1, 0]), np.zeros(4), slope=False)
    >>> round(float(expit(fit[0][0])), 6)
    0.75
    """
    if truth.min() == truth.max() or (slope and np.ptp(log_odds) == 0):
        return None
    columns = np.stack([np.ones_like(log_odds), log_odds], 1)[:, : 2 if slope else 1]
    offset = 0.0 if slope else log_odds
    fitted = np.array([0.0, 1.0][: columns.shape[1]])
    for _ in range(_STEPS):
        chance = expit(columns @ fitted + offset)
        weight = chance * (1 - chance)
        information = (columns * weight[:, None]).T @ columns
        try:
            step = np.linalg.solve(information, columns.T @ (truth - chance))
        except np.linalg.LinAlgError:
            return None
        fitted = fitted + np.clip(step, -2.0, 2.0)
        if np.abs(fitted).max() > _STEEPEST:
            return None
        if np.abs(step).max() < 1e-10:
            residual = columns * (truth - expit(columns @ fitted + offset))[:, None]
            return fitted, np.linalg.solve(information, residual.T).T
    return None


def calibration(
    units: Units, members: npt.NDArray[np.bool_], *, slope: bool
) -> tuple[float, Floats]:
    """Give the calibration intercept, or slope, of some patients, and what each does to it.

    Parameters
    ----------
    units
        Of one condition, with scores.
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
    if units.score is None:
        raise ValueError(f"condition {units.condition} has no scores")
    kept = members[units.patient]
    truth = units.truth[kept].astype(float)
    log_odds = logit(units.score[kept].clip(_CLIP, 1 - _CLIP))
    fit = recalibrate(truth, log_odds, slope=slope) if len(truth) else None
    if fit is None:
        return float("nan"), np.full(len(members), np.nan)
    column = 1 if slope else 0
    patient = units.patient[kept]
    influence = np.bincount(patient, fit[1][:, column], minlength=len(members))
    present = len(np.unique(patient))
    return float(fit[0][column]), np.asarray(influence * (present / max(present - 1, 1)))


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
