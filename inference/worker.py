"""The worker: frames in, alarms out, offsets committed behind them; one turn after another.

A turn polls the source, scores what came, writes the alarms and the dead
letters, and only when they are durable commits the offsets. Nothing is dropped:
what cannot be written stops the worker, which commits nothing then, and whoever
starts next hears the same frames again.

Partitions may move while it runs. The streams of one that went are forgotten
with the alarms not yet written, since the worker that has it now hears their
frames again from the last commit. It starts these streams afresh there: what a
stream's state held is not handed over yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inference.alarm_json import NO_CONTEXT, AlarmContext, ModelRef, canonical, render
from inference.gathering import Budget, Gathering
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.results import Beat, Results
from inference.streams import choose_lead
from ingest.codec import encode
from ingest.dead_letters import encode_dead_letter
from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.frames import FrameError, Lead
from ingest.kafka_url import CommitRefusedError
from ingest.sequence import Sequencer
from ingest.source import Batch, DeadLetter, Sink, Source


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where a worker writes."""

    alarms: Sink
    """Changes of alarms, one message each, under the stream's id."""
    dead: Sink
    """What could not be used, as :mod:`ingest.dead_letters` writes it."""
    beats: Sink | None = None
    """Beats, one message each, under the stream's id; None writes none."""


class _Message(NamedTuple):
    """A message that is not yet durable."""

    stream_id: str
    value: bytes


class Worker:
    """Scores what a source gives, turn by turn.

    Parameters
    ----------
    source : Source
        Frames. Its hook on revoked partitions must call :meth:`forget`.
    sinks : Sinks
        Where alarms, dead letters and beats go.
    pipeline : Pipeline
        What scores.
    metrics : Metrics
        What counts.
    sequencer : Sequencer, optional
        What orders the frames.
    settle : callable, optional
        Makes the alarms durable and commits the source's offsets in one step, as
        ``lambda: sink.flush_with(source)`` does. By default the alarms are
        flushed first, then the offsets are committed. It raises
        :class:`~ingest.kafka_url.CommitRefusedError` where neither counts.
    max_streams : int
        Most streams taken on; frames of further ones are dead letters.
    clock : callable
        Monotonic time, s.
    context : AlarmContext
        What else alarms tell; the models are added to it.
    told : callable, optional
        Is given the alarms that have become durable, in order; it must neither wait nor raise.
    budget : Budget
        When a batch is scored; by default every poll's frames at once.
    """

    def __init__(
        self,
        source: Source,
        sinks: Sinks,
        pipeline: Pipeline,
        metrics: Metrics,
        *,
        sequencer: Sequencer | None = None,
        settle: Callable[[], None] | None = None,
        max_streams: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
        context: AlarmContext = NO_CONTEXT,
        told: Callable[[Sequence[bytes]], None] | None = None,
        budget: Budget = Budget(),
    ) -> None:
        self._source, self._sinks = source, sinks
        self._gathering = Gathering(source, budget, clock)
        self.pipeline, self.metrics = pipeline, metrics
        self.sequencer = sequencer or Sequencer()
        self._settle = settle
        self._max_streams = max_streams
        self._clock = clock
        self._context, self._told = context.of_models(pipeline.models), told
        info = pipeline.models[0]
        self._model = ModelRef(info.name, info.version, info.digest)
        self._outbox: list[_Message] = []  # alarms not yet durable
        self._beats: list[_Message] = []
        self._partition_of: dict[str, int] = {}
        self._leads_of: dict[str, tuple[Lead, ...]] = {}  # of the last frame that was usable
        self.last_turn_s = clock()

    @property
    def n_waiting(self) -> int:
        """Alarms that are not yet durable."""
        return len(self._outbox)

    def turn(self, timeout_s: float) -> bool:
        """Poll for one batch, and settle what comes of it.

        Parameters
        ----------
        timeout_s : float
            Longest wait for a frame, s.

        Returns
        -------
        bool
            False when the source is exhausted.

        Raises
        ------
        ingest.kafka_url.BrokerError
            If something could not be read, written or committed. Nothing of this
            turn counts then, and the worker must not go on: start another.
        """
        batch, heard_s = self._gathering.poll(timeout_s)
        n_raised = self._take(batch)
        if batch.frames or batch.dead or self._outbox:
            self._deliver()
        delay_s = self._clock() - heard_s
        for _ in range(n_raised):
            self.metrics.frame_to_alarm_seconds.observe(delay_s)
        self.metrics.streams.set(len(self.pipeline.streams))
        self.last_turn_s = self._clock()
        return not batch.end

    def forget(self, partitions: Sequence[int]) -> set[str]:
        """Forget the streams of partitions that went, and what was to be written of them.

        Returns
        -------
        set of str
            The streams.
        """
        gone = set(partitions)
        self._gathering.forget(gone)
        stream_ids = {s for s, partition in self._partition_of.items() if partition in gone}
        self.pipeline.forget(stream_ids)
        for stream_id in stream_ids:
            self.sequencer.forget(stream_id)
            del self._partition_of[stream_id]
            self._leads_of.pop(stream_id, None)
        self._outbox = [m for m in self._outbox if m.stream_id not in stream_ids]
        self._beats = [m for m in self._beats if m.stream_id not in stream_ids]
        return stream_ids

    def close(self) -> None:
        """Release the sinks and leave the source; what is not durable stays uncommitted."""
        for sink in (self._sinks.dead, self._sinks.beats, self._sinks.alarms):
            if sink is not None:
                sink.close()
        self._source.close()

    def _take(self, batch: Batch) -> int:
        """Score one batch; return how many alarm messages came of it."""
        frames, refused = self._usable(batch)
        items, unordered = self.sequencer.push_columns(frames)
        dead = [*batch.dead, *refused, *unordered]
        for letter in dead:
            self._sinks.dead.write(_key(letter), encode_dead_letter(letter))
        self.metrics.frames.inc(len(batch.frames))
        self.metrics.note_dead(dead)
        self.metrics.note_sequence(self.sequencer.counts)
        if not items:
            return 0
        started_s = self._clock()
        results = self.pipeline.push(items)
        self.metrics.score_seconds.observe(self._clock() - started_s)
        self.metrics.batch_size.observe(len(set(frames.stream_ids)))
        self.metrics.note_results(results)
        self.metrics.note_alarms(results.alarms)
        return self._post(results)

    def _usable(self, batch: Batch) -> tuple[FrameColumns, list[DeadLetter]]:
        """Part the frames that can be scored from those that cannot; note who is where."""
        frames = FrameColumns.of(batch.frames)
        partitions = batch.partitions or [-1] * len(frames)
        dead: list[DeadLetter] = []
        chosen: list[bool] = []
        known, seen = self._partition_of, self._leads_of
        for i, (stream_id, leads) in enumerate(zip(frames.stream_ids, frames.leads, strict=True)):
            partition = partitions[i]
            # Nearly every frame is as the one before it of its stream.
            usual = seen.get(stream_id) is leads and known.get(stream_id) == partition
            chosen.append(usual or self._is_usable(frames, i, partition, dead))
        return frames if all(chosen) else frames.where(chosen), dead

    def _is_usable(
        self, frames: FrameColumns, i: int, partition: int, dead: list[DeadLetter]
    ) -> bool:
        """Look at one frame; one that is refused is put among the dead."""
        stream_id, leads = frames.stream_ids[i], frames.leads[i]
        try:
            if choose_lead(leads, self.pipeline.lead) is None:
                self.metrics.frames_without_ecg.inc()
                return False
            self._admit(stream_id, partition)
        except InputError as error:
            reason = error.reason if isinstance(error, FrameError) else "lead"
            dead.append(DeadLetter(encode([frames[i]]), reason, str(error), "", partition))
            return False
        self._leads_of[stream_id] = leads
        return True

    def _admit(self, stream_id: str, partition: int) -> None:
        """Note the partition of a stream; refuse one too many."""
        if stream_id not in self._partition_of and len(self._partition_of) >= self._max_streams:
            raise FrameError("too-many-streams", f"this worker takes {self._max_streams} streams")
        self._partition_of[stream_id] = partition

    def _post(self, results: Results) -> int:
        """Render what a push gave; return the number of alarms' changes."""
        limits = self.pipeline.limits
        for change in results.alarms:
            context = self._context.because(change.reasons)
            value = render(change.transition, change.stream.source, self._model, limits, context)
            self._outbox.append(_Message(change.stream.stream_id, value))
        if self._sinks.beats is not None:
            for beat in results.beats():
                self._beats.append(_Message(beat.stream.stream_id, beat_json(beat)))
        return len(results.alarms)

    def _deliver(self) -> None:
        """Make durable, in order: dead letters, beats, alarms, then the offsets."""
        sinks = self._sinks
        sinks.dead.flush()
        if sinks.beats is not None:
            for message in self._beats:
                sinks.beats.write(*message)
            sinks.beats.flush()
            self._beats.clear()
        for message in self._outbox:
            sinks.alarms.write(*message)
        try:
            if self._settle is None:
                sinks.alarms.flush()
                self._tell_outbox()
                self._source.commit()
            else:
                self._settle()
                self._tell_outbox()
        except CommitRefusedError:
            # The group is being rebalanced. The next poll tells which partitions are still
            # ours; their alarms and offsets are settled then, those of the others dropped.
            return

    def _tell_outbox(self) -> None:
        """Hand on the alarms that are durable now, and forget them."""
        durable = [message.value for message in self._outbox]
        self._outbox.clear()
        if self._told is not None and durable:
            self._told(durable)


def beat_json(beat: Beat) -> bytes:
    """Write one beat as canonical JSON."""
    return canonical(
        {
            "schema": "vigil.beat/1",
            "stream_id": beat.stream.stream_id,
            "session": beat.stream.session,
            "lead": beat.stream.lead.name,
            "sample": beat.sample,
            "utc": beat.stream.clock.utc(beat.r_ms),
            "rr_ms": beat.rr_ms or None,
            "aami": beat.aami,
            "confidence": round(beat.confidence, 6),
        }
    )


def _key(letter: DeadLetter) -> str:
    """Return what a dead letter is written under: where it came from, which spreads them."""
    return f"{letter.topic}-{letter.partition}"
