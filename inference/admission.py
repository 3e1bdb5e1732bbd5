"""Which frames of a batch are scored: their streams are known, and can be.

On the way it is noted where each stream comes from, that it is ahead of its state, and
which streams were not heard for so long that they are let go of (:mod:`inference.roster`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.metrics import Metrics
from inference.progress import Dirty, Place, Progress
from inference.roster import MINUTE_MS, Known, Roster
from inference.scorer import Scorer
from ingest.codec import encode
from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.frames import FrameError
from ingest.sequence import Sequencer
from ingest.sequence_types import Item
from ingest.source import Batch, DeadLetter


@dataclass(slots=True)
class Admitted:
    """What of a batch is scored."""

    frames: FrameColumns
    """Frames that can be."""
    dead: list[DeadLetter] = field(default_factory=list)
    """Frames that cannot, each encoded again on its own."""
    ends: list[Item] = field(default_factory=list)
    """Ends of streams that were let go of; they come before the frames."""
    let_go: dict[str, int] = field(default_factory=dict)
    """These streams, with their partitions."""


class Admission:
    """Looks at every frame before it is scored.

    Parameters
    ----------
    pipeline, sequencer, roster : Scorer, Sequencer, Roster
        What remembers the streams.
    progress : Progress
        How far the partitions are.
    metrics : Metrics
        What counts.
    max_streams : int
        Most streams that are scored at once; frames of further ones are dead letters.
    idle_s : float
        A stream not heard for so long of its partition's log is let go of, s.
    let_go : callable
        Is told the partition and the streams that are let go of.
    clock : callable
        Monotonic time, s.
    """

    def __init__(
        self,
        pipeline: Scorer,
        sequencer: Sequencer,
        roster: Roster,
        progress: Progress,
        metrics: Metrics,
        *,
        max_streams: int,
        idle_s: float,
        let_go: Callable[[int, list[str]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipeline, self._sequencer, self._roster = pipeline, sequencer, roster
        self._progress, self._metrics = progress, metrics
        self._max_streams, self._idle_ms = max_streams, round(idle_s * 1000)
        self._let_go, self._clock = let_go, clock
        self._n_new = 0  # streams of this batch that sit nowhere yet

    def admit(self, batch: Batch) -> Admitted:
        """Part the frames that can be scored from those that cannot; note who is where."""
        frames = FrameColumns.of(batch.frames)
        partitions = batch.partitions or [-1] * len(frames)
        offsets = batch.offsets or [-1] * len(frames)
        times_ms = batch.times_ms or [0] * len(frames)
        found = Admitted(frames)
        chosen: list[bool] = []
        known, places, self._n_new = self._roster.known, self._progress.places, 0
        for i, (stream_id, leads) in enumerate(zip(frames.stream_ids, frames.leads, strict=True)):
            partition = partitions[i]
            place = places.get(partition) or self._progress.place(partition)
            if times_ms[i] >= place.minute_ms + MINUTE_MS:
                self._next_minute(partition, place, times_ms[i], found)
            stream = known.get(stream_id)
            if (  # nearly every frame is as the one before it of its stream
                stream is not None
                and stream.leads is leads
                and stream.partition == partition
                and stream.is_dirty
            ):
                stream.heard_ms = place.minute_ms
                chosen.append(True)
            else:
                chosen.append(self._look(frames, i, partition, offsets[i], place, found))
        if not all(chosen):
            found.frames = frames.where(chosen)
        return found

    def _look(
        self,
        frames: FrameColumns,
        i: int,
        partition: int,
        offset: int,
        place: Place,
        found: Admitted,
    ) -> bool:
        """Look at one frame; one that is refused is put among the dead."""
        stream_id, leads = frames.stream_ids[i], frames.leads[i]
        if offset < place.covered.get(stream_id, -1):
            return False  # its state goes further
        try:
            if not self._pipeline.streams.takes(leads, frames.fs[i], self._pipeline.lead):
                self._metrics.frames_without_ecg.inc(not place.is_behind)
                return False
            known = self._know(stream_id, partition)
        except InputError as error:
            reason = error.reason if isinstance(error, FrameError) else "lead"
            payload, key = encode([frames[i]]), stream_id.encode()
            letter = DeadLetter(payload, reason, str(error), "", partition, offset, key)
            found.dead.append(letter)
            return False
        known.partition, known.leads, known.heard_ms = partition, leads, place.minute_ms
        if not known.is_dirty:
            known.is_dirty = True
            place.dirty[stream_id] = Dirty(offset, place.minute_ms, self._clock())
        return True

    def _know(self, stream_id: str, partition: int) -> Known:
        """Return what is known of a stream; refuse one too many."""
        known = self._roster.known.get(stream_id)
        if known is None:
            if len(self._pipeline.streams) + self._n_new >= self._max_streams:
                raise FrameError(
                    "too-many-streams", f"this worker takes {self._max_streams} streams"
                )
            known = self._roster.known[stream_id] = Known(partition, (), 0)
        if self._pipeline.streams.slot(stream_id) is None:
            self._n_new += 1
        return known

    def _next_minute(self, partition: int, place: Place, time_ms: int, found: Admitted) -> None:
        """Carry a partition's log on to another minute; let go of streams long not heard."""
        place.minute_ms = time_ms - time_ms % MINUTE_MS
        silent = list(self._roster.silent(partition, place.minute_ms - self._idle_ms))
        if not silent:
            return
        for stream_id in silent:
            found.ends += self._sequencer.retire(stream_id)
            found.let_go[stream_id] = partition
        self._roster.forget(silent)
        self._let_go(partition, silent)
        self._metrics.recovery.retired.inc(0 if place.is_behind else len(silent))
