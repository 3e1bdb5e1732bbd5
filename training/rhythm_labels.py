"""Signals of which only the rhythm is known: sinus rhythm or atrial fibrillation, no S beats.

Databases that label a record's rhythm and not its beats have many more patients
than those that label beats. In sinus rhythm and in atrial fibrillation the
beats that look alike are N, however irregular they come; that is what a
classifier of S beats has to learn and sees too little of. The beats are found
by the QRS detector that ships; those that do not look like the rest teach
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, Q
from ingest.errors import InputError
from training.beat_sequences import cut_windows
from training.datasets import LabelledSignal
from training.found_beats import REFERENCE, load_found, rhythms

WITHOUT_S = ("N", "A")
"""Normal sinus rhythm and atrial fibrillation, of the Challenge's classes N, A, O and ~."""
ALIKE = 0.9
"""Correlation of a QRS with the median one of its record from which it looks like the rest."""
QRS_MS = 80
"""Signal before and behind the R-peak that is compared, ms."""


def rhythm_records(folder: Path) -> tuple[str, ...]:
    """Name the records of a database whose rhythm has no S beats, in order.

    Raises
    ------
    ingest.errors.InputError
        If the database has no table of rhythms, or no such record in it.
    """
    path, told = folder / REFERENCE, rhythms(folder)
    if not told:
        raise InputError(
            f"cannot read {path}: labels = 'rhythm' needs a table of records and rhythms"
        )
    names = tuple(sorted(name for name, rhythm in told.items() if rhythm in WITHOUT_S))
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

    def classes(signal_uv: NDArray[np.float32], r_ms: NDArray[np.int64]) -> NDArray[np.int8]:
        return np.where(_alike(signal_uv, r_ms, fs), N, Q).astype(np.int8)

    return load_found(folder, records, classes, fs=fs)


def _alike(signal_uv: NDArray[np.float32], r_ms: NDArray[np.int64], fs: int) -> NDArray[np.bool_]:
    """Say which QRS correlate with the median one, array of shape (n_beats,)."""
    half = QRS_MS * fs // 1000
    windows = cut_windows(signal_uv, np.rint(r_ms * fs / 1000).astype(np.int64), half, half)
    windows = windows - windows.mean(axis=1, keepdims=True)
    median = np.median(windows, axis=0)
    size = np.linalg.norm(windows, axis=1) * np.linalg.norm(median)
    return np.asarray(windows @ median >= ALIKE * size)
