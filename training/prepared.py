"""Records read, conditioned and labelled beforehand, a file each: a data set that many runs share.

What a configuration learns from is a list of records, and each record is worked out alone: on this
machine or on many, the files are the same to the byte. A file is named by all that it depends on.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import InputError
from training.config import SourceConfig
from training.datasets import LabelledSignal, load
from training.found_beats import load_unlabelled
from training.rhythm_labels import load_rhythms
from training.rhythm_spans import load_spans
from training.subjects import Subject

MANIFEST = "manifest.json"
"""What the data set holds: each file with its digest, its record, and what made it."""
FORM = 1
"""Of the files; another number is another form."""
ARRAYS = ("signal_uv", "scale_uv", "r_ms", "aami", "flutter_ms", "rhythm_ms")
"""Fields of a signal that are arrays."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record as a run wants it."""

    database: str
    """Folder of its database, below the data folder."""
    record: str
    """Name."""
    labels: str
    """What is labelled: :attr:`training.config.SourceConfig.labels`."""
    leads: tuple[int, ...]
    """Signals of the record."""
    annotator: str
    """Extension of the annotations."""
    fs: int
    """Sampling frequency wanted, Hz."""

    @property
    def file(self) -> str:
        """Name of its file.

        Examples
        --------
        >>> Wanted("mitdb", "101", "beats", (0,), "atr", 125).file
        'mitdb-101-745db7894737.npz'
        """
        told = hashlib.sha256(f"{FORM} {self}".encode()).hexdigest()[:12]
        return f"{self.database.replace('/', '-')}-{self.record}-{told}.npz"


def wanted_of(
    part: SourceConfig, records: Sequence[str], fs: int, leads: tuple[int, ...]
) -> list[Wanted]:
    """List records of one database as a run wants them."""
    return [Wanted(part.database, each, part.labels, leads, part.annotator, fs) for each in records]


def read_records(wanted: Sequence[Wanted], data: Path) -> list[LabelledSignal]:
    """Read, condition and label records that differ in nothing but their names.

    Many at once are read faster; each comes out as it does alone.

    Raises
    ------
    ingest.errors.InputError
        As the loader of their labels.
    """
    if not wanted:
        return []
    one, records = wanted[0], [each.record for each in wanted]
    folder = data / one.database
    if one.labels == "rhythm":
        return load_rhythms(folder, records, fs=one.fs)
    if one.labels == "none":
        return load_unlabelled(folder, records, fs=one.fs)
    read = load_spans if one.labels == "spans" else load
    return read(folder, records, fs=one.fs, leads=one.leads, annotator=one.annotator)


def prepare(wanted: Wanted, data: Path, out: Path) -> dict[str, Any]:
    """Read one record and write its file, whole or not at all.

    Parameters
    ----------
    wanted : Wanted
        The record.
    data : Path
        Folder of the databases.
    out : Path
        Folder of the data set, which exists.

    Returns
    -------
    dict
        Its entry of the manifest.
    """
    signals = read_records([wanted], data)
    arrays: dict[str, Any] = {}
    plain: list[dict[str, Any]] = []
    for at, signal in enumerate(signals):
        arrays |= {f"{name}_{at}": getattr(signal, name) for name in ARRAYS}
        told = {f.name: getattr(signal, f.name) for f in fields(signal) if f.name not in ARRAYS}
        plain.append(told | {"subject": asdict(signal.subject)})
    with tempfile.TemporaryDirectory(prefix=".vigil-", dir=out) as beside:
        path = Path(beside) / wanted.file
        np.savez(path, allow_pickle=False, signals=np.array(json.dumps(plain)), **arrays)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.replace(out / wanted.file)
    seconds = max((len(s.signal_uv) / s.fs for s in signals), default=0.0)
    patients = sorted({s.patient for s in signals})
    entry = {"file": wanted.file, "sha256": digest, "signals": len(signals), "patients": patients}
    return entry | {"duration_s": round(seconds, 3), "wanted": asdict(wanted)}


def read_prepared(wanted: Sequence[Wanted], folder: Path) -> list[LabelledSignal]:
    """Read records of a data set; errors as :func:`_read_file`."""
    return [signal for each in wanted for signal in _read_file(each, folder)]


def _read_file(wanted: Wanted, folder: Path) -> Iterator[LabelledSignal]:
    """Read one record of a data set.

    Raises
    ------
    ingest.errors.InputError
        If it is not there as it is wanted.
    """
    path = folder / wanted.file
    if not path.is_file():
        raise InputError(
            f"data set {folder} has no {wanted.file}, record {wanted.record} of "
            f"{wanted.database} as this run wants it: make it with vigil dataset"
        )
    with np.load(path, allow_pickle=False) as file:
        for at, told in enumerate(json.loads(str(file["signals"]))):
            subject = Subject(**told.pop("subject"))
            held = {name: file[f"{name}_{at}"] for name in ARRAYS}
            yield LabelledSignal(**told, **held, subject=subject)


def write_manifest(out: Path, entries: Mapping[str, dict[str, Any]]) -> Path:
    """Write what the data set holds, in order of its files' names.

    Parameters
    ----------
    out : Path
        Folder of the data set.
    entries : mapping of str to dict
        What :func:`prepare` told of each file, by its name.
    """
    listed = [entries[name] for name in sorted(entries)]
    total = hashlib.sha256("".join(each["sha256"] for each in listed).encode()).hexdigest()
    told = {"form": FORM, "sha256": total, "files": listed}
    path, part = out / MANIFEST, out / f".{MANIFEST}.part"
    part.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    part.replace(path)
    return path


def changed_files(folder: Path) -> Iterator[str]:
    """Name the files of a data set that are not as its manifest says, or not there.

    Raises
    ------
    ingest.errors.InputError
        If there is no manifest to hold them against.
    """
    try:
        told = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} is no data set: {error}") from error
    for each in told["files"]:
        path = folder / each["file"]
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != each["sha256"]:
            yield each["file"]
