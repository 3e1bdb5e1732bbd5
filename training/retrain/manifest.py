"""Who and what a change rests on: every record with digests, side, label source and consent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import InputError
from training.config import SourceConfig, TrainConfig
from training.ec57 import DE_CHAZAL, read_annotations
from training.ec57.annotation import read_header
from training.found_beats import REFERENCE
from training.guard.held_out import beats_print
from training.retrain.config import LockedSource, RetrainConfig
from training.sources import records_of
from training.splits import patient_of

SCHEMA = "vigil.dataset/1"
"""Name and version of the manifest's form."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record and what it serves."""

    side: str
    """``training``, ``validation``, ``locked``, or ``left out``."""
    database: str
    """Folder."""
    record: str
    """Name."""
    patient: str
    """Person, as :func:`training.splits.patient_of` names them."""
    signal_sha256: str
    """Digest of the record's signal files."""
    labels_sha256: str
    """Digest of its annotations."""
    beats: str
    """Fingerprint of where its annotated beats are."""
    labels: str
    """``reference``, what ``feedback`` made, the ``rhythm`` of the whole record, or ``none``: a
    teacher alone tells."""
    told: dict[str, Any] | None = None
    """Of feedback: beats by what their labels rest on, and the least trust."""
    why: str = ""
    """Why it is left out."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All records of one change."""

    entries: tuple[Entry, ...]
    """In order of side and name."""

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    @property
    def locked_digest(self) -> str:
        """SHA-256 of the locked set alone: what looks are counted by."""
        own = sorted((e.signal_sha256, e.labels_sha256) for e in self.of("locked"))
        return hashlib.sha256(json.dumps(own).encode()).hexdigest()

    def of(self, *sides: str) -> list[Entry]:
        """Entries of some sides."""
        return [entry for entry in self.entries if entry.side in sides]

    def leaks(self) -> list[str]:
        """Say who stands on both sides, by name, by signal, or by the places of their beats."""
        found = []
        locked = self.of("locked")
        for one in self.of("training", "validation"):
            for other in locked:
                what = [
                    name
                    for name, same in (
                        ("is the same person as", one.patient == other.patient),
                        ("has the very signal of", one.signal_sha256 == other.signal_sha256),
                        ("has the very beats of", bool(one.beats) and one.beats == other.beats),
                    )
                    if same
                ]
                if what:
                    found.append(
                        f"{one.database}/{one.record} ({one.side}) {what[0]} locked "
                        f"{other.database}/{other.record}"
                    )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        return {"schema": SCHEMA, "records": [asdict(entry) for entry in self.entries]}


def make_manifest(config: RetrainConfig, training: TrainConfig, data: Path) -> Manifest:
    """List and fingerprint every record of a change.

    Raises
    ------
    ingest.errors.InputError
        If a record or a list cannot be read, or nobody is left to learn from.
    """
    allowed = None if config.consent is None else set(_lines(config.consent))
    barred = {} if config.exclude is None else _lines(config.exclude)
    entries: list[Entry] = []
    for part in training.data.parts:
        learned, kept = records_of(part, data)
        for side, names in (("training", learned), ("validation", kept)):
            for name in names:
                patient = patient_of((data / part.database).name, name)
                why = _why_left_out(patient, allowed, barred)
                entries.append(_entry("left out" if why else side, part, name, data, why))
    for source in config.locked:
        entries += [_entry("locked", source, name, data, "") for name in source.records]
    made = Manifest(tuple(sorted(entries, key=lambda e: (e.side, e.database, e.record))))
    if not made.of("training"):
        raise InputError("nobody is left to learn from: consent and exclusion leave no record")
    return made


def without_left_out(training: TrainConfig, manifest: Manifest, data: Path) -> TrainConfig:
    """Return the training with the records named that may be learned from."""
    out = {(entry.database, entry.record) for entry in manifest.of("left out")}
    if not out:
        return training
    parts = []
    for part in training.data.parts:
        learned, kept = records_of(part, data)
        left = [
            tuple(n for n in names if (part.database, n) not in out) for names in (learned, kept)
        ]
        if left[0] or left[1]:
            parts.append(
                part.model_copy(update={"records": left[0] + left[1], "validation": left[1]})
            )
    if not training.data.sources:
        own = {"records": parts[0].records, "validation": parts[0].validation}
        return training.model_copy(update={"data": training.data.model_copy(update=own)})
    data_config = training.data.model_copy(update={"sources": tuple(parts)})
    return training.model_copy(update={"data": data_config})


def _entry(side: str, part: SourceConfig | LockedSource, name: str, data: Path, why: str) -> Entry:
    folder, annotator = data / part.database, part.annotator
    header = read_header(folder, name)
    if header is None:
        raise InputError(f"{folder} has no record {name}")
    signals = [each for each in sorted(folder.glob(f"{name}.*")) if each.suffix in (".dat", ".mat")]
    signal = _digest(signals or [folder / f"{name}.hea"])
    if isinstance(part, SourceConfig) and part.labels != "beats":
        table = folder / REFERENCE
        labels = _digest([table] if part.labels == "rhythm" and table.is_file() else [])
        patient = patient_of(folder.name, name)
        return Entry(side, part.database, name, patient, signal, labels, "", part.labels, None, why)
    notes = read_annotations(folder, name, annotator, header.fs)
    is_beat = np.array([symbol in DE_CHAZAL.classes for symbol in notes.symbol], bool)
    r_ms = np.rint(notes.sample[is_beat] * 1000 / header.fs).astype(np.int64)
    told = _feedback(folder, annotator).get(name)
    return Entry(
        side,
        part.database,
        name,
        patient_of(folder.name, name),
        signal,
        _digest([folder / f"{name}.{annotator}"]),
        beats_print(r_ms),
        "reference" if told is None else "feedback",
        told,
        why,
    )


def _feedback(folder: Path, annotator: str) -> dict[str, dict[str, Any]]:
    """Read what feedback made of a database, by record; nothing where annotations are others."""
    path = folder / "feedback.json"
    if not path.is_file():
        return {}
    told = json.loads(path.read_text("utf-8"))
    if told.get("annotator") != annotator:
        return {}
    return {
        one["record"]: {"beats": one["beats"], "least_trust": one["least_trust"]}
        for one in told["records"]
    }


def _why_left_out(patient: str, allowed: set[str] | None, barred: dict[str, str]) -> str:
    if patient in barred:
        return barred[patient] or "excluded"
    return "" if allowed is None or patient in allowed else "no consent"


def _lines(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    return dict(_split(lines))


def _split(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if line.strip() and not line.startswith("#"):
            patient, _, why = line.partition("\t")
            yield patient.strip(), why.strip()


def _digest(paths: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        try:
            total.update(path.read_bytes())
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
    return total.hexdigest()
