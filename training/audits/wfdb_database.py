"""A WFDB database as an audit sees it, with age, sex and pacing of its people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.alarm_scoring import annotated_record
from training.audits.material import Counted, Material, Reference
from training.datasets import all_records
from training.ec57 import STANDARD, read_annotations
from training.splits import PACED, database_of, patient_of
from training.subjects import read_subject

LUDB_TABLE = "ludb.csv"
"""Table of LUDB's subjects, beside the folder of its records."""
OVER_89 = "90"
"""Age that ``>89`` is read as, years."""
CLASSES_STAND_IN = "atr"
"""Extension of annotations that tell classes of beats, and rhythms where they tell any."""
RHYTHM_CHANGE = "+"
"""Symbol that begins a rhythm."""


def wfdb_database(
    folder: Path,
    records: Sequence[str] | None = None,
    *,
    annotator: str = "atr",
    lead: str | None = None,
    counted: Counted | None = None,
) -> Material:
    """Read who and what is in a folder of WFDB records.

    Parameters
    ----------
    folder : Path
        Headers, signals and annotations.
    records : sequence of str, optional
        Names; all that have annotations by default.
    annotator : str
        Extension of the reference annotations.
    lead : str, optional
        Lead to score; the best known that a record has by default.
    counted : Counted, optional
        The part that counts; EC57's, all but the first 5 minutes, by default.

    Raises
    ------
    ingest.errors.InputError
        If there is no such record.
    """
    names = tuple(records) if records else all_records(folder, annotator)
    counted = counted or Counted(STANDARD.learning_s)
    named = folder.resolve()
    database = database_of(named.parent.name if named.name == "data" else named.name, names)
    people = {name: patient_of(database, name) for name in names}

    def open_record(name: str) -> Reference:
        recording = open_recording(folder / name, None if lead is None else [lead])
        beats = read_annotations(folder, name, annotator, recording.fs)
        if annotator != CLASSES_STAND_IN or RHYTHM_CHANGE not in beats.symbol:
            return Reference(recording, beats)
        return Reference(recording, beats, annotated_record(folder, name, annotator))

    told = (
        f"{database}: {len(names)} records of {len(set(people.values()))} people, reference "
        f".{annotator}, {f'lead {lead}' if lead else 'the lead that the pipeline takes'}; "
        f"{counted.describe()}"
    )
    if (folder.parent / LUDB_TABLE).is_file() and folder.name == "data":
        table = ludb_subjects(folder.parent / LUDB_TABLE)
        table["patient"] = [patient_of(database, name) for name in table["patient"]]
        table = table[table["patient"].isin(set(people.values()))]
    else:
        table = header_subjects(folder, people)
    return Material(
        people, open_record, table, counted, told, classes=annotator == CLASSES_STAND_IN
    )


def header_subjects(folder: Path, people: dict[str, str]) -> pd.DataFrame:
    """Read age and sex from header comments; pacing, where the database is mitdb.

    Parameters
    ----------
    folder : Path
        Headers.
    people : dict of str to str
        Patient of each record; of one with several records the first header counts.

    Returns
    -------
    pandas.DataFrame
        ``patient``, ``sex``, ``age``, and for mitdb ``pacing``, as text.
    """
    rows: dict[str, dict[str, str]] = {}
    for record, patient in people.items():
        known = read_subject(folder, record)
        row = {
            "patient": patient,
            "sex": known.sex,
            "age": "" if known.age_years is None else str(known.age_years),
        }
        if patient.startswith("mitdb/"):
            row["pacing"] = "paced" if record in PACED else "not paced"
        rows.setdefault(patient, row)
    return pd.DataFrame(list(rows.values()))


def ludb_subjects(path: Path) -> pd.DataFrame:
    r"""Read LUDB's own table, whose values end in line breaks within their quotes.

    Parameters
    ----------
    path : Path
        ``ludb.csv``.

    Returns
    -------
    pandas.DataFrame
        ``patient`` (the record), ``sex``, ``age``, ``pacing``, as text.

    Raises
    ------
    ingest.errors.InputError
        If the file cannot be read, or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    table.columns = [str(name).strip() for name in table.columns]
    needed = ("ID", "Sex", "Age", "Cardiac pacing")
    if missing := [name for name in needed if name not in table]:
        raise InputError(f"{path} has no column {', '.join(missing)}")
    text = {name: table[name].str.strip() for name in needed}
    return pd.DataFrame(
        {
            "patient": text["ID"],
            "sex": text["Sex"],
            "age": text["Age"].replace({">89": OVER_89}),
            "pacing": ["paced" if pacing else "not paced" for pacing in text["Cardiac pacing"]],
        }
    )
