"""Counts of each patient, of which every ratio metric is a sum by a sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairness.cohort import Cohort, Floats, Units
from fairness.declaration import MetricName


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in each patient, for one condition; all of shape (n_patients,)."""

    tp: Floats
    """Units with the condition that were called."""
    fn: Floats
    """Units with the condition that were not."""
    fp: Floats
    """Units without it that were called."""
    tn: Floats
    """Units without it that were not."""
    excluded: Floats
    """Units left out for their signal."""
    hours: Floats
    """Hours monitored; ``nan`` where unknown."""
    squared_error: Floats
    """Sum of (score − truth)²; zeros where there are no scores."""
    delay_s: Floats
    """Sum of the delays of alarms that found an onset, s."""
    delayed: Floats
    """How many such alarms."""

    @property
    def units(self) -> Floats:
        """Scored units."""
        return self.tp + self.fn + self.fp + self.tn

    def parts(self, name: MetricName) -> tuple[Floats, Floats]:
        """Give a ratio metric's numerator and denominator in each patient.

        Parameters
        ----------
        name
            One of :data:`fairness.measures.RATIOS`.

        Raises
        ------
        KeyError
            If it is no ratio.
        """
        known = ~np.isnan(self.hours)
        pairs: dict[str, tuple[Floats, Floats]] = {
            "sensitivity": (self.tp, self.tp + self.fn),
            "specificity": (self.tn, self.tn + self.fp),
            "ppv": (self.tp, self.tp + self.fp),
            "fnr": (self.fn, self.tp + self.fn),
            "fpr": (self.fp, self.tn + self.fp),
            "f1": (2 * self.tp, 2 * self.tp + self.fp + self.fn),
            "accuracy": (self.tp + self.tn, self.units),
            "selection_rate": (self.tp + self.fp, self.units),
            "exclusion_rate": (self.excluded, self.units + self.excluded),
            "brier": (self.squared_error, self.units),
            "false_alarms_per_h": (
                np.where(known, self.fp, 0.0),
                np.where(known, self.hours, 0.0),
            ),
            "mean_delay_s": (self.delay_s, self.delayed),
        }
        return pairs[name]


def count(units: Units, cohort: Cohort) -> Counts:
    """Count a condition's units by patient.

    Examples
    --------
    >>> units = Units("VEB", np.array([0, 0, 1], np.int32), np.array([True, True, False]),
    ...               np.array([True, False, False]), None, None, np.array([0, 4]))
    >>> cohort = Cohort(("a", "b"), {"VEB": units}, (), (), np.array([np.nan, 2.0]))
    >>> counts = count(units, cohort)
    >>> [part.tolist() for part in counts.parts("sensitivity")]
    [[1.0, 0.0], [2.0, 0.0]]
    >>> [part.tolist() for part in counts.parts("exclusion_rate")]
    [[0.0, 4.0], [2.0, 5.0]]
    """
    size = len(cohort.patients)

    def by_patient(which: npt.NDArray[np.bool_], weights: Floats | None = None) -> Floats:
        chosen = None if weights is None else weights[which]
        return np.bincount(units.patient[which], chosen, minlength=size).astype(float)

    truth, called = units.truth, units.prediction
    everything = np.ones(len(truth), bool)
    error = np.zeros(len(truth)) if units.score is None else (units.score - truth) ** 2
    delays = np.full(len(truth), np.nan) if units.delay_s is None else units.delay_s
    late = ~np.isnan(delays)
    return Counts(
        tp=by_patient(truth & called),
        fn=by_patient(truth & ~called),
        fp=by_patient(~truth & called),
        tn=by_patient(~truth & ~called),
        excluded=units.excluded.astype(float),
        hours=cohort.monitored_h,
        squared_error=by_patient(everything, error),
        delay_s=by_patient(late, delays),
        delayed=by_patient(late),
    )
