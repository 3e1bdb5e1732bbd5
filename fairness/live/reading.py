"""Figures of one group at one moment, and which of them may be shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby


class State(IntEnum):
    """What is known of a group's drift."""

    TOO_FEW = 0
    """Too few patients for a verdict, of the group or of the rest."""
    WATCHED = 1
    """Nothing is shown."""
    ALERT = 2
    """It is shown that the group fares worse than the rest by more than the margin."""
    NOT_COMPARED = 3
    """Patients whose attribute is not known: counted, never compared."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One group in one condition."""

    condition: str
    """Condition of the alarms."""
    attribute: str
    """Attribute."""
    group: str
    """Group."""
    patients: int
    """Patients whose figure was taken."""
    unjudged_patients: int
    """Patients that closed with alarms of which none was judged."""
    judged_alarms: int
    """Alarms that were judged."""
    false_alarm_share: float
    """Mean over patients of the share of their judged alarms that was false; ``nan`` if none."""
    monitored_h: float
    """Hours monitored that were told of, of all its patients."""
    false_alarms_per_h: float
    """False alarms per patient-hour; ``nan`` where no hours were told of."""
    difference: float
    """Share less that of the rest; ``nan`` where one has no patients."""
    evidence: float
    """That the difference is above the margin; ``nan`` where it is not compared."""
    state: State
    """What is known."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A group drifted beyond its margin."""

    at_s: float
    """When it was found, s since 1970."""
    reading: Reading
    """The group's figures then."""
    margin: float
    """Declared margin."""
    limit: float
    """Evidence at which it alerts."""


def shown(readings: Iterable[Reading], fewest: int) -> list[Reading]:
    """Leave out what would tell of single patients.

    A group of fewer than ``fewest`` patients is left out. Where those left out of a condition and
    attribute add up to fewer, the smallest of the others goes too: it could be told by subtraction.

    Parameters
    ----------
    readings : iterable of Reading
        Those of one condition and attribute together.
    fewest : int
        Patients from which on figures are shown.
    """
    kept: list[Reading] = []
    for _, cell in groupby(readings, lambda one: (one.condition, one.attribute)):
        rest = sorted(cell, key=lambda one: one.patients)
        hidden = 0
        while rest and (rest[0].patients < fewest or 0 < hidden < fewest):
            hidden += rest.pop(0).patients
        kept += rest
    return kept
