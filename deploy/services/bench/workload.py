"""The work that is measured: a ward's frames as messages, and the way from them to alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from inference.alarm_json import ModelRef, render
from inference.pipeline import Pipeline
from inference.results import Results
from ingest.codec import decode, encode
from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.simulator import demo_ward
from ingest.wfdb_replay import open_recording

FS = 360.0
"""Sampling frequency of the simulated ward, Hz: that of MIT-BIH."""
STREAMS_A_MESSAGE = 64
"""Streams of one gateway, whose frames are one message."""
MESSAGES_FS = 1_000_000_000
_SHIFT_S = 7.3


@dataclass(slots=True)
class Ward:
    """Streams cut from a few recordings, each at its own place, without end."""

    recordings: Sequence[Recording]
    """What is cut; one lead of each."""
    n_streams: int
    """Streams side by side."""
    frame_s: float = 1.0
    """Length of a frame, s."""
    _rows: list[np.ndarray] = field(default_factory=list)

    def messages(self, step: int) -> list[bytes]:
        """Return the messages of one step, each of one gateway: ``frame_s`` of every stream."""
        return list(self.each_message(step))

    def each_message(self, step: int) -> Iterator[bytes]:
        """Yield the messages of one step, made as they are asked for."""
        for first in range(0, self.n_streams, STREAMS_A_MESSAGE):
            beds = range(first, min(first + STREAMS_A_MESSAGE, self.n_streams))
            yield encode([self.frame(bed, step) for bed in beds])

    def frame(self, bed: int, step: int) -> Frame:
        """Return one frame of one stream."""
        recording = self.recordings[bed % len(self.recordings)]
        n = round(self.frame_s * recording.fs)
        n_laps = bed // len(self.recordings)
        begin = step * n + round(n_laps * _SHIFT_S * recording.fs)
        at = np.arange(begin, begin + n) % recording.n_samples
        start_ns = round(step * self.frame_s * MESSAGES_FS)
        samples = recording.samples[:1, at]
        name = f"bed-{bed:06d}"
        return Frame(name, "0", step * n, start_ns, recording.fs, recording.leads[:1], samples)


@cache
def simulated(n: int = 16, duration_s: float = 60.0) -> tuple[Recording, ...]:
    """Return the recordings of a simulated ward, in which much more happens than in most."""
    return tuple(record.as_recording() for record in demo_ward(n, fs=FS, duration_s=duration_s))


def from_folder(folder: Path) -> tuple[Recording, ...]:
    """Open the records of a folder; of MIT-BIH those of the training half only.

    Raises
    ------
    InputError
        If there is none.
    """
    from training.splits import DS1

    there = sorted(path.stem for path in folder.glob("*.hea"))
    chosen = [name for name in there if name in DS1] or there
    if not chosen:
        raise InputError(f"no WFDB records in {folder}")
    return tuple(open_recording(folder / name) for name in chosen)


class Engine:
    """From messages to alarms as JSON, without a broker.

    Parameters
    ----------
    pipeline : Pipeline, optional
        What scores; one of the shipped models by default.
    """

    def __init__(self, pipeline: Pipeline | None = None) -> None:
        self.pipeline, self.sequencer = pipeline or Pipeline(), Sequencer()
        info = self.pipeline.models[0]
        self._model = ModelRef(info.name, info.version, info.digest)
        self.decode, self.order, self.render = decode, self.sequencer.push_columns, self._render

    def take(self, messages: Sequence[bytes]) -> list[bytes]:
        """Score the frames of some messages; return what is told of alarms."""
        frames = FrameColumns()
        for message in messages:
            frames.extend(self.decode(message))
        items, _ = self.order(frames)
        return self.render(self.pipeline.push(items))

    def _render(self, results: Results) -> list[bytes]:
        limits = self.pipeline.limits
        return [
            render(change.transition, change.stream.source, self._model, limits)
            for change in results.alarms
        ]


def steps(ward: Ward, n_steps: int, begin: int = 0) -> Iterator[list[bytes]]:
    """Yield the messages of so many steps, made as they are asked for."""
    for step in range(begin, begin + n_steps):
        yield ward.messages(step)
