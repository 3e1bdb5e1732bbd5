"""Every record of a cohort adapted on its first five minutes and scored on the rest by EC57."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from inference.beats import called
from inference.session import StreamSession
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.adaptation.adapt import Adapted, adapt
from training.adaptation.labelled_start import ServedBeats, labelled_start, listen
from training.assessment.scoring import TOGETHER, FoundBeats, compare_found
from training.ec57 import STANDARD, Annotations, RecordComparison, read_annotations


@dataclass(frozen=True, slots=True)
class AdaptedRecord:
    """One record, before and after."""

    before: RecordComparison
    """Scored by the model that it started from."""
    after: RecordComparison
    """Scored by its own model."""
    adapted: Adapted
    """That model."""


def classify(model: Path, served: ServedBeats) -> list[str]:
    """Call the beats of one record from a fresh state, as serving does; one class letter each.

    Parameters
    ----------
    model : Path
        ONNX file of a beat model.
    served : ServedBeats
        What it is given.
    """
    session = StreamSession(model, "beat", 1)
    slot = np.zeros(1, np.intp)
    probs = [
        session.step(slot, served.signal[i : i + 1], served.rr_s[i : i + 1])
        for i in range(len(served.sample))
    ]
    if not probs:
        return []
    return [session.info.classes[i] for i in called(np.concatenate(probs), session.info)]


def adapt_records(
    folder: Path,
    records: Sequence[str],
    base_of: Callable[[str], Path],
    qrs: Path | None = None,
) -> Iterator[AdaptedRecord]:
    """Adapt to each record's first five labelled minutes, and score the rest.

    Parameters
    ----------
    folder : Path
        The database, with annotations ``atr``.
    records : sequence of str
        Record names.
    base_of : callable
        Gives the beat model that a record starts from; all must want the same windows.
    qrs : Path, optional
        QRS model; the shipped one by default.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read, or has no labelled N beat in its start.
    """
    for begin in range(0, len(records), TOGETHER):
        part = records[begin : begin + TOGETHER]
        recordings = {record: open_recording(folder / record) for record in part}
        served = listen(recordings, base_of(part[0]), qrs)
        for record, recording in recordings.items():
            reference = read_annotations(folder, record, "atr", recording.fs)
            yield _one(record, recording, served[record], reference, base_of(record))


def _one(
    record: str, recording: Recording, served: ServedBeats, reference: Annotations, base: Path
) -> AdaptedRecord:
    """Adapt to one record and compare."""
    until = STANDARD.start(recording.fs)
    own = adapt(labelled_start(record, served, reference, until), base)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "own.onnx"
        path.write_bytes(own.content)
        before, after = (
            compare_found(
                record,
                FoundBeats(served.sample.tolist(), classify(model, served)),
                reference,
                recording,
            )
            for model in (base, path)
        )
    return AdaptedRecord(before, after, own)
