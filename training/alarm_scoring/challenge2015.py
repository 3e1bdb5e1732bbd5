"""PhysioNet/CinC Challenge 2015: which of a bedside monitor's alarms were true.

Each record ends with an alarm of a bedside monitor at 300 s (some go on for
30 s more, which is not used here: real time). An alarm is said to be true where
the system under test has an alarm of the same condition up within the ten
seconds before; the Challenge's own window. Score: (TP + TN) / (TP + TN + FP + 5 FN),
Clifford et al. 2015.

The records are one a patient as far as anyone knows; they are drawn as such.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.conditions import CONDITIONS as TABLE_OF_CONDITIONS
from ingest.errors import InputError
from training.alarm_scoring.intervals import RESAMPLES, Interval, patient_interval
from training.alarm_scoring.told import ToldAlarm

TABLE = "ALARMS"
"""File beside the records: record, alarm, whether it was true."""
ALARM_S = 300.0
"""When the bedside monitor alarmed, s."""
WINDOW_S = 10.0
"""The condition's onset lies within so long before the alarm, s."""

CONDITIONS: dict[str, tuple[str, ...]] = {
    "Asystole": ("asystole",),
    "Bradycardia": ("extreme_bradycardia",),
    "Tachycardia": ("extreme_tachycardia",),
    "Ventricular_Tachycardia": ("ventricular_tachycardia",),
    "Ventricular_Flutter_Fib": (
        "ventricular_fibrillation",
        "ventricular_flutter",
        "ventricular_fibrillation_flutter",
    ),
}
"""The Challenge's alarms, and the conditions of Vigil that mean the same."""


@dataclass(frozen=True, slots=True)
class Case:
    """One record of the Challenge."""

    record: str
    """Name."""
    alarm: str
    """What the bedside monitor said."""
    true: bool
    """Whether experts agreed."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Counts of one type, or of all."""

    tp: int
    """True alarms let through."""
    fn: int
    """True alarms suppressed: each weighs five."""
    fp: int
    """False alarms let through."""
    tn: int
    """False alarms suppressed."""

    @property
    def score(self) -> float | None:
        """The Challenge's score, percent."""
        whole = self.tp + self.tn + self.fp + 5 * self.fn
        return 100 * (self.tp + self.tn) / whole if whole else None

    @property
    def tpr(self) -> float | None:
        """True alarms let through, percent."""
        return 100 * self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def tnr(self) -> float | None:
        """False alarms suppressed, percent."""
        return 100 * self.tn / (self.tn + self.fp) if self.tn + self.fp else None


@dataclass(frozen=True, slots=True)
class TypeScore:
    """One type of alarm, or all of them, of one system."""

    alarm: str
    """Type, or ``"all"``."""
    verdicts: Verdicts
    """Counts."""
    score: Interval | None
    """95 % interval of the score, percent, records drawn."""


def read_cases(folder: Path) -> list[Case]:
    """Read the table of alarms.

    Raises
    ------
    InputError
        If it cannot be read, or a row is not as it should be, by number.
    """
    path = folder / TABLE
    try:
        rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    cases = []
    for number, row in enumerate(rows, 1):
        if number == 1 and row[:1] == ["record"]:
            continue
        if len(row) != 3 or row[1] not in CONDITIONS or row[2] not in ("0", "1"):
            allowed = ", ".join(CONDITIONS)
            raise InputError(f"{path}, line {number}: not record, alarm ({allowed}), 0 or 1: {row}")
        cases.append(Case(row[0], row[1], row[2] == "1"))
    if not cases:
        raise InputError(f"{path} names no record")
    return cases


def confirmed(case: Case, alarms: Sequence[ToldAlarm], *, or_hider: bool = False) -> bool:
    """Tell whether a system's alarms confirm the bedside monitor's, nothing behind it used.

    Parameters
    ----------
    case : Case
        The bedside monitor's alarm.
    alarms : sequence of ToldAlarm
        The system's, of the same record.
    or_hider : bool
        Count an alarm of a condition that hides this one too: while fibrillation is told,
        a fast rate is not, and yet somebody comes.

    Examples
    --------
    >>> alarm = ToldAlarm("a103l", "asystole", "high", 291.0, 295.2, 299.0)
    >>> confirmed(Case("a103l", "Asystole", True), [alarm])
    True
    """
    counted = set(CONDITIONS[case.alarm])
    if or_hider:
        counted |= {
            each.name
            for each in TABLE_OF_CONDITIONS
            if any(TABLE_OF_CONDITIONS[hidden].name in counted for hidden in each.hides)
        }
    return any(
        alarm.condition in counted and alarm.told_s <= ALARM_S and alarm.over_s > ALARM_S - WINDOW_S
        for alarm in alarms
    )


def tally(cases: Sequence[Case], said_true: Mapping[str, bool]) -> Verdicts:
    """Count verdicts.

    Examples
    --------
    >>> cases = [Case("a", "Asystole", True), Case("b", "Asystole", False)]
    >>> tally(cases, {"a": True, "b": True}).score
    50.0
    """
    pairs = [(case.true, said_true[case.record]) for case in cases]
    return Verdicts(
        tp=pairs.count((True, True)),
        fn=pairs.count((True, False)),
        fp=pairs.count((False, True)),
        tn=pairs.count((False, False)),
    )


def score_types(
    cases: Sequence[Case],
    said_true: Mapping[str, bool],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[TypeScore]:
    """Score each type of alarm, and all together.

    Raises
    ------
    InputError
        If there is no verdict on a record.
    """
    missing = [case.record for case in cases if case.record not in said_true]
    if missing:
        raise InputError(f"no verdict on {', '.join(missing[:5])} ({len(missing)} records)")
    types = [alarm for alarm in CONDITIONS if any(case.alarm == alarm for case in cases)]
    found = []
    for alarm in [*types, "all"]:
        chosen = [case for case in cases if alarm in (case.alarm, "all")]
        interval = patient_interval(
            chosen,
            lambda case: case.record,
            lambda drawn: tally(drawn, said_true).score,
            resamples=resamples,
            seed=seed,
        )
        found.append(TypeScore(alarm, tally(chosen, said_true), interval))
    return found
