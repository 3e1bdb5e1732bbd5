"""Differences between groups within strata of patients who are otherwise alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from fairness.bootstrap import Draws, drawn_auroc, drawn_ratio
from fairness.cohort import Floats, Strata
from fairness.declaration import MetricName
from fairness.estimation import Condition, Members
from fairness.measures import RATIOS
from fairness.result import Estimate

NOTHING = Estimate(float("nan"), float("nan"), float("nan"))
"""Adjusted difference where no stratum holds both groups."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A metric in one group within one stratum."""

    value: float
    """Its figure; ``nan`` where there is none."""
    drawn: Floats
    """The figure in each draw of patients; shape (rounds,)."""
    patients: int
    """Patients that contribute."""


def adjusted(
    condition: Condition,
    name: MetricName,
    group: Members,
    reference: Members,
    strata: Strata,
    often: Draws,
    level: float,
) -> Estimate:
    """Compare two groups stratum by stratum, and average the differences.

    Strata are weighted as Mantel and Haenszel do, by patients: a × b ÷ (a + b), so that those with
    few patients of either group count little; strata without one of them do not count. The
    interval is Student's t with the standard error of the bootstrap over patients.

    Parameters
    ----------
    condition
        Whose metric.
    name
        Metric.
    group, reference
        Who is compared with whom; shape (n_patients,).
    strata
        Of all patients.
    often
        Draws of all patients, within groups.
    level
        Of the interval.
    """
    weights, values, draws, freedom = [], [], [], 0
    for stratum in range(len(strata.names)):
        inside = strata.code == stratum
        one = _cell(condition, name, group & inside, often)
        other = _cell(condition, name, reference & inside, often)
        if np.isnan(one.value) or np.isnan(other.value):
            continue
        weights.append(one.patients * other.patients / (one.patients + other.patients))
        values.append(one.value - other.value)
        draws.append(one.drawn - other.drawn)
        freedom += one.patients + other.patients - 2
    if not weights:
        return NOTHING
    share = np.array(weights) / sum(weights)
    value = float(share @ np.array(values))
    return _interval(value, np.array(draws), share, freedom, level)


def _interval(value: float, drawn: Floats, share: Floats, freedom: int, level: float) -> Estimate:
    known = ~np.isnan(drawn)
    weight: Floats = np.asarray(share[:, None] * known)
    usable = weight.sum(0) > 0
    if freedom < 1 or usable.sum() < 2:
        return Estimate(value, float("nan"), float("nan"))
    total = np.asarray(np.where(known, drawn, 0.0) * weight)
    mean: Floats = total.sum(0)[usable] / weight.sum(0)[usable]
    # A bootstrap's variance is (n − 1) / n of what it should be, in each of the cells.
    correction = np.sqrt((freedom + 2 * len(share)) / freedom)
    reach = float(np.std(mean, ddof=1) * correction * student.ppf((1 + level) / 2, freedom))
    return Estimate(value, value - reach, value + reach)


def _cell(condition: Condition, name: MetricName, members: Members, often: Draws) -> Cell:
    counts = condition.counts
    if name in RATIOS:
        numerator, denominator = counts.parts(name)
        own = members & (denominator > 0)
        if not own.any() or not condition.estimable(name):
            return Cell(float("nan"), np.zeros(0), 0)
        n, d = numerator[own], denominator[own]
        return Cell(float(n.sum() / d.sum()), drawn_ratio(often[:, own], n, d), int(own.sum()))
    if name == "auroc" and condition.wins is not None:
        own = members & (counts.units > 0)
        value = condition.area(own).value
        drawn = drawn_auroc(
            often[:, own],
            condition.wins[np.ix_(own, own)],
            (counts.tp + counts.fn)[own],
            (counts.tn + counts.fp)[own],
        )
        return Cell(value, drawn, int(own.sum()))
    figure = condition.figure(name, members)
    influence = np.where(members, figure.influence, 0.0)
    if np.isnan(figure.compared.value) or np.isnan(influence).any():
        return Cell(float("nan"), np.zeros(0), 0)
    moved: Floats = ((often - 1) @ influence.astype(np.float32)).astype(float)
    return Cell(figure.compared.value, figure.compared.value + moved, figure.patients)
