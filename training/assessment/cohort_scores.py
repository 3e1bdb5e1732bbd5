"""Whole cohorts scored, each record once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from training.assessment.cohorts import Cohort
from training.assessment.figures import figures
from training.assessment.scoring import ModelFiles, Scored, score_database

Say = Callable[[str], None]


def score_cohorts(
    data: Path,
    cohorts: Sequence[Cohort],
    models: ModelFiles = ModelFiles(),
    *,
    reference_peaks: bool = False,
    say: Say = lambda _: None,
) -> dict[str, list[Scored]]:
    """Score the records of several cohorts, each record once.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    cohorts : sequence of Cohort
        What to score.
    models : ModelFiles
        Models that score.
    reference_peaks : bool
        Take the R-peaks from the reference; cohorts with paced records are left out.
    say : callable
        Told what is being done, a record at a time.

    Returns
    -------
    dict
        Scored records by the cohort's key, in the order of their names.

    Raises
    ------
    ingest.errors.InputError
        If there are no records, or one cannot be scored.
    """
    if reference_peaks:
        cohorts = [cohort for cohort in cohorts if cohort.beat_classes]
    wanted: dict[str, set[str]] = {}
    for cohort in cohorts:
        names = cohort.records or tuple(
            path.stem for path in (data / cohort.database).glob("*.hea")
        )
        if not names:
            folder = data / cohort.database
            raise InputError(f"no records in {folder}: name the data folder with --data")
        wanted.setdefault(cohort.database, set()).update(names)
    scored: dict[str, dict[str, Scored]] = {}
    what = "reference" if reference_peaks else "detected"
    for database, records in wanted.items():
        scored[database] = {}
        for one in score_database(
            data / database, sorted(records), models, reference_peaks=reference_peaks
        ):
            scored[database][one.record] = one
            say(f"{database}, {what} R-peaks: {len(scored[database])} of {len(records)} records")
    return {
        cohort.key: [
            one
            for record, one in sorted(scored[cohort.database].items())
            if not cohort.records or record in cohort.records
        ]
        for cohort in cohorts
    }


def assess(
    data: Path,
    cohorts: Sequence[Cohort],
    models: ModelFiles = ModelFiles(),
    say: Say = lambda _: None,
) -> tuple[list[dict[str, Any]], dict[str, list[Scored]]]:
    """Score cohorts by detected and by reference R-peaks.

    Returns
    -------
    rows : list of dict
        From :func:`training.assessment.figures.figures`, one a cohort.
    scored : dict
        The records, R-peaks detected, by the cohort's key.
    """
    detected = score_cohorts(data, cohorts, models, say=say)
    reference = score_cohorts(data, cohorts, models, reference_peaks=True, say=say)
    rows = [
        figures(
            cohort,
            [one.comparison for one in detected[cohort.key]],
            [one.comparison for one in reference.get(cohort.key, [])],
        )
        for cohort in cohorts
    ]
    return rows, detected
