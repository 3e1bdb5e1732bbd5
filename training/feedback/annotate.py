"""Labels from feedback, written as WFDB annotations beside the records they are of.

A record of a folder is one stream; what the monitor said of it is as ``vigil score`` writes
it. The annotations are of an own extension, so that :mod:`training` reads them as it reads
the reference of a database: ``annotator = "fbk"`` in ``[[data.sources]]``.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import InputError
from ingest.json_text import read_json
from training.ec57 import DE_CHAZAL, read_annotations
from training.ec57.annotation import read_header
from training.feedback.labels import BeatLabels, label_beats
from training.feedback.resolve import Resolved
from training.feedback.trust import TrustPolicy

EXTENSION = "fbk"
"""Extension of annotations made of feedback."""
SCORED = "vgl"
"""Extension of what the monitor said of a record."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """One record, labelled."""

    record: str
    """Its name, which is its stream's."""
    file: Path
    """Annotations that were written."""
    counts: dict[str, int]
    """Beats by what their labels rest on."""
    least_trust: float
    """Least trust of a label; 0 where there is none."""

    def to_dict(self) -> dict[str, object]:
        """Give it as a JSON object."""
        return {
            "record": self.record,
            "file": self.file.name,
            "beats": self.counts,
            "least_trust": round(self.least_trust, 4),
        }


def annotate(
    answers: Iterable[Resolved],
    scored: Path,
    records: Path,
    policy: TrustPolicy = TrustPolicy(),
    extension: str = EXTENSION,
) -> list[Annotated]:
    """Write annotations of all records that somebody said something of.

    Parameters
    ----------
    answers : iterable of Resolved
        What people said; each stream's id is a record's name.
    scored : Path
        Folder with ``NAME.vgl`` and ``NAME.alarms.jsonl`` of ``vigil score``.
    records : Path
        Folder with the records' headers; annotations go there, and ``feedback.json`` that
        tells what each rests on.
    policy : TrustPolicy
        How far labels are trusted.
    extension : str
        Of the annotations; ``atr`` is not allowed, the reference is not overwritten.

    Raises
    ------
    ingest.errors.InputError
        If a record has no header or was not scored, or its feedback is of several sessions.
    """
    if extension in ("atr", SCORED):
        raise InputError(f"annotations of feedback must not be .{extension}: that is another's")
    by_stream: dict[str, list[Resolved]] = {}
    for one in answers:
        by_stream.setdefault(one.stream_id, []).append(one)
    done = []
    for name, own in sorted(by_stream.items()):
        if len(sessions := sorted({one.session for one in own})) > 1:
            raise InputError(
                f"feedback on {name} is of {len(sessions)} sessions, a record is of one: "
                f"choose one of {', '.join(sessions)}"
            )
        labels, fs = _labelled(name, own, scored, records, policy)
        file = _write(records, name, extension, labels, fs)
        known = labels.trust[labels.trust > 0]
        least = float(known.min()) if len(known) else 0.0
        done.append(Annotated(name, file, labels.counts(), least))
    told = {"annotator": extension, "records": [one.to_dict() for one in done]}
    (records / "feedback.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return done


def read_alarms(path: Path) -> dict[str, Mapping[str, Any]]:
    """Read the alarms of one record as they were raised, by id.

    Raises
    ------
    ingest.errors.InputError
        If the file cannot be read, or a line is no alarm.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    told = [read_json(line, f"an alarm of {path.name}") for line in lines if line.strip()]
    if not all(isinstance(one, dict) and {"id", "state", "onset"} <= one.keys() for one in told):
        raise InputError(f"{path} holds a line that is no alarm")
    return {one["id"]: one for one in told if one["state"] == "raised"}


def _labelled(
    name: str, own: list[Resolved], scored: Path, records: Path, policy: TrustPolicy
) -> tuple[BeatLabels, float]:
    header = read_header(records, name)
    if header is None:
        raise InputError(f"feedback on {name}: {records} has no such record")
    fs = header.fs
    found = read_annotations(scored, name, SCORED, fs)
    classes = [DE_CHAZAL.classes.get(symbol) for symbol in found.symbol]
    beats = np.array([each is not None for each in classes], bool)
    alarms = read_alarms(scored / f"{name}.alarms.jsonl")
    called = [each for each in classes if each is not None]
    return label_beats(found.sample[beats], called, fs, alarms, own, policy), fs


def _write(folder: Path, name: str, extension: str, labels: BeatLabels, fs: float) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
        import wfdb
    try:
        wfdb.wrann(
            name,
            extension,
            labels.sample,
            symbol=labels.label,
            fs=fs,
            write_dir=str(folder),
        )
    except OSError as error:
        raise InputError(f"cannot write into {folder}: {error.strerror or error}") from error
    return folder / f"{name}.{extension}"
