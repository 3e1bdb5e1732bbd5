"""The locked set: patients who judge a candidate, and what the models say of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ingest.errors import InputError
from training.audits.material import Material
from training.audits.predict import predict
from training.audits.rows import span
from training.audits.wfdb_database import wfdb_database
from training.datasets import LabelledSignal, load
from training.ec57 import DE_CHAZAL
from training.retrain.config import LockedSource, RetrainConfig

CONDITIONS = ("QRS", "VEB", "SVEB")
"""Conditions that are judged."""
Value = TypeVar("Value")

OLD_YEARS, FAST_BPM = 60, 90
"""Where groups by age and by rate are cut."""


class LockedSet:
    """The records of a change that judge its candidate.

    Parameters
    ----------
    config : RetrainConfig
        Which records.
    data : Path
        Folder of the databases.
    kept : Path, optional
        Folder in which what models say is kept, so that each scores the set but once.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read.
    """

    def __init__(self, config: RetrainConfig, data: Path, kept: Path | None = None) -> None:
        self._kept = kept
        self._sources, self._data = config.locked, data
        self._materials = [_material(source, data) for source in config.locked]
        self.subjects = pd.concat(
            [
                _grouped(material, source.database)
                for material, source in zip(self._materials, self._sources, strict=True)
            ],
            ignore_index=True,
        ).fillna("")
        self._told: dict[str, pd.DataFrame] = {}
        self._once: dict[Hashable, Any] = {}

    @property
    def told(self) -> str:
        """Data and protocol in words."""
        return "; ".join(material.told for material in self._materials)

    def scored(self, beat: Path, digest: str) -> pd.DataFrame:
        """Score all records by the pipeline with one beat model; once for each.

        Parameters
        ----------
        beat : Path
            ONNX file.
        digest : str
            Its SHA-256.
        """
        if digest not in self._told:
            file = None if self._kept is None else self._kept / f"{digest[:16]}.parquet"
            if file is not None and file.is_file():
                self._told[digest] = pd.read_parquet(file)
            else:
                self._told[digest] = self._score(beat)
                if file is not None:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    self._told[digest].to_parquet(file)
        return self._told[digest]

    @property
    def hours(self) -> dict[str, float]:
        """Hours of each patient that count."""
        return {
            patient: hours
            for material in self._materials
            for patient, hours in _hours(material).items()
        }

    def _score(self, beat: Path) -> pd.DataFrame:
        tables = [predict(material, beat=beat)[0] for material in self._materials]
        whole = pd.concat(tables, ignore_index=True)
        return whole[whole["condition"].isin(CONDITIONS)].reset_index(drop=True)

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return what was made for a key before, or make it."""
        if key not in self._once:
            self._once[key] = make()
        found: Value = self._once[key]
        return found

    def first(self, n: int) -> list[tuple[Path, str]]:
        """Name so many records, the first ones of each database in turn."""
        longest = max(len(source.records) for source in self._sources)
        turns = [
            (self._data / source.database, source.records[at])
            for at in range(longest)
            for source in self._sources
            if at < len(source.records)
        ]
        return turns[:n]

    def signals(self, n: int, fs: int, n_leads: int = 1) -> list[LabelledSignal]:
        """Read and condition the first leads of so many records, as :meth:`first` names them."""
        return [
            signal
            for folder, record in self.first(n)
            for signal in load(folder, [record], fs=fs, leads=range(n_leads))
        ]


def require_leads(config: RetrainConfig, data: Path, n_leads: int) -> None:
    """Refuse records that a model of several leads could be judged by only in part.

    Raises
    ------
    ingest.errors.InputError
        Naming a locked record of too few leads, or one that cannot be read.
    """
    for source in config.locked:
        for record in source.records:
            path = data / source.database / f"{record}.hea"
            try:
                lines = path.read_text("utf-8").splitlines()
                first = next(line for line in lines if line.strip() and line[0] != "#")
                n = int(first.split()[1])
            except (OSError, ValueError, IndexError, StopIteration) as error:
                raise InputError(f"cannot read {path}") from error
            if n < n_leads:
                raise InputError(
                    f"locked: {source.database}/{record} has {n} lead; allowed for a model of "
                    f"{n_leads} leads: records of as many"
                )


def _material(source: LockedSource, data: Path) -> Material:
    return wfdb_database(data / source.database, source.records, annotator=source.annotator)


def _hours(material: Material) -> dict[str, float]:
    hours = dict.fromkeys(material.records.values(), 0.0)
    for record, patient in material.records.items():
        reference = material.open(record)
        begin, end = span(reference, material.counted)
        hours[patient] += (end - begin) / reference.recording.fs / 3600
    return hours


def _grouped(material: Material, database: str) -> pd.DataFrame:
    """Add the attributes that groups are made of."""
    table = material.subjects.copy()
    years = pd.to_numeric(table["age"], errors="coerce")
    table["site"] = database
    table["age"] = np.where(
        years.isna(), "", np.where(years < OLD_YEARS, f"below {OLD_YEARS}", f"from {OLD_YEARS}")
    )
    rate: dict[str, str] = {}
    for record, patient in material.records.items():
        reference = material.open(record)
        beats = [symbol in DE_CHAZAL.classes for symbol in reference.beats.symbol]
        rr_s = np.diff(reference.beats.sample[np.array(beats, bool)]) / reference.beats.fs
        fast = len(rr_s) > 0 and 60 / float(np.median(rr_s)) >= FAST_BPM
        rate.setdefault(patient, f"from {FAST_BPM} bpm" if fast else f"below {FAST_BPM} bpm")
    table["rate"] = [rate[patient] for patient in table["patient"]]
    return table
