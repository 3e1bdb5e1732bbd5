"""What an audit shows beside its figures: who was in it, calibration curves, delays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fairness.calibration import curve
from fairness.cohort import Cohort
from fairness.declaration import MetricName
from fairness.delay import QUANTILES, quantiles
from fairness.estimation import Condition, Figure, Members
from fairness.result import OVERALL, CalibrationCurve, CohortRow, DelayCurve

Figures = Callable[[str, MetricName, Members], Figure]
"""Gives the figure of a condition's metric in some patients."""


def groups_of(cohort: Cohort) -> Iterator[tuple[str, str, Members]]:
    """List all groups with their attributes and members: everybody first, then as declared."""
    yield OVERALL, OVERALL, np.ones(len(cohort.patients), bool)
    for grouping in cohort.groupings:
        for group, name in enumerate(grouping.names):
            yield grouping.attribute, name, grouping.code == group


def cohort_rows(cohort: Cohort, conditions: dict[str, Condition]) -> tuple[CohortRow, ...]:
    """Count who was in each group, and how much of each."""
    rows = []
    for attribute, name, members in groups_of(cohort):
        hours = cohort.monitored_h[members]
        known = hours[~np.isnan(hours)]
        for condition in conditions.values():
            counts = condition.counts
            have, lack = (counts.tp + counts.fn)[members], (counts.fp + counts.tn)[members]
            rows.append(
                CohortRow(
                    attribute=attribute,
                    group=name,
                    condition=condition.units.condition,
                    patients=int(members.sum()),
                    units=int(counts.units[members].sum()),
                    patients_with=int((have > 0).sum()),
                    patients_without=int((lack > 0).sum()),
                    positives=int(have.sum()),
                    excluded=int(counts.excluded[members].sum()),
                    monitored_h=float(known.sum()) if len(known) else float("nan"),
                )
            )
    return tuple(rows)


def calibration_curves(
    cohort: Cohort, conditions: dict[str, Condition], figures: Figures, level: float
) -> tuple[CalibrationCurve, ...]:
    """Give each group's calibration, of the conditions that have scores and true negatives."""
    curves = []
    for condition in conditions.values():
        if condition.bins is None or condition.units.is_detection:
            continue
        unit = condition.units.condition
        for attribute, name, members in groups_of(cohort):
            bins = curve(condition.bins, members, level)
            if not bins:
                continue
            names: tuple[MetricName, ...] = ("calibration_intercept", "calibration_slope", "ece")
            ends = [figures(unit, each, members).confidence.estimate(level) for each in names]
            curves.append(CalibrationCurve(unit, attribute, name, bins, *ends))
    return tuple(curves)


def delay_curves(cohort: Cohort, conditions: dict[str, Condition]) -> tuple[DelayCurve, ...]:
    """Give how late alarms come in each group that has any."""
    curves = []
    for condition in conditions.values():
        for attribute, name, members in groups_of(cohort):
            delays = condition.delays.of(members)
            if len(delays.delay_s):
                number = len(np.unique(delays.patient))
                curves.append(
                    DelayCurve(
                        condition.units.condition,
                        attribute,
                        name,
                        number,
                        QUANTILES,
                        quantiles(delays),
                    )
                )
    return tuple(curves)
