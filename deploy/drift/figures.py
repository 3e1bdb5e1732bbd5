"""The figures of a patient that are watched for drift, and what each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["signal", "scores", "burden", "calibration"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a patient, taken once over the first part of the stay."""

    name: str
    """Name in JSON and metrics."""
    family: Family
    """What it is about."""
    unit: str
    """Unit; empty for a share or a label."""
    text: str
    """What it is, in words."""
    is_label: bool = False
    """True where it is a word, not a number."""


FIGURES: dict[str, Figure] = {
    each.name: each
    for each in (
        Figure("quality", "signal", "", "Mean quality index, 0 to 1"),
        Figure("unreadable", "signal", "", "Share of the time in which beats cannot be called"),
        Figure("amplitude_uv", "signal", "uV", "Median amplitude scale, about that of the QRS"),
        Figure("heart_rate_bpm", "signal", "bpm", "60 s over the median RR interval"),
        Figure("median_frequency_hz", "signal", "Hz", "Frequency that halves the power, 1-40 Hz"),
        Figure("fast_share", "signal", "", "Share of the power, 1-60 Hz, above 25 Hz"),
        Figure("uprightness", "signal", "", "Peak above less peak below the baseline, over both"),
        Figure("lead", "signal", "", "Name of the lead that is scored", is_label=True),
        Figure("confidence", "scores", "", "Mean probability of the class of a beat"),
        Figure("unsure", "scores", "", "Share of beats with a probability below 0.9"),
        Figure("ventricular", "scores", "", "Share of beats called V"),
        Figure("supraventricular", "scores", "", "Share of beats called S"),
        Figure("alarms_per_h", "burden", "1/h", "Physiological alarms raised an hour"),
        Figure("high_alarms_per_h", "burden", "1/h", "Those of high priority"),
        Figure("technical_per_h", "burden", "1/h", "Technical alarms raised an hour"),
        Figure("false_alarms", "calibration", "", "Share of the judged alarms that was false"),
        Figure("overconfidence", "calibration", "", "Mean score less share true, of judged alarms"),
    )
}
"""By name, in the order of reports."""

UNSURE_BELOW = 0.9
"""Probability below which a beat counts as unsure."""
