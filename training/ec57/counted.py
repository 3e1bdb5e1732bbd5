"""What figures were counted over: records, patients, beats, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.ec57.compare import Evaluation
from training.ec57.summary import RecordComparison
from training.splits import patient_of

Peaks = Literal["detected", "reference", "unknown"]
PEAKS: dict[Peaks, str] = {
    "detected": "detected",
    "reference": "those of the reference: detection was not tested",
    "unknown": "too few to tell whether they were detected",
}
"""What each is called in a report."""

REFERENCE_MS = 4.5
"""Reference R-peaks, put on a grid of 125 Hz at worst, stay this near, ms; no detector does."""
REFERENCE_SHARE = 0.995
"""Share of beats that lie so near where they are the reference's own."""
ENOUGH_BEATS = 50
"""Matched beats from which on this can be told."""


@dataclass(frozen=True)
class Denominators:
    """What an evaluation was counted over."""

    records: int
    """Records compared."""
    patients: int
    """People behind them."""
    beats: int
    """Reference beats that count."""
    veb: int
    """Ventricular ectopic beats of these."""
    sveb: int
    """Supraventricular ectopic beats of these."""
    excluded_beats: int
    """Reference beats that do not count: learning period, VF, behind the end."""
    excluded_records: tuple[str, ...]
    """Records left out by name, or for want of test annotations."""

    def describe(self) -> str:
        """Say it in one line.

        Examples
        --------
        >>> Denominators(22, 21, 900, 30, 20, 100, ("202",)).describe()
        '900 beats (30 VEB, 20 SVEB) of 22 records of 21 patients; left out: 100 beats, record 202'
        """
        left_out = ", ".join(
            [f"{self.excluded_beats} beats", *(f"record {r}" for r in self.excluded_records)]
        )
        return (
            f"{self.beats} beats ({self.veb} VEB, {self.sveb} SVEB) of {self.records} records "
            f"of {self.patients} patients; left out: {left_out}"
        )


def denominators(evaluation: Evaluation) -> Denominators:
    """Count what an evaluation was made over."""
    found = evaluation.records

    def total(name: str) -> int:
        tallies = [getattr(record.beats, name) for record in found]
        return sum(tally.tp_se + tally.fn for tally in tallies)

    return Denominators(
        records=len(found),
        patients=len(patients(evaluation)),
        beats=total("qrs"),
        veb=total("veb"),
        sveb=total("sveb"),
        excluded_beats=sum(record.beats.excluded for record in found),
        excluded_records=(*evaluation.excluded, *evaluation.without_test),
    )


def patients(evaluation: Evaluation) -> frozenset[str]:
    """Name the people behind an evaluation's records, as :func:`training.splits.patient_of`."""
    return frozenset(patient_of(evaluation.database, r.record) for r in evaluation.records)


def peaks(records: Sequence[RecordComparison]) -> Peaks:
    """Tell by their timing whether test beats are detected, or the reference's own R-peaks."""
    errors = np.concatenate([np.zeros(0), *(record.beats.timing_ms for record in records)])
    if errors.size < ENOUGH_BEATS:
        return "unknown"
    near = np.count_nonzero(np.abs(errors) <= REFERENCE_MS) / errors.size
    return "reference" if near >= REFERENCE_SHARE else "detected"
