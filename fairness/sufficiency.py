"""Whether a group has enough patients for a verdict, and why not."""

from __future__ import annotations

from fairness.cohort import Floats
from fairness.declaration import Declaration, MetricName
from fairness.estimation import Condition, Members
from fairness.measures import MEASURES, RATIOS

NO_TRUE_NEGATIVES = "not estimable: detections and misses are listed, but no true negatives"
"""Said of metrics that a list of detections does not allow."""


def scored(condition: Condition, name: MetricName) -> Members:
    """Tell which patients a metric could be measured in."""
    counts = condition.counts
    if name == "exclusion_rate":
        return counts.units + counts.excluded > 0
    if name == "false_alarms_per_h":
        return counts.hours > 0
    return counts.units > 0


def shortfall(
    condition: Condition, name: MetricName, members: Members, declaration: Declaration
) -> str:
    """Say why a group is too small to be judged; empty where it is not.

    Parameters
    ----------
    condition, name
        What is measured.
    members
        The group; shape (n_patients,).
    declaration
        Minimum numbers of patients.
    """
    if not condition.estimable(name):
        return NO_TRUE_NEGATIVES
    counts, measure = condition.counts, MEASURES[name]
    patients = members & scored(condition, name)
    lacks = []
    if patients.sum() < declaration.min_patients:
        lacks.append(_lack(int(patients.sum()), "patients", declaration.min_patients))
    if measure.needs_with:
        own = _contributing(condition, name, counts.tp + counts.fn)
        number = int((patients & (own > 0)).sum())
        if number < declaration.min_with:
            lacks.append(_lack(number, "patients with the condition", declaration.min_with))
    if measure.needs_without:
        number = int((patients & (counts.fp + counts.tn > 0)).sum())
        if number < declaration.min_without:
            what = "patients with units without the condition"
            lacks.append(_lack(number, what, declaration.min_without))
    return "; ".join(lacks)


def _contributing(condition: Condition, name: MetricName, have: Floats) -> Floats:
    """Count the units that make a patient one with the condition, as the metric sees it."""
    if name in {"mean_delay_s", "median_delay_s"}:
        return condition.counts.delayed
    if name in RATIOS:
        return have * (condition.counts.parts(name)[1] > 0)
    return have


def _lack(number: int, what: str, least: int) -> str:
    if number == 1:
        what = what.replace("patients", "patient", 1)
    return f"{number or 'no'} {what}, at least {least} are needed"
