"""A record in a file, its start adapted to."""

from __future__ import annotations

import math
from pathlib import Path

from ingest.errors import InputError
from ingest.wfdb_replay import open_recording, record_name
from training.adaptation.adapt import Adapted, adapt
from training.adaptation.labelled_start import beginning, labelled_start, listen
from training.ec57 import read_annotations

LONGEST_MIN = 60.0
"""Labelled start at most, minutes."""


def adapt_record(
    path: Path,
    base: Path,
    *,
    minutes: float = 5.0,
    lead: str | None = None,
    annotator: str = "atr",
    qrs: Path | None = None,
) -> Adapted:
    """Adapt a beat model to the labelled start of a record; what comes after is not read.

    Parameters
    ----------
    path : Path
        WFDB record.
    base : Path
        ONNX file of the beat model to start from.
    minutes : float
        Length of the start, minutes.
    lead : str, optional
        Lead, by name or index; by default the one that serving would choose.
    annotator : str
        Extension of the reference beats.
    qrs : Path, optional
        QRS model; the shipped one by default.

    Raises
    ------
    ingest.errors.InputError
        If the record, its annotations or the model cannot be read or used, or no N beat
        is labelled in the start.
    """
    if not (math.isfinite(minutes) and 0 < minutes <= LONGEST_MIN):
        raise InputError(f"--minutes must be above 0 and at most {LONGEST_MIN:g}, not {minutes:g}")
    recording = open_recording(path, None if lead is None else [lead])
    name = record_name(path)
    reference = read_annotations(path.parent, name, annotator, recording.fs)
    part = beginning(recording, minutes * 60)
    served = listen({name: part}, base, qrs)[name]
    return adapt(labelled_start(name, served, reference, round(minutes * 60 * recording.fs)), base)
