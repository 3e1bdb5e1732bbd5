"""Make the tables of an audit: a database scored by the shipped pipeline, counted by EC57."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from inference import model
from training.audits.alarms import alarm_rows
from training.audits.fold_models import unseen_models
from training.audits.material import Material, Reference
from training.audits.rows import Row, rows_of
from training.audits.served import serve
from training.splits import DS1, DS2, patient_of

SAMPLES_TOGETHER = 30_000_000
"""Samples that are held and scored side by side, at most; a longer record goes alone."""
RECORDS_TOGETHER = 1000
"""Records side by side, at most."""

Advance = Callable[[int, int], None]
"""Is told how many records are done, and how many there are."""


def predict(
    material: Material,
    *,
    qrs: Path | None = None,
    beat: Path | None = None,
    folds: Path | None = None,
    advance: Advance = lambda done, total: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score a database and give the audit's two tables.

    Parameters
    ----------
    material : Material
        Records, reference, people.
    qrs, beat : Path, optional
        Models; the shipped ones by default.
    folds : Path, optional
        Folder of beat models that left patients out, in place of ``beat``: every record is
        scored by the one that never saw its patient.
    advance : callable
        Told of the progress.

    Returns
    -------
    predictions, subjects : pandas.DataFrame
        As :mod:`fairness.tables` wants them; ``monitored_h`` is what counted of all records of a
        patient.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read or scored, or no fold left a patient out.
    """
    models = _models(material, beat, folds)
    rows: list[Row] = []
    hours = dict.fromkeys(material.records.values(), 0.0)
    done = 0
    for path, records in models.items():
        for opened in _groups(records, material):
            signals = {record: one.recording for record, one in opened.items()}
            served, classes = serve(signals, path, qrs)
            for record, one in opened.items():
                patient = material.records[record]
                told = classes if material.classes else ()
                found, h = rows_of(record, patient, one, served[record], material.counted, told)
                rows += found
                hours[patient] += h
                if one.episodes is not None:
                    told_alarms = served[record].alarms
                    rows += alarm_rows(patient, one.episodes, told_alarms, material.counted)
            done += len(opened)
            advance(done, len(material.records))
    table = pd.DataFrame([asdict(row) for row in rows])
    for column in ("score", "delay_s"):
        if not np.isfinite(table[column]).any():
            table = table.drop(columns=column)
    subjects = material.subjects.copy()
    subjects["monitored_h"] = [hours.get(patient, np.nan) for patient in subjects["patient"]]
    return table, subjects


def _models(material: Material, beat: Path | None, folds: Path | None) -> dict[Path, list[str]]:
    """Sort the records by the beat model that scores them."""
    if folds is None:
        return {beat or model.builtin("beat"): list(material.records)}
    run = {patient_of("mitdb", record) for record in (*DS1, *DS2)}
    chosen = unseen_models(folds, material.records.values(), run)
    models: dict[Path, list[str]] = {}
    for record, patient in material.records.items():
        models.setdefault(chosen[patient], []).append(record)
    return models


def _groups(records: list[str], material: Material) -> Iterator[dict[str, Reference]]:
    """Open records, as many as are scored side by side."""
    group: dict[str, Reference] = {}
    size = 0
    for record in records:
        one = material.open(record)
        size += one.recording.samples.size
        if group and (size > SAMPLES_TOGETHER or len(group) == RECORDS_TOGETHER):
            yield group
            group, size = {}, one.recording.samples.size
        group[record] = one
    if group:
        yield group
