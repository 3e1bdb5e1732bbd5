"""The target's beats as the pipeline finds them, asked of many models, and scored by EC57."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference import model
from inference.beats import called
from inference.session import StreamSession
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.adaptation.labelled_start import ServedBeats, listen
from training.assessment.scoring import TOGETHER, FoundBeats, compare_found
from training.ec57 import Annotations, RecordComparison, gross, read_annotations

Counts = dict[str, list[int]]
"""Beats found, missed and falsely told, by ``qrs``, ``veb`` and ``sveb``."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """One record."""

    recording: Recording
    """Its signals."""
    reference: Annotations
    """Its reference beats."""
    served: ServedBeats
    """What any beat model is given for it, at detected R-peaks."""


def hear(folder: Path, records: Sequence[str]) -> dict[str, Heard]:
    """Detect the beats of records with the shipped QRS detector.

    Parameters
    ----------
    folder : Path
        The database, with annotations ``atr``.
    records : sequence of str
        Record names.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read or scored.
    """
    heard = {}
    for begin in range(0, len(records), TOGETHER):
        opened = {name: open_recording(folder / name) for name in records[begin : begin + TOGETHER]}
        for name, served in listen(opened, model.find("beat")).items():
            reference = read_annotations(folder, name, "atr", opened[name].fs)
            heard[name] = Heard(opened[name], reference, served)
    return heard


def classify(path: Path, heard: Mapping[str, Heard]) -> dict[str, list[str]]:
    """Call the beats of records side by side, each from a fresh state, as serving does.

    Parameters
    ----------
    path : Path
        ONNX file of a beat model of one lead.
    heard : mapping of str to Heard
        Records by name.

    Returns
    -------
    dict of str to list of str
        A class letter a beat.
    """
    session = StreamSession(path, "beat", len(heard))
    served = [one.served for one in heard.values()]
    ends = np.array([len(one.sample) for one in served])
    probs = [np.zeros((n, len(session.info.classes)), np.float32) for n in ends]
    for i in range(max(ends, default=0)):
        slots = np.flatnonzero(ends > i)
        signal = np.stack([served[slot].signal[i] for slot in slots])
        rr_s = np.stack([served[slot].rr_s[i] for slot in slots])
        for slot, row in zip(slots, session.step(slots, signal, rr_s), strict=True):
            probs[slot][i] = row
    classes = session.info.classes
    return {
        name: [classes[code] for code in called(own, session.info)]
        for name, own in zip(heard, probs, strict=True)
    }


def compare(path: Path, heard: Mapping[str, Heard]) -> list[RecordComparison]:
    """Score a model on records by EC57; parameters as :func:`classify`."""
    return [
        compare_found(
            name,
            FoundBeats(heard[name].served.sample.tolist(), classes),
            heard[name].reference,
            heard[name].recording,
        )
        for name, classes in classify(path, heard).items()
    ]


def counts_of(comparison: RecordComparison) -> Counts:
    """Give one record's counts."""
    tallies = gross([comparison])
    return {kind: [tally.tp_se, tally.fn, tally.fp] for kind, tally in tallies.items()}
