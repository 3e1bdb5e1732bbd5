"""What the beat model is asked of a record in serving, and what the reference says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.pipeline import Pipeline
from inference.session import StreamSession
from inference.slots import Slots
from inference.streams import Streams
from ingest.errors import InputError
from ingest.recording import Recording
from training.assessment.scoring import push_all
from training.ec57 import STANDARD, Annotations, match_beats
from training.labels import aami_codes

BEYOND_S = 4.0
"""Signal read past the labelled start, s: the last of its beats are decided in it."""


@dataclass(frozen=True, slots=True, eq=False)
class ServedBeats:
    """What a beat model is given for one record, beat by beat."""

    sample: NDArray[np.int64]
    """Array of shape (n_beats,): detected R-peaks, sample indices of the record."""
    signal: NDArray[np.float32]
    """Array of shape (n_beats, n_leads, length), in the model's unit."""
    rr_s: NDArray[np.float32]
    """Array of shape (n_beats, 1), s: interval before each beat, 0 where unknown."""

    def first(self, n: int) -> ServedBeats:
        """Give the first ``n`` beats."""
        return ServedBeats(self.sample[:n], self.signal[:n], self.rr_s[:n])


class Listener(StreamSession):
    """Takes the beat model's place, calls every beat N, and notes what the model was to be asked.

    Parameters
    ----------
    path : Path
        The beat model.
    streams : Streams
        Who sits in which slot.
    """

    def __init__(self, path: Path, streams: Streams) -> None:
        super().__init__(path, "beat")
        self._streams = streams
        self.heard: dict[str, list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = {}

    def step(
        self,
        slots: Slots,
        signal: NDArray[np.float32],
        rr_s: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Note a beat of each stream; parameters as :meth:`StreamSession.step`."""
        if rr_s is None:
            rr_s = np.zeros((len(slots), 1), np.float32)
        for row, slot in enumerate(slots.tolist()):
            stream = self._streams.info(slot).stream_id
            self.heard.setdefault(stream, []).append((signal[row], rr_s[row]))
        return np.zeros((len(slots), len(self.info.classes)), np.float32)


def listen(
    recordings: Mapping[str, Recording], beat: Path, qrs: Path | None = None
) -> dict[str, ServedBeats]:
    """Detect the beats of several records side by side, and note what a beat model is given.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Records by name.
    beat : Path
        The beat model; it is not run.
    qrs : Path, optional
        QRS model; the shipped one by default.

    Raises
    ------
    ingest.errors.InputError
        If a model does not fit, or a record holds what cannot be scored.
    """
    pipeline = Pipeline(qrs, beat)
    listener = Listener(beat, pipeline.streams)
    pipeline.beats.beat = listener
    samples: dict[str, list[int]] = {name: [] for name in recordings}
    for found in push_all(pipeline, recordings):
        samples[found.stream.stream_id].append(found.sample)
    n_leads, length = len(listener.info.leads), listener.info.length
    served = {}
    for name, at in samples.items():
        heard = listener.heard.get(name, [])
        signal = np.array([one for one, _ in heard], np.float32).reshape(-1, n_leads, length)
        rr_s = np.array([one for _, one in heard], np.float32).reshape(-1, 1)
        served[name] = ServedBeats(np.array(at, np.int64), signal, rr_s)
    return served


@dataclass(frozen=True, slots=True, eq=False)
class LabelledStart:
    """The first minutes of a record, as a beat model is given them, with reference classes."""

    record: str
    """Record name."""
    beats: ServedBeats
    """Detected beats."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): class codes; -1 for a beat that the reference has not."""

    def counts(self) -> dict[str, int]:
        """Count the labelled beats by class."""
        return {name: int((self.aami == code).sum()) for code, name in enumerate("NSVFQ")}


def labelled_start(
    record: str, served: ServedBeats, reference: Annotations, until: int
) -> LabelledStart:
    """Label the detected beats before a sample by the reference; nothing behind it is used.

    Parameters
    ----------
    record : str
        Record name.
    served : ServedBeats
        Detected beats of the record, or of its start.
    reference : Annotations
        Its annotations, those behind ``until`` too.
    until : int
        End of the labelled start, sample index.

    Raises
    ------
    ingest.errors.InputError
        If there is no N beat in it: there is then nothing that others could be compared with.
    """
    beats = served.first(int(np.searchsorted(served.sample, until)))
    codes = aami_codes(reference.symbol)
    known = (codes >= 0) & (reference.sample < until)
    labels = codes[known]
    aami = np.full(len(beats.sample), -1, np.int8)
    window = STANDARD.window(reference.fs)
    for ref, test in match_beats(reference.sample[known].tolist(), beats.sample.tolist(), window):
        if ref is not None and test is not None:
            aami[test] = labels[ref]
    start = LabelledStart(record, beats, aami)
    if not (aami == 0).any():
        raise InputError(
            f"record {record}: no beat labelled N in its first {until / reference.fs / 60:g} min; "
            "an adaptation needs some"
        )
    return start


def beginning(recording: Recording, seconds: float) -> Recording:
    """Cut the beginning of a recording, with the little more that its last beats need."""
    n = round((seconds + BEYOND_S) * recording.fs)
    return dataclasses.replace(recording, samples=recording.samples[:, :n])
