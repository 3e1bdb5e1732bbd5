"""Signals of which only the rhythm is known: sinus rhythm or atrial fibrillation, no S beats.

Databases that label a record's rhythm and not its beats have many more patients
than those that label beats. In sinus rhythm and in atrial fibrillation the
beats that look alike are N, however irregular they come; that is what a
classifier of S beats has to learn and sees too little of. The beats are found
by the QRS detector that ships; those that do not look like the rest teach
nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, Q
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.assessment.scoring import find_beats
from training.beat_sequences import cut_windows
from training.datasets import LabelledSignal, condition
from training.splits import patient_of
from training.subjects import read_subject

REFERENCE = "REFERENCE.csv"
"""Rhythms by record, as the PhysioNet/CinC Challenge 2017 writes them."""
WITHOUT_S = ("N", "A")
"""Normal sinus rhythm and atrial fibrillation, of the Challenge's classes N, A, O and ~."""
LEAST_BEATS = 10
"""A record with fewer is left out."""
ALIKE = 0.9
"""Correlation of a QRS with the median one of its record from which it looks like the rest."""
QRS_MS = 80
"""Signal before and behind the R-peak that is compared, ms."""


def rhythm_records(folder: Path) -> tuple[str, ...]:
    """Name the records of a database whose rhythm has no S beats, in order.

    Raises
    ------
    ingest.errors.InputError
        If the database has no table of rhythms, or no such record.
    """
    path = folder / REFERENCE
    try:
        rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; labels = 'rhythm' needs a table of "
            "records and rhythms"
        ) from error
    names = tuple(sorted(row[0] for row in rows if len(row) > 1 and row[1] in WITHOUT_S))
    if not names:
        raise InputError(f"{path} has no record of rhythm {' or '.join(WITHOUT_S)}")
    return names


def load_rhythms(folder: Path, records: Iterable[str], *, fs: int) -> list[LabelledSignal]:
    """Read and condition records, each beat found in them N where it looks like the rest.

    Parameters
    ----------
    folder : Path
        The database; its name names it.
    records : iterable of str
        Record names; those with too few beats are left out.
    fs : int
        Sampling frequency wanted, Hz.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read, or its rhythm may have S beats.
    """
    records = tuple(records)
    if strange := sorted(set(records) - set(rhythm_records(folder))):
        raise InputError(
            f"{folder.name}: {', '.join(strange)} not of rhythm {' or '.join(WITHOUT_S)}"
        )
    recordings = {record: open_recording(folder / record) for record in records}
    found = find_beats(recordings)
    loaded = []
    for record, recording in recordings.items():
        if len(found[record].sample) < LEAST_BEATS:
            continue
        row = found[record].row
        signal, scale = condition(recording, row, fs)
        r_ms = np.rint(np.array(found[record].sample) * 1000 / recording.fs).astype(np.int64)
        loaded.append(
            LabelledSignal(
                record,
                recording.leads[row].name,
                row,
                patient_of(folder.name, record),
                fs,
                signal,
                scale,
                r_ms,
                np.where(_alike(signal, r_ms, fs), N, Q).astype(np.int8),
                np.zeros((0, 2), np.int64),
                subject=read_subject(folder, record),
            )
        )
    return loaded


def _alike(signal_uv: NDArray[np.float32], r_ms: NDArray[np.int64], fs: int) -> NDArray[np.bool_]:
    """Say which QRS correlate with the median one, array of shape (n_beats,)."""
    half = QRS_MS * fs // 1000
    windows = cut_windows(signal_uv, np.rint(r_ms * fs / 1000).astype(np.int64), half, half)
    windows = windows - windows.mean(axis=1, keepdims=True)
    median = np.median(windows, axis=0)
    size = np.linalg.norm(windows, axis=1) * np.linalg.norm(median)
    return np.asarray(windows @ median >= ALIKE * size)
