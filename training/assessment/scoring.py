"""Records scored by the pipeline that serves, with detected or with reference R-peaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.model import ModelInfo
from inference.peaks import PeakPicker, Peaks
from inference.pipeline import Pipeline
from inference.results import Beat, Results
from inference.slots import Slots
from inference.streams import Streams, choose_lead
from inference.ticks import TICK_MS
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, open_recording
from training.ec57 import (
    DE_CHAZAL,
    Annotations,
    RecordComparison,
    compare_record,
    make_annotations,
    read_annotations,
)

CHUNK_S = 20.0
"""Signal taken at a time, s; the result does not depend on it."""
TOGETHER = 24
"""Records scored side by side."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The models that score."""

    qrs: Path | None = None
    """QRS model; the shipped one where there is none."""
    beat: Path | None = None
    """Beat model; the shipped one where there is none."""


@dataclass(slots=True)
class FoundBeats:
    """What the pipeline said of one record."""

    sample: list[int] = field(default_factory=list)
    """R-peaks, sample indices of the record."""
    aami: list[str] = field(default_factory=list)
    """AAMI class of each."""
    row: int = 0
    """Which of the record's leads was scored, from 0."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One record, scored and compared with its reference."""

    folder: Path
    """The database."""
    fs: float
    """Sampling frequency of all sample indices, Hz."""
    row: int
    """Which of the record's leads was scored, from 0."""
    comparison: RecordComparison
    """By EC57, beat by beat."""

    @property
    def record(self) -> str:
        """Record name."""
        return self.comparison.record


class GivenPeaks(PeakPicker):
    """Takes the place of the peak picker and hands out R-peaks that are known beforehand.

    A beat is handed out in the first tick that ends when the window behind it is
    whole, so the beat model sees the very windows and RR intervals that it is
    served with. Of beats less than a tick apart the second comes a tick later. Those
    whose window was not whole when the lead changed are lost, as where they are detected.

    Parameters
    ----------
    qrs : ModelInfo
        The QRS model, whose frames give the form of the probabilities.
    window_after_ms : int
        Signal that the beat model wants behind a peak, ms.
    streams : Streams
        Who sits in which slot.
    r_ms : mapping of str to array of shape (n_beats,), ms
        R-peaks of each stream on its clock, in order.
    """

    def __init__(
        self,
        qrs: ModelInfo,
        window_after_ms: int,
        streams: Streams,
        r_ms: Mapping[str, NDArray[np.int64]],
    ) -> None:
        super().__init__(qrs, window_after_ms)
        self._after, self._streams = window_after_ms, streams
        self._left = {stream: times.tolist()[::-1] for stream, times in r_ms.items()}
        self._seen: dict[int, tuple[str, int]] = {}

    def reset(self, slots: Slots) -> None:
        """Begin with another lead, or stream: what lies before it is handed out no more."""
        super().reset(slots)
        for slot in slots.tolist():
            stream, seen_ms = self._seen.pop(slot, ("", 0))
            left = self._left.get(stream, [])
            while left and left[-1] < seen_ms:
                left.pop()

    def pick(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        probs: NDArray[np.float32],
        allowed: NDArray[np.bool_],
    ) -> Peaks:
        """Give the known peaks whose windows have become whole; see :class:`PeakPicker`."""
        found: list[tuple[int, int, int]] = []
        for row, slot in enumerate(slots.tolist()):
            stream = self._streams.info(slot).stream_id
            left = self._left[stream]
            self._seen[slot] = stream, int(first_ms[row]) + (probs.shape[1] - 1) * TICK_MS
            for tick in range(probs.shape[1]):
                now_ms = int(first_ms[row]) + tick * TICK_MS
                if left and left[-1] <= now_ms - self._after:
                    found.append((row, tick, left.pop()))
        row_of, tick_of, r_ms = np.array(found, np.int64).reshape(-1, 3).T
        return Peaks(row_of.astype(np.intp), tick_of.astype(np.intp), r_ms)


def push_all(pipeline: Pipeline, recordings: Mapping[str, Recording]) -> Iterator[Beat]:
    """Push whole records through a pipeline, and hand out their beats; see :func:`push_records`."""
    for results in push_records(pipeline, recordings):
        yield from results.beats()


def push_records(pipeline: Pipeline, recordings: Mapping[str, Recording]) -> Iterator[Results]:
    """Push whole records through a pipeline side by side, and hand out what each push gave.

    Raises
    ------
    ingest.errors.InputError
        If a record holds what cannot be scored.
    """
    sequencer, ended = Sequencer(), False
    source = ReplaySource(recordings, speed=None, chunk_s=CHUNK_S)
    while not ended:
        batch = source.poll(0.0)
        ended = batch.end
        items, dead = sequencer.push_all(batch.frames)
        if dead:
            raise InputError(f"record cannot be scored: {dead[0].detail}")
        results = pipeline.push(items)
        if results.unscored:
            raise InputError("; ".join(results.unscored.values()))
        yield results


def find_beats(
    recordings: Mapping[str, Recording],
    models: ModelFiles = ModelFiles(),
    *,
    peaks: Mapping[str, NDArray[np.int64]] | None = None,
) -> dict[str, FoundBeats]:
    """Find and classify the beats of several records side by side.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Records by name.
    models : ModelFiles
        Models that score.
    peaks : mapping of str to array of shape (n_beats,), optional
        R-peaks of each record, sample indices in order; then only their classes
        are the model's.

    Raises
    ------
    ingest.errors.InputError
        If a model does not fit, or a record holds what cannot be scored.
    """
    pipeline = Pipeline(models.qrs, models.beat)
    if peaks is not None:
        info = pipeline.beats.beat.info
        r_ms = {
            name: np.rint(peaks[name] * 1000 / recording.fs).astype(np.int64)
            for name, recording in recordings.items()
        }
        after_ms = -(-(info.length - info.before) * 1000 // info.fs)
        given = GivenPeaks(pipeline.beats.qrs.info, after_ms, pipeline.streams, r_ms)
        pipeline.beats.take_peaks_of(given, judged=False)
    found = {name: FoundBeats(row=scored_row(one)) for name, one in recordings.items()}
    for beat in push_all(pipeline, recordings):
        of = found[beat.stream.stream_id]
        of.sample.append(beat.sample)
        of.aami.append(beat.aami)
    return found


def scored_row(recording: Recording) -> int:
    """Say which lead the pipeline scores, by its row from 0.

    Raises
    ------
    ingest.errors.InputError
        If no lead is an electrical signal.
    """
    row = choose_lead(recording.leads, None)
    if row is None:
        raise InputError(f"record {recording.name}: no lead is an electrical signal")
    return row


def score_database(
    folder: Path,
    records: Sequence[str],
    models: ModelFiles = ModelFiles(),
    *,
    reference_peaks: bool = False,
) -> Iterator[Scored]:
    """Score records of a database and compare their beats with the reference ``atr``.

    Parameters
    ----------
    folder : Path
        The database.
    records : sequence of str
        Record names.
    models : ModelFiles
        Models that score.
    reference_peaks : bool
        Take the R-peaks from the reference, so that only the classes are judged.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read or scored.
    """
    for begin in range(0, len(records), TOGETHER):
        part = records[begin : begin + TOGETHER]
        recordings = {record: open_recording(folder / record) for record in part}
        reference = {record: read_annotations(folder, record, "atr") for record in part}
        peaks = {record: beat_samples(marks) for record, marks in reference.items()}
        found = find_beats(recordings, models, peaks=peaks if reference_peaks else None)
        for record, recording in recordings.items():
            comparison = compare_found(record, found[record], reference[record], recording)
            yield Scored(folder, recording.fs, found[record].row, comparison)


def compare_found(
    record: str, found: FoundBeats, reference: Annotations, recording: Recording
) -> RecordComparison:
    """Compare the beats found in one record with its reference, by de Chazal's mapping."""
    test = make_annotations(np.array(found.sample, np.int64), found.aami, reference.fs)
    return compare_record(record, reference, test, recording.n_samples, mapping=DE_CHAZAL)


def beat_samples(marks: Annotations) -> NDArray[np.int64]:
    """Give the sample indices of the annotations that are beats, shape (n_beats,).

    Examples
    --------
    >>> beat_samples(make_annotations([10, 20, 30], ["N", "+", "V"], 360)).tolist()
    [10, 30]
    """
    is_beat = [symbol in DE_CHAZAL.classes for symbol in marks.symbol]
    return np.asarray(marks.sample[np.array(is_beat, np.bool_)])
