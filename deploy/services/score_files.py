"""What ``vigil score`` writes: WFDB annotations, alarms as lines of JSON, and their strips drawn.

Each file is written beside its place and then moved there, so that whoever
looks finds it whole or not at all.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np

from deploy.services.record_score import RecordScore
from deploy.services.score_strips import strips_page
from inference.rhythm import AUX, rhythm_changes
from ingest.errors import InputError

EXTENSION = "vgl"
"""Extension of the annotation files."""

RHYTHM_SYMBOL = "+"
"""WFDB's symbol of a rhythm change; the rhythm stands in the auxiliary note."""

NOTE_SYMBOL = '"'
"""WFDB's symbol of a comment: which lead is scored from here on."""

Annotations = list[tuple[int, str, str]]
"""Sample, symbol and auxiliary note of each annotation, in order of time."""


def to_annotations(score: RecordScore) -> Annotations:
    """Put beats, changes of rhythm and lead, and windowed models' labels in one order of time.

    Parameters
    ----------
    score : RecordScore
        What was found.

    Returns
    -------
    list of (int, str, str)
        Never empty: the first is the rhythm at the record's start.
    """
    found = [(r_ms, 1, letter, "") for r_ms, letter in score.beats]
    for at_ms, rhythm in rhythm_changes(score.episodes, start_ms=0):
        found.append((at_ms, 0, RHYTHM_SYMBOL, AUX[rhythm]))
    found += [(at_ms, 0, RHYTHM_SYMBOL, f"({label}") for at_ms, label in score.labels]
    found += [(at_ms, 0, NOTE_SYMBOL, f"lead {name}") for at_ms, name in score.leads]
    clock, last = score.clock, score.n_samples - 1
    return [
        (min(max(clock.sample(at_ms), 0), last), symbol, aux)
        for at_ms, _, symbol, aux in sorted(found, key=lambda each: each[:2])
    ]


def file_paths(out: Path, name: str, *, strips: bool = False) -> dict[str, Path]:
    """Return where the files of a record go."""
    paths = {"annotations": out / f"{name}.{EXTENSION}", "alarms": out / f"{name}.alarms.jsonl"}
    return paths | ({"strips": out / f"{name}.strips.html"} if strips else {})


def write_score(score: RecordScore, out: Path, *, strips: bool = False) -> dict[str, str]:
    """Write the files of one record into a folder that exists.

    Parameters
    ----------
    score : RecordScore
        What was found.
    out : Path
        The folder.
    strips : bool
        Draw the strips that its alarms carry.

    Returns
    -------
    dict of str to str
        Their paths, by what they are.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    paths = file_paths(out, score.name, strips=strips)
    try:
        with tempfile.TemporaryDirectory(prefix=".vigil-", dir=out) as beside:
            folder = Path(beside)
            _write_annotations(score, folder)
            lines = b"".join(alarm + b"\n" for alarm in score.alarms)
            (folder / "alarms").write_bytes(lines)
            (folder / f"record.{EXTENSION}").replace(paths["annotations"])
            (folder / "alarms").replace(paths["alarms"])
            if strips:
                (folder / "strips").write_text(strips_page(score.name, score.alarms), "utf-8")
                (folder / "strips").replace(paths["strips"])
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror or error}") from error
    return {what: str(path) for what, path in paths.items()}


def _write_annotations(score: RecordScore, folder: Path) -> None:
    """Write ``record.vgl``; wfdb allows fewer record names than files can have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
        import wfdb
    sample, symbol, aux = zip(*to_annotations(score), strict=True)
    wfdb.wrann(
        "record",
        EXTENSION,
        np.array(sample, np.int64),
        symbol=list(symbol),
        aux_note=list(aux),
        fs=score.fs,
        write_dir=str(folder),
    )
