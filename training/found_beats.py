"""Signals of databases that label no beats: the beats are those that the shipped models find.

What is known of a beat's class is up to who asks: the rhythm may tell it (see
:mod:`training.rhythm_labels`), or nothing does. Beats of which nothing is known
teach by what a teacher says of them, and are real beats of patients whom no
label could bring in.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.streams import choose_lead
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.assessment.scoring import find_beats
from training.beat_sequences import UNTOLD
from training.datasets import LabelledSignal, condition
from training.splits import patient_of
from training.subjects import read_subject

REFERENCE = "REFERENCE.csv"
"""Rhythms by record, as the PhysioNet/CinC Challenge 2017 writes them."""
OTHER = "O"
"""Of its classes N, A, O and ~, a rhythm that is neither sinus nor fibrillation, nor noise."""
LEAST_BEATS = 10
"""A record with fewer is left out."""

Classes = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.int8]]
"""Gives class codes, array of shape (n_beats,), of a signal, uV, and its R-peaks, ms."""


def rhythms(folder: Path) -> dict[str, str]:
    """Read the table of rhythms of a database, record by record; empty where it has none."""
    path = folder / REFERENCE
    if not path.exists():
        return {}
    rows = csv.reader(path.read_text("utf-8").splitlines())
    return {row[0]: row[1] for row in rows if len(row) > 1}


def unlabelled_records(folder: Path) -> tuple[str, ...]:
    """Name the records of a database that have an ECG and whose beats nobody labelled, in order.

    Where the database has a table of rhythms, these are the records of another rhythm: what a
    rhythm tells of beats is not left unused, and noise is no ECG.

    Raises
    ------
    ingest.errors.InputError
        If there is none.
    """
    told = rhythms(folder)
    names = sorted(path.stem for path in folder.glob("*.hea"))
    if told:
        names = [name for name in names if told.get(name) == OTHER]
    chosen = [
        name for name in names if choose_lead(open_recording(folder / name).leads, None) is not None
    ]
    if not chosen:
        raise InputError(f"no record with an ECG and beats without labels in {folder}")
    return tuple(chosen)


def load_unlabelled(folder: Path, records: Iterable[str], *, fs: int) -> list[LabelledSignal]:
    """Read and condition records, nothing known of the beats found in them.

    Parameters
    ----------
    folder : Path
        The database; its name names it.
    records : iterable of str
        Record names; those with too few beats are left out.
    fs : int
        Sampling frequency wanted, Hz.

    Returns
    -------
    list of LabelledSignal
        The lead that is scored of each, all beats ``UNTOLD``.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read or has no ECG.
    """
    return load_found(folder, records, lambda _, r_ms: np.full(len(r_ms), UNTOLD, np.int8), fs=fs)


def load_found(
    folder: Path, records: Iterable[str], classes: Classes, *, fs: int
) -> list[LabelledSignal]:
    """Read and condition records with the beats that the shipped models find in them.

    Parameters
    ----------
    folder, records, fs
        As :func:`load_unlabelled`.
    classes : callable
        Gives the class codes of a record's beats.
    """
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
                classes(signal, r_ms),
                np.zeros((0, 2), np.int64),
                subject=read_subject(folder, record),
            )
        )
    return loaded
