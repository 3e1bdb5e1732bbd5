"""Refuse an audit whose declared metrics cannot be had from its tables."""

from __future__ import annotations

import numpy as np

from fairness.cohort import Cohort, Grouping, Units
from fairness.declaration import Declaration, MetricName
from fairness.errors import AuditError
from fairness.result import UNKNOWN

NEED_SCORES: frozenset[MetricName] = frozenset(
    {"auroc", "auprc", "brier", "ece", "calibration_intercept", "calibration_slope"}
)
"""Metrics of scores."""
NEED_POSITIVES: frozenset[MetricName] = NEED_SCORES | {"sensitivity", "fnr", "f1"}
"""Metrics that mean nothing where no unit has the condition."""
NEED_NEGATIVES: frozenset[MetricName] = NEED_SCORES | {"specificity", "fpr"}
"""Metrics that mean nothing where every unit has the condition."""
NEED_DELAYS: frozenset[MetricName] = frozenset({"mean_delay_s", "median_delay_s"})
"""Metrics of the time from onset to alarm."""


def check_requirements(cohort: Cohort, declaration: Declaration) -> None:
    """Check that every declared metric and group can be looked at.

    Raises
    ------
    AuditError
        If a condition has no scored unit, a metric lacks scores, delays, hours, or units with or
        without the condition; or if an attribute has fewer than two known groups with patients.
    """
    for metric in declaration.metrics:
        _check_metric(metric.name, cohort.units[metric.condition], cohort)
    counted = np.zeros(len(cohort.patients), bool)
    for units in cohort.units.values():
        counted[units.patient] = True
    for grouping in cohort.groupings:
        if len(grouping.parts) == 1:
            _check_groups(grouping, counted)


def _check_metric(name: MetricName, units: Units, cohort: Cohort) -> None:
    where = f"metric {name} of condition {units.condition}"
    if name == "exclusion_rate":
        return
    if not len(units.truth):
        raise AuditError(f"{where}: every unit is excluded")
    if name in NEED_SCORES and units.score is None:
        raise AuditError(f"{where} needs a column score, and its rows have none")
    if name in NEED_POSITIVES and not units.truth.any():
        raise AuditError(f"{where} needs units with truth 1, and there is none")
    if name in NEED_NEGATIVES and units.truth.all():
        raise AuditError(f"{where} needs units with truth 0, and there is none")
    if name in NEED_DELAYS and units.delay_s is None:
        raise AuditError(f"{where} needs a column delay_s, and its rows have none")
    if name == "false_alarms_per_h" and np.isnan(cohort.monitored_h).all():
        raise AuditError(f"{where} needs a column monitored_h in the subjects")


def _check_groups(grouping: Grouping, counted: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
    present = np.unique(grouping.code[counted])
    known = [grouping.names[code] for code in present if grouping.names[code] != UNKNOWN]
    if len(known) < 2:
        raise AuditError(
            f"subjects: {grouping.attribute} has "
            + (f"one group only, {known[0]}" if known else "no known value")
            + ": there is nothing to compare"
        )
