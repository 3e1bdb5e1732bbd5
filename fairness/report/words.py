"""What each metric is called, counts and means, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairness.errors import AuditError

Kind = Literal["share", "number", "per_hour", "seconds"]
"""How a metric's figures are written."""


@dataclass(frozen=True, slots=True)
class MetricWords:
    """A metric in words."""

    name: str
    """Its name, with the short form that the field uses."""
    kind: Kind
    """How its figures are written."""
    meaning: str
    """One sentence for a reader who is no statistician."""


METRICS: dict[str, MetricWords] = {
    "sensitivity": MetricWords(
        "Sensitivity (Se)", "share", "Of the units that have the condition, the share found."
    ),
    "specificity": MetricWords(
        "Specificity",
        "share",
        "Of the units without the condition, the share rightly left alone.",
    ),
    "ppv": MetricWords(
        "Positive predictivity (+P)",
        "share",
        "Of the units that were called, the share that has the condition.",
    ),
    "fnr": MetricWords(
        "False-negative rate", "share", "Of the units that have the condition, the share missed."
    ),
    "fpr": MetricWords(
        "False-positive rate",
        "share",
        "Of the units without the condition, the share wrongly called.",
    ),
    "f1": MetricWords("F1", "share", "Harmonic mean of sensitivity and positive predictivity."),
    "accuracy": MetricWords(
        "Accuracy", "share", "The share of units that were called or left alone rightly."
    ),
    "selection_rate": MetricWords(
        "Share called", "share", "The share of units that were called, rightly or not."
    ),
    "auroc": MetricWords(
        "AUROC",
        "number",
        "How often a unit with the condition scores above one without it; 0.5 is chance, 1 best.",
    ),
    "auprc": MetricWords(
        "AUPRC",
        "number",
        "Precision averaged over recall; its chance level is the condition's prevalence.",
    ),
    "brier": MetricWords(
        "Brier score", "number", "Mean squared error of the score as a probability; 0 is best."
    ),
    "ece": MetricWords(
        "Expected calibration error (ECE)",
        "number",
        "Mean distance between score and observed share; 0 is best.",
    ),
    "calibration_intercept": MetricWords(
        "Calibration intercept",
        "number",
        "Above 0 the scores are too low overall, below 0 too high; 0 is best.",
    ),
    "calibration_slope": MetricWords(
        "Calibration slope",
        "number",
        "Below 1 the scores are too extreme, above 1 too timid; 1 is best.",
    ),
    "false_alarms_per_h": MetricWords(
        "False alarms per patient-hour",
        "per_hour",
        "Alarms without cause that one hour at one patient's bed brings.",
    ),
    "mean_delay_s": MetricWords(
        "Mean time to alarm", "seconds", "Mean time from onset to alarm, of the alarms that came."
    ),
    "median_delay_s": MetricWords(
        "Median time to alarm",
        "seconds",
        "Half of the alarms that came did so within this time from onset.",
    ),
    "exclusion_rate": MetricWords(
        "Share excluded",
        "share",
        "The share of units left out because their signal could not be read.",
    ),
}
"""By :data:`fairness.declaration.MetricName`."""

BURDEN = ("false_alarms_per_h", "mean_delay_s", "median_delay_s", "exclusion_rate")
"""Metrics that say what patients and staff feel."""


def words_of(metric: str) -> MetricWords:
    """Return a metric's words.

    Raises
    ------
    AuditError
        If there is no such metric.

    Examples
    --------
    >>> words_of("ppv").name
    'Positive predictivity (+P)'
    """
    if metric not in METRICS:
        raise AuditError(f"metric {metric!r}: none of {', '.join(METRICS)}")
    return METRICS[metric]
