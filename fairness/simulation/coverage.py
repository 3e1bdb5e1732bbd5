"""How often intervals hold the truth, of ours and of those that take rows as independent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from fairness.cohort import Floats, Units
from fairness.confidence import Confidence, difference
from fairness.intervals import from_influence, rate_over_patients, share_over_patients
from fairness.ranking import Ranked, auroc, rank
from fairness.simulation import cohorts
from fairness.simulation.cohorts import Shape

LEVEL = 0.95
PATIENTS = (10, 20, 50, 100, 200)
"""Patients (in each group, where two are compared)."""
CORRELATIONS = (0.0, 0.1, 0.3)
"""Correlations within a patient; for rates, relative variances between patients of 0, 1 and 3."""
_ROW_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Trial:
    """One simulated cohort."""

    ours: tuple[float, float]
    """Interval over patients."""
    rows: tuple[float, float]
    """Interval that takes units as independent."""
    truth: float
    """What both should hold."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often intervals held the truth."""

    metric: str
    """What was estimated."""
    patients: int
    """Patients."""
    correlation: float
    """Within a patient."""
    trials: int
    """Simulated cohorts."""
    ours: float
    """Share of our intervals that held it."""
    missed_low: float
    """Share of our intervals that lay above the truth."""
    missed_high: float
    """Share of our intervals that lay below it."""
    rows: float
    """Share of the row intervals that held it."""
    width: float
    """Mean width of ours."""

    @property
    def error(self) -> float:
        """Monte-Carlo standard error of :attr:`ours`."""
        return float(np.sqrt(max(self.ours * (1 - self.ours), 0.02) / self.trials))


Draw = Callable[[np.random.Generator, int, float], Trial]
"""Simulates one cohort, of so many patients and such a correlation."""


def _ends(confidence: Confidence) -> tuple[float, float]:
    estimate = confidence.estimate(LEVEL)
    return estimate.low, estimate.high


def _quantiles(drawn: Floats) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _drawn_share(rng: np.random.Generator, found: Floats, of: Floats) -> Floats:
    """Draw rows anew and count: that is binomial, so no rows need be made."""
    total = int(of.sum())
    return np.asarray(rng.binomial(total, found.sum() / total, _ROW_DRAWS) / total)


def share(value: float, shape: Shape = "beta") -> Draw:
    """Simulate a share, such as a sensitivity, beside the bootstrap of rows."""

    def trial(rng: np.random.Generator, patients: int, icc: float) -> Trial:
        of = cohorts.sizes(rng, patients)
        found = cohorts.shares(rng, of, value, icc, shape)
        rows = _quantiles(_drawn_share(rng, found, of))
        return Trial(_ends(share_over_patients(found, of)), rows, value)

    return trial


def shares_apart(value: float, apart: float) -> Draw:
    """Simulate the difference of two groups' shares, beside the bootstrap of rows."""

    def trial(rng: np.random.Generator, patients: int, icc: float) -> Trial:
        sides, drawn = [], []
        for true in (value, value - apart):
            of = cohorts.sizes(rng, patients)
            found = cohorts.shares(rng, of, true, icc)
            sides.append(share_over_patients(found, of))
            drawn.append(_drawn_share(rng, found, of))
        return Trial(_ends(difference(*sides)), _quantiles(drawn[0] - drawn[1]), apart)

    return trial


def rate(value: float) -> Draw:
    """Simulate false alarms per hour, beside the bootstrap of alarms (a Poisson count)."""

    def trial(rng: np.random.Generator, patients: int, icc: float) -> Trial:
        hours = cohorts.sizes(rng, patients) / cohorts.UNITS * 24
        events = cohorts.rates(rng, hours, value, 10 * icc)
        rows = rng.poisson(events.sum(), _ROW_DRAWS) / hours.sum()
        return Trial(_ends(rate_over_patients(events, hours)), _quantiles(rows), value)

    return trial


def area(value: float) -> Draw:
    """Simulate an AUROC, beside the interval of DeLong et al. (1988), of independent units."""

    def trial(rng: np.random.Generator, patients: int, icc: float) -> Trial:
        of = cohorts.sizes(rng, patients)
        patient, truth, score = cohorts.scores(rng, of, value, icc)
        units = Units(
            "all",
            patient.astype(np.int32),
            truth > 0,
            score >= 0.5,
            score,
            None,
            np.zeros(patients, np.int64),
        )
        ranked = rank(units)
        found = auroc(ranked, patients)
        ours = from_influence(found.value, found.between_influence, "logit", centre=found.between)
        return Trial(_ends(ours), _delong(ranked, found.value), value)

    return trial


def _delong(ranked: Ranked, figure: float) -> tuple[float, float]:
    truth = ranked.truth
    place = np.arange(1.0, len(truth) + 1)
    above = (place[truth] - np.arange(1, truth.sum() + 1)) / (~truth).sum()
    under = 1 - (place[~truth] - np.arange(1, (~truth).sum() + 1)) / truth.sum()
    error = np.sqrt(above.var(ddof=1) / len(above) + under.var(ddof=1) / len(under))
    reach = float(ndtri((1 + LEVEL) / 2) * error)
    return figure - reach, figure + reach


CASES: dict[str, Draw] = {
    "sensitivity 0.95": share(0.95),
    "sensitivity 0.98": share(0.98),
    "difference of 0.95 and 0.90": shares_apart(0.95, 0.05),
    "false alarms, 0.5 per hour": rate(0.5),
    "AUROC 0.90": area(0.90),
}
"""What is estimated."""

HARDER: dict[str, Draw] = {
    "sensitivity 0.95, logit-normal patients": share(0.95, "logit-normal"),
    "sensitivity 0.95, larger patients better": share(0.95, "size-dependent"),
}
"""The same where the model that our intervals lean on does not hold."""


def cover(
    metric: str, draw: Draw, patients: int, correlation: float, trials: int, seed: int
) -> Coverage:
    """Simulate cohorts and count how often intervals hold the truth.

    Parameters
    ----------
    metric, draw
        What is estimated.
    patients, correlation
        Of each cohort.
    trials
        Cohorts.
    seed
        Of all that is drawn.
    """
    rng = np.random.default_rng([seed, patients, round(1000 * correlation)])
    done = [draw(rng, patients, correlation) for _ in range(trials)]
    ours = np.array([one.ours for one in done])
    rows = np.array([one.rows for one in done])
    truth = np.array([one.truth for one in done])
    held = (ours[:, 0] <= truth) & (truth <= ours[:, 1])
    return Coverage(
        metric,
        patients,
        correlation,
        trials,
        float(held.mean()),
        float((ours[:, 0] > truth).mean()),
        float((ours[:, 1] < truth).mean()),
        float(((rows[:, 0] <= truth) & (truth <= rows[:, 1])).mean()),
        float((ours[:, 1] - ours[:, 0]).mean()),
    )
