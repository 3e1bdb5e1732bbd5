"""What is said of one cohort, as plain numbers that JSON can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ingest.errors import InputError
from training.assessment.cohorts import Cohort
from training.ec57 import (
    DE_CHAZAL,
    STANDARD,
    Evaluation,
    RecordComparison,
    average,
    bootstrap_gross,
    denominators,
    gross,
    gross_confusion,
    peaks,
    rates,
    timing,
)
from training.splits import patient_of


def figures(
    cohort: Cohort,
    detected: Sequence[RecordComparison],
    reference: Sequence[RecordComparison] = (),
) -> dict[str, Any]:
    """Gather what is published of one cohort: rates, intervals, timing, confusion.

    Parameters
    ----------
    cohort : Cohort
        What the records are.
    detected : sequence of RecordComparison
        One a record, R-peaks detected.
    reference : sequence of RecordComparison
        The same with reference R-peaks, where they were scored.

    Returns
    -------
    dict
        ``cohort``, ``key``, ``records``, ``patients``, ``gross``, ``average``,
        ``interval_f1`` and ``counts`` by kind, ``timing``, ``confusion`` of shape
        (7, 7) (see :mod:`training.ec57.tally`), ``mapping``, ``denominators``, and
        ``reference`` with the rates at reference R-peaks.

    Raises
    ------
    ingest.errors.InputError
        If records were counted by different AAMI mappings, or what stands for detected
        R-peaks are the reference's own.
    """
    database = cohort.database
    counted = Evaluation(tuple(detected), STANDARD, DE_CHAZAL, database=database)
    if peaks(detected) == "reference":
        raise InputError(f"{cohort.name}: R-peaks are the reference's own, not detected ones")
    row: dict[str, Any] = {
        "cohort": cohort.name,
        "key": cohort.key,
        "records": len(detected),
        "patients": len({patient_of(database, c.record) for c in detected}),
        "beat_classes": cohort.beat_classes,
        "mapping": counted.mapping.name,
        "denominators": denominators(counted).describe(),
        **_rates(database, detected),
        "timing": asdict(timing(detected)),
        "confusion": gross_confusion(detected).tolist(),
    }
    if reference:
        row["reference"] = _rates(database, reference)
    return row


def _rates(database: str, comparisons: Sequence[RecordComparison]) -> dict[str, Any]:
    """Give gross and average rates, the bootstrap interval of F1, and the counts."""
    intervals = bootstrap_gross(comparisons, patient=lambda record: patient_of(database, record))
    tallies = gross(comparisons)
    return {
        "gross": {kind: asdict(rates(tally)) for kind, tally in tallies.items()},
        "average": {kind: asdict(rate) for kind, rate in average(comparisons).items()},
        "interval_f1": {
            kind: None if by["f1"] is None else [by["f1"].low, by["f1"].high]
            for kind, by in intervals.items()
        },
        "counts": {kind: asdict(tally) for kind, tally in tallies.items()},
    }
