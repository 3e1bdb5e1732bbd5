"""The signals of a run, from one WFDB database or from several."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.ticks import TICK_MS
from ingest.errors import InputError
from ingest.frames import Lead
from ingest.recording import Recording
from training.config import DataConfig, SourceConfig
from training.datasets import LabelledSignal, all_records, condition
from training.forecast.series import SeriesSplit
from training.found_beats import unlabelled_records
from training.guard import Look, Split, require_causal
from training.prepared import Wanted, read_prepared, read_records, wanted_of
from training.rhythm_labels import rhythm_records
from training.rhythm_spans import span_records
from training.splits import patient_of, require_disjoint


def records_of(part: SourceConfig, data: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the records of one database that are learned from, and those kept for validation.

    Raises
    ------
    ingest.errors.InputError
        If all are asked for and there are none, or validation names one that is not there.
    """
    chosen = part.chosen
    if not chosen and part.labels == "rhythm":
        chosen = rhythm_records(data / part.database)
    if not chosen and part.labels == "none":
        chosen = unlabelled_records(data / part.database)
    if not chosen and part.labels == "spans":
        chosen = span_records(data / part.database, part.annotator)
    chosen = chosen or all_records(data / part.database, part.annotator)
    validation = chosen if part.validation == "all" else part.validation
    if strange := set(validation) - set(chosen):
        raise InputError(f"{part.database} has no record {', '.join(sorted(strange))} to validate")
    return tuple(record for record in chosen if record not in validation), validation


def read_split(
    config: DataConfig,
    data: Path,
    n_leads: int = 1,
    look: Look | None = None,
    prepared: Path | None = None,
) -> Split:
    """Read and condition both sides of a run's split.

    Parameters
    ----------
    config : DataConfig
        Which databases, records and leads.
    data : Path
        Folder of the databases.
    n_leads : int
        Leads of a record that the model looks at together.
    look : Look, optional
        Leave to read DS2, as :class:`training.guard.Split`.
    prepared : Path, optional
        Data set that holds the records, conditioned, as ``vigil dataset`` wrote it.

    Returns
    -------
    Split
        All leads of the records learned from; so many first ones of those kept for validation.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read, none is left to learn from, or the split is refused.
    """
    named = [(part, *records_of(part, data)) for part in config.parts]
    patients: dict[str, list[str]] = {"training": [], "validation": []}
    for part, *sides in named:
        database = (data / part.database).name
        for side, records in zip(patients, sides, strict=True):
            patients[side] += [patient_of(database, record) for record in records]
    require_disjoint(patients)  # before any signal is read
    require_causal_conditioning(config.fs)
    if not patients["training"]:
        raise InputError("data.sources: no record is left to learn from")

    def read(wanted: Sequence[Wanted]) -> list[LabelledSignal]:
        return read_records(wanted, data) if prepared is None else read_prepared(wanted, prepared)

    training: list[LabelledSignal] = []
    validation: list[LabelledSignal] = []
    for part, learned, kept in wanted_records(config, data, n_leads):
        training += [replace(signal, weight=part.weight) for signal in read(learned)]
        validation += read(kept)
    return Split(training, validation, look)


def wanted_records(
    config: DataConfig, data: Path, n_leads: int
) -> Iterator[tuple[SourceConfig, list[Wanted], list[Wanted]]]:
    """List the records of both sides, database by database, as :func:`read_split` wants them.

    Yields
    ------
    part : SourceConfig
    learned, kept : list of Wanted
        Learned from, with all leads; kept for validation, with so many first ones.
    """
    for part in config.parts:
        learned, kept = records_of(part, data)
        yield (
            part,
            wanted_of(part, learned, config.fs, part.leads),
            wanted_of(part, kept, config.fs, part.leads[:n_leads]),
        )


def write_subjects(path: Path, split: Split | SeriesSplit) -> None:
    """Write who was learned from and who judged, a row a record, as CSV.

    Parameters
    ----------
    path : Path
        File to write: ``side``, ``record``, ``patient``, ``age_years``, ``sex``; empty where
        the header does not tell.
    split : Split
        Both sides.
    """
    rows: dict[tuple[str, str, str], tuple[int | None, str]] = {}
    for side, signals in (("training", split.training), ("validation", split.validation)):
        for s in signals:
            rows[side, s.name, s.patient] = (s.subject.age_years, s.subject.sex)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("side", "record", "patient", "age_years", "sex"))
        writer.writerows((*key, *told) for key, told in rows.items())


def require_causal_conditioning(fs: int) -> None:
    """Refuse to train where conditioning lets a sample know what comes after its tick.

    Parameters
    ----------
    fs : int
        Sampling frequency of the model, Hz.

    Raises
    ------
    ingest.errors.InputError
        As :func:`training.guard.require_causal`.
    """
    source_fs = 2 * fs

    def conditioned(adu: NDArray[np.float32]) -> NDArray[np.float32]:
        samples = np.rint(adu).astype(np.int16)[None]
        signal, scale = condition(Recording("probe", source_fs, (Lead("II"),), samples), 0, fs)
        return np.asarray(signal / np.repeat(scale, fs * TICK_MS // 1000), np.float32)

    time_s = np.arange(10 * source_fs) / source_fs
    probe = 200 * np.sin(2 * np.pi * 1.2 * time_s) ** 21 + 100 * np.sin(0.6 * time_s)
    tick = source_fs * TICK_MS // 1000
    require_causal(
        "conditioning", conditioned, probe.astype(np.float32), look_ahead=2 * tick, stride=2
    )
