"""Series of what sensors tell, such as heart rate and SpO2, on a regular grid with holes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.numerics import averaged, channel_values
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.config import TrainConfig
from training.splits import patient_of
from training.subjects import UNKNOWN, Subject, read_subject

NUMERICS_SUFFIX = "n"
"""What bidmc puts behind the name of a record for its numerics."""
_MIMIC_SUBJECT = re.compile(r"mimic2wdb/matched/(s\d+)/")


@dataclass(frozen=True, slots=True, eq=False)
class SensorSeries:
    """All channels of one record."""

    name: str
    """Record name."""
    patient: str
    """The person."""
    channels: tuple[str, ...]
    """Channel names, in order."""
    values: NDArray[np.float32]
    """Array of shape (n_steps, n_channels), each channel in its own unit; NaN where missing."""
    fs: float = 1.0
    """Steps a second, Hz."""
    subject: Subject = UNKNOWN
    """Age and sex, where the header tells them."""

    @property
    def duration_h(self) -> float:
        """Length, hours."""
        return len(self.values) / self.fs / 3600


def load_series(
    folder: Path, records: Iterable[str], channels: Sequence[str], fs: float = 1.0
) -> list[SensorSeries]:
    """Read records of a WFDB database.

    Parameters
    ----------
    folder : Path
        The database.
    records : iterable of str
        Record names, such as ``bidmc01n``.
    channels : sequence of str
        Channels wanted; one that a record lacks is missing throughout.
    fs : float
        Steps a second, Hz: a record that is faster is averaged down.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read, has none of the channels, or is no whole number of times
        as fast.
    """
    loaded = []
    for record in records:
        recording = open_recording(folder / record)
        values = channel_values(recording.leads, recording.samples, channels, record)
        values = averaged(values, recording.fs, fs, record)
        patient = person_behind(folder, record)
        subject = read_subject(folder, record)
        loaded.append(SensorSeries(record, patient, tuple(channels), values, fs, subject))
    return loaded


def person_behind(folder: Path, record: str) -> str:
    """Name the person of a record, by the MIMIC II subject where the header tells one.

    The 53 records of bidmc are of 46 persons: records 06 to 09, 20 to 23, and 38 and 39 are each
    of one.
    """
    header = (folder / f"{record}.hea").read_text("utf-8", errors="replace")
    subject = _MIMIC_SUBJECT.search(header)
    if subject:
        return f"{folder.name}/{subject[1]}"
    return patient_of(folder.name, record.removesuffix(NUMERICS_SUFFIX))


def numerics_records(folder: Path) -> tuple[str, ...]:
    """Name the records of numerics in a database, in order.

    Raises
    ------
    ingest.errors.InputError
        If there is none.
    """
    names = sorted(path.stem for path in folder.glob(f"*[0-9]{NUMERICS_SUFFIX}.hea"))
    if not names:
        raise InputError(f"no record of numerics (*{NUMERICS_SUFFIX}.hea) in {folder}")
    return tuple(names)


def series_digest(series: Iterable[SensorSeries]) -> str:
    """Fingerprint of series, in order, as 64 hex digits."""
    total = hashlib.sha256()
    for each in series:
        total.update(f"{each.patient}/{each.name}/{','.join(each.channels)}/{each.fs:g}".encode())
        total.update(np.ascontiguousarray(each.values).tobytes())
    return total.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class SeriesSplit:
    """Series that a model learns from, and those that judge it while it is made.

    Raises
    ------
    ingest.errors.InputError
        If a patient stands on both sides.
    """

    training: Sequence[SensorSeries]
    """Learned from."""
    validation: Sequence[SensorSeries] = ()
    """Kept aside."""

    def __post_init__(self) -> None:
        if shared := {*self.training_patients} & {*self.validation_patients}:
            raise InputError(f"patients {', '.join(sorted(shared))} are on both sides of the split")

    @property
    def training_patients(self) -> list[str]:
        """Patients learned from, in order."""
        return sorted({each.patient for each in self.training})

    @property
    def validation_patients(self) -> list[str]:
        """Patients kept aside, in order."""
        return sorted({each.patient for each in self.validation})


def read_series_split(config: TrainConfig, data: Path) -> SeriesSplit:
    """Read both sides of a forecaster's split: all records, or those named.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read, or none is left to learn from.
    """
    part, folder = config.data, data / config.data.database
    names = part.chosen or numerics_records(folder)
    kept = () if part.validation == "all" else part.validation
    if part.validation == "all" or set(names) <= set(kept):
        raise InputError("data.validation: no record is left to learn from")
    if strange := set(kept) - set(names):
        raise InputError(f"data.validation: {folder.name} has no {', '.join(sorted(strange))}")
    channels, fs = config.forecast.channels, config.forecast.fs
    learned = [name for name in names if name not in kept]
    return SeriesSplit(
        load_series(folder, learned, channels, fs), load_series(folder, kept, channels, fs)
    )
