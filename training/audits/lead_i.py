"""The Lead-I variability database (Bernal-Romero 2024) as strips of one lead and its subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ingest.errors import InputError
from ingest.frames import Lead
from ingest.recording import Recording
from training.audits.material import Counted, Material, Reference
from training.ec57 import make_annotations

ARCHIVE = "lead_i.npz"
"""File of the signals and R-peaks."""
AMPLIFICATION = 1000.0
"""Volts at the converter for a volt at the skin. The database does not say it; this round figure,
the same for everybody and chosen without looking at labels or detections, puts the strips' median
peak-to-peak at 0.9 mV. The models see a signal over its own amplitude, so that it matters only to
the limits of quality that are in microvolts."""
FEWEST = 20
"""People with one cardiac history from whom on it is a group of its own."""
COUNTED = Counted(begin_s=2.0, tail_s=0.2)
"""Every strip is a stream of its own; the detector settles within 2 s."""


def lead_i(folder: Path) -> Material:
    """Read the database.

    Parameters
    ----------
    folder : Path
        It holds ``lead_i.npz`` and ``subjects.csv``.

    Raises
    ------
    ingest.errors.InputError
        If a file is missing or is not as described.
    """
    try:
        with np.load(folder / ARCHIVE) as archive:
            signal, fs = archive["signal_adu"], float(archive["fs"])
            packed, volts = archive["r_peak"], float(archive["volts_per_adu"])
        table = pd.read_csv(folder / "subjects.csv", dtype=str)
        people = table["subject_id"].tolist()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} is not the Lead-I database: {error}") from error
    n_people, n_strips, n_samples = signal.shape
    if len(people) != n_people:
        raise InputError(f"{folder}: {n_people} subjects' signals, but {len(people)} subjects")
    lead = Lead("I", "mV", adc_gain=1 / (volts * 1000 / AMPLIFICATION), baseline=0)
    is_peak = np.unpackbits(packed, axis=2)[:, :, :n_samples].astype(bool)

    def open_strip(record: str) -> Reference:
        person, strip = (int(part) for part in record.split("-"))
        adu = signal[person, strip][None].astype(np.int16)
        peaks = np.flatnonzero(is_peak[person, strip])
        marks = make_annotations(peaks, ["N"] * len(peaks), fs)
        return Reference(Recording(record, fs, (lead,), adu), marks)

    records = {
        f"{person}-{strip}": people[person]
        for person in range(n_people)
        for strip in range(n_strips)
    }
    told = (
        f"Lead-I variability database: {n_people} people, {n_strips} strips of "
        f"{n_samples / fs:g} s each, each strip a record and a stream of its own; "
        f"{COUNTED.describe()}; amplitudes are unscaled in the database and were read as 1 mV per "
        f"{lead.adc_gain:.0f} adu for everybody"
    )
    return Material(records, open_strip, subjects(table), COUNTED, told, classes=False)


def subjects(table: pd.DataFrame) -> pd.DataFrame:
    """Give the subjects the columns of an audit.

    Parameters
    ----------
    table : pandas.DataFrame
        ``subjects.csv`` as text.

    Returns
    -------
    pandas.DataFrame
        ``patient``, ``sex``, ``age``, ``cardiac_history``, ``history`` (those of fewer than 20
        people are ``other``), ``posture``, ``smoker``.
    """
    history = table["cardiac_history"].str.strip().str.lower()
    people = history.map(history.value_counts())
    return pd.DataFrame(
        {
            "patient": table["subject_id"],
            "sex": table["sex"],
            "age": table["age"],
            "cardiac_history": history,
            "history": history.where(people >= FEWEST, "other"),
            "posture": table["posture"].str.strip().str.lower(),
            "smoker": table["smoker"].str.strip().str.lower(),
        }
    )
