"""Champion and candidate over one past stretch: the same frames through both, side by side."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from deploy.services.models import ModelChoice
from deploy.shadow.pairs import Pair, pair_alarms
from deploy.shadow.said import Said
from inference.alarm_json import ModelRef, document
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.results import Results
from inference.ticks import AAMI
from ingest.frame_columns import FrameColumns
from ingest.sequence import Sequencer
from ingest.sequence_types import Ordered


@dataclass(slots=True)
class Comparison:
    """What both said of a stretch."""

    champion: Said
    """What is in use."""
    candidate: Said
    """What might take its place."""
    pairs: list[Pair] = field(default_factory=list)
    """Alarms, each of the champion beside that of the candidate."""
    hours: dict[str, float] = field(default_factory=dict)
    """Hours of signal by stream."""
    first_utc_ns: int | None = None
    """Time of the first frame, ns since 1970."""
    last_utc_ns: int | None = None
    """Time of the last one."""


@dataclass(slots=True)
class Side:
    """One set of models at work."""

    said: Said
    """What it said."""
    pipeline: Pipeline
    """What scores."""

    def push(self, items: list[Ordered]) -> None:
        """Score, and keep what comes of it."""
        begin_s = time.process_time()
        results = self.pipeline.push(items)
        self.said.score_s += time.process_time() - begin_s
        self._keep(results)

    def _keep(self, results: Results) -> None:
        """Keep beats and alarms."""
        info, said = self.pipeline.models[0], self.said
        model = ModelRef(info.name, info.version, info.digest)
        for part in results.beat_arrays:
            for stream, r_ms, code in zip(
                part.streams, part.r_ms.tolist(), part.aami.tolist(), strict=True
            ):
                key = (stream.stream_id, stream.session)
                said.beats.setdefault(key, []).append((r_ms, AAMI[code]))
        for change in results.alarms:
            limits = self.pipeline.limits_of(change.stream.stream_id)
            told: dict[str, Any] = document(change.transition, change.stream.source, model, limits)
            said.take(told, change.strip)


def make_side(
    name: str, models: ModelChoice, limits: Limits | None = None, lead: str | None = None
) -> Side:
    """Make one set of models ready; its alarms keep their strips.

    Raises
    ------
    ingest.errors.InputError
        If the models do not fit.
    """
    pipeline = models.pipeline(limits, lead)
    pipeline.keep_strips()
    told = tuple(f"{info.name} {info.version} {info.digest[:12]}" for info in pipeline.models)
    return Side(Said(name, told), pipeline)


def compare(
    champion: Side,
    candidate: Side,
    frames: Iterable[FrameColumns],
    advance: Callable[[float], None] = lambda seconds: None,
) -> Comparison:
    """Let both score the same frames, and pair their alarms.

    Parameters
    ----------
    champion, candidate : Side
        Fresh ones.
    frames : iterable of FrameColumns
        The stretch.
    advance : callable
        Is told how much signal was done, s.
    """
    found = Comparison(champion.said, candidate.said)
    sequencer = Sequencer()
    hours: dict[str, float] = defaultdict(float)
    for columns in frames:
        items, _ = sequencer.push_columns(columns)
        for side in (champion, candidate):
            side.push(items)
        seconds = _note_hours(columns, hours, found)
        advance(seconds)
    found.hours = {stream: seconds / 3600 for stream, seconds in hours.items()}
    found.pairs = pair_alarms(champion.said.alarms, candidate.said.alarms)
    return found


def _note_hours(columns: FrameColumns, hours: dict[str, float], found: Comparison) -> float:
    """Note how much signal came of whom; return it, s."""
    whole = 0.0
    for i, stream_id in enumerate(columns.stream_ids):
        seconds = len(columns.raw[i]) / 2 / max(len(columns.leads[i]), 1) / columns.fs[i]
        hours[stream_id] += seconds
        whole += seconds
        at_ns = columns.start_unix_ns[i]
        found.first_utc_ns = min(at_ns, at_ns if found.first_utc_ns is None else found.first_utc_ns)
        found.last_utc_ns = max(at_ns, at_ns if found.last_utc_ns is None else found.last_utc_ns)
    return whole
