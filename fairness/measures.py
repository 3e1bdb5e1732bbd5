"""What each metric is: how it is counted, whom it needs, which way is better, how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairness.declaration import MetricName

Scale = Literal["logit", "log", "identity"]
"""Scale on which a metric's estimates are closest to normal."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Facts about a metric that do not depend on data."""

    words: str
    """Its name in a sentence."""
    unit: str
    """Unit of a difference: ``points`` (of a hundred), ``per hour``, ``s``, or none."""
    scale: Scale
    """Scale on which it is pooled, and its interval made where units cannot be counted."""
    ideal: float
    """What it would be at its best; ``inf`` where more is always better."""
    needs_with: bool
    """Whether it says something only of patients that have the condition."""
    needs_without: bool
    """Whether it also counts units without the condition."""
    needs_true_negatives: bool
    """Whether it cannot be had where only detections and misses are listed, as for R-peaks."""


MEASURES: dict[MetricName, Measure] = {
    "sensitivity": Measure("sensitivity", "points", "logit", 1, True, False, False),
    "specificity": Measure("specificity", "points", "logit", 1, False, True, True),
    "ppv": Measure("positive predictivity", "points", "logit", 1, True, False, False),
    "fnr": Measure("the share that is missed", "points", "logit", 0, True, False, False),
    "fpr": Measure("the false-positive rate", "points", "logit", 0, False, True, True),
    "f1": Measure("F1", "points", "logit", 1, True, False, False),
    "accuracy": Measure("accuracy", "points", "logit", 1, True, True, True),
    "selection_rate": Measure("the share that is called", "points", "logit", 0, False, False, True),
    "auroc": Measure("AUROC", "points", "logit", 1, True, True, True),
    "auprc": Measure("AUPRC", "points", "logit", 1, True, True, False),
    "brier": Measure("the Brier score", "points", "logit", 0, True, True, True),
    "ece": Measure("the expected calibration error", "points", "identity", 0, True, True, True),
    "calibration_intercept": Measure(
        "the calibration intercept", "", "identity", 0, True, True, True
    ),
    "calibration_slope": Measure("the calibration slope", "", "identity", 1, True, True, True),
    "false_alarms_per_h": Measure("false alarms", "per hour", "log", 0, False, False, False),
    "mean_delay_s": Measure("the mean time to alarm", "s", "log", 0, True, False, False),
    "median_delay_s": Measure("the median time to alarm", "s", "log", 0, True, False, False),
    "exclusion_rate": Measure("the share left out", "points", "logit", 0, False, False, False),
}
"""Every metric that can be declared.

``auprc`` needs no true negatives, since precision and recall do not count them. The share that is
called has no better side; the smaller is named best, for want of another rule.
"""

SHARES: tuple[MetricName, ...] = (
    "sensitivity",
    "specificity",
    "ppv",
    "fnr",
    "fpr",
    "f1",
    "accuracy",
    "selection_rate",
    "exclusion_rate",
)
"""Metrics that count units among units."""

RATIOS: tuple[MetricName, ...] = (*SHARES, "brier", "false_alarms_per_h", "mean_delay_s")
"""Metrics that are one sum over patients by another: what a bootstrap of them needs is two numbers
a patient."""

EC57: dict[str, str] = {"sensitivity": "Se", "ppv": "+P", "fpr": "FPR", "specificity": "Sp"}
"""Names that ANSI/AAMI EC57 gives to metrics."""


def distance_from_ideal(name: MetricName, value: float) -> float:
    """Tell how far a figure is from the best that it could be; less is better.

    Examples
    --------
    >>> round(distance_from_ideal("sensitivity", 0.9), 3)
    0.1
    >>> distance_from_ideal("calibration_slope", 1.25)
    0.25
    """
    return abs(MEASURES[name].ideal - value)
