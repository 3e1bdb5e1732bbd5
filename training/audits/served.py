"""Records scored as served, with every beat's probabilities and where the signal was unreadable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.alarm_transition import TransitionKind
from inference.conditions import CONDITIONS, Kind
from inference.pipeline import Pipeline
from inference.results import AlarmChange, EpisodeEdge, Results
from inference.session import StreamSession
from inference.slots import Slots
from inference.streams import Streams
from ingest.recording import Recording
from training.alarm_scoring import ToldAlarm
from training.assessment.scoring import push_records


@dataclass(slots=True)
class Served:
    """What the pipeline said of one record."""

    sample: list[int] = field(default_factory=list)
    """R-peaks, sample indices of the record."""
    aami: list[str] = field(default_factory=list)
    """Class that was called, one letter each."""
    probs: list[NDArray[np.float32]] = field(default_factory=list)
    """Probabilities of the beat model's classes, shape (n_classes,) each."""
    unreadable_ms: list[tuple[int, int]] = field(default_factory=list)
    """Onset and offset of the technical conditions: the monitor said that it cannot read."""
    alarms: list[ToldAlarm] = field(default_factory=list)
    """Physiological alarms, in the order in which they were raised."""


class Tap(StreamSession):
    """Takes the beat model's place, asks it, and notes what it gave each stream.

    Parameters
    ----------
    path : Path
        The beat model.
    served : StreamSession
        The same, as the pipeline opened it: it keeps the state.
    streams : Streams
        Who sits in which slot.
    """

    def __init__(self, path: Path, served: StreamSession, streams: Streams) -> None:
        super().__init__(path, "beat")
        self._served, self._streams = served, streams
        self.given: dict[str, list[NDArray[np.float32]]] = {}

    def step(
        self,
        slots: Slots,
        signal: NDArray[np.float32],
        rr_s: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Score a beat of each stream and note it; parameters as :meth:`StreamSession.step`."""
        probs = self._served.step(slots, signal, rr_s)
        for row, slot in enumerate(slots.tolist()):
            self.given.setdefault(self._streams.info(slot).stream_id, []).append(probs[row])
        return probs

    def resize(self, n_slots: int) -> None:
        """Grow the served model's state; its own stays empty."""
        self._served.resize(n_slots)

    def reset(self, slots: Slots) -> None:
        """Make the served model's slots fresh, as when another lead is scored."""
        self._served.reset(slots)


def serve(
    recordings: Mapping[str, Recording], beat: Path, qrs: Path | None = None
) -> tuple[dict[str, Served], tuple[str, ...]]:
    """Push records through the pipeline side by side.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Records by name.
    beat : Path
        Beat model.
    qrs : Path, optional
        QRS model; the shipped one by default.

    Returns
    -------
    dict of str to Served
        By record.
    tuple of str
        The beat model's classes.

    Raises
    ------
    ingest.errors.InputError
        If a model does not fit, or a record holds what cannot be scored.
    """
    pipeline = Pipeline(qrs, beat)
    tap = Tap(beat, pipeline.beats.beat, pipeline.streams)
    pipeline.beats.beat = tap
    found = {name: Served() for name in recordings}
    edges: list[EpisodeEdge] = []
    changes: list[AlarmChange] = []
    for results in push_records(pipeline, recordings):
        _note(results, found, edges)
        changes += results.alarms
    for name, served in found.items():
        served.probs = tap.given.get(name, [])
        if len(served.probs) != len(served.sample):
            raise RuntimeError(f"{name}: {len(served.probs)} scores of {len(served.sample)} beats")
        served.unreadable_ms = _technical(edges, name)
        served.alarms = _told(changes, name)
    return found, tuple(tap.info.classes)


def _note(results: Results, found: dict[str, Served], edges: list[EpisodeEdge]) -> None:
    for beat in results.beats():
        served = found[beat.stream.stream_id]
        served.sample.append(beat.sample)
        served.aami.append(beat.aami)
    edges += [edge for edge in results.edges if CONDITIONS[edge.code].kind is Kind.TECHNICAL]


def _technical(edges: list[EpisodeEdge], name: str) -> list[tuple[int, int]]:
    """Pair the onsets and offsets of one record's technical conditions."""
    spans, open_ms = [], {}
    for edge in edges:
        if edge.stream.stream_id != name:
            continue
        if edge.onset:
            open_ms[edge.code] = edge.at_ms
        else:
            spans.append((open_ms.pop(edge.code, 0), edge.at_ms))
    return spans + [(begin, np.iinfo(np.int64).max) for begin in open_ms.values()]


def _told(changes: list[AlarmChange], name: str) -> list[ToldAlarm]:
    """Make one span of each physiological alarm of a record."""
    own = [one.transition for one in changes if one.stream.stream_id == name]
    over_ms: dict[tuple[int, int], int] = {}
    for change in own:
        if change.offset_ms is not None:
            over_ms.setdefault((change.condition.code, change.onset_ms), change.offset_ms)
    return [
        ToldAlarm(
            name,
            change.condition.name,
            change.condition.priority.value,
            change.onset_ms / 1000,
            change.decided_ms / 1000,
            over_ms.get((change.condition.code, change.onset_ms), np.inf) / 1000,
        )
        for change in own
        if change.kind is TransitionKind.RAISED and change.condition.kind is Kind.PHYSIOLOGICAL
    ]
