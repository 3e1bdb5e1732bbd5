"""The worker: frames in, alarms out, offsets committed behind them; one turn after another.

A turn polls the source, scores what came, writes the alarms and the dead
letters, and only when they are durable commits the offsets. Nothing is dropped:
what cannot be written stops the worker, which commits nothing then, and whoever
starts next hears the same frames again.

Partitions may move while it runs. The streams of one that went are forgotten
with what was not yet written of them, since the worker that has it now hears their
frames again. One that comes is taken over: where states are kept
(:mod:`inference.keeper`), its streams go on from theirs, what was published before
is read again without a word, and what comes is what would have come without the move.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from inference.admission import Admission
from inference.alarm_json import NO_CONTEXT, AlarmContext, ModelRef, canonical, document
from inference.beat_json import beat_json
from inference.gathering import Budget, Gathering
from inference.keeper import Keeper, Keeping
from inference.limits import Limits
from inference.metrics import Metrics
from inference.progress import Portion, Progress
from inference.results import Results
from inference.roster import Roster
from inference.scorer import Scorer
from inference.takeover import TakeOver
from ingest.dead_letters import encode_dead_letter
from ingest.frame_columns import FrameColumns
from ingest.kafka_url import CommitRefusedError
from ingest.sequence import Sequencer
from ingest.sequence_types import Ordered
from ingest.source import DeadLetter, Sink, Source
from ingest.state_log import Resumable, StateLog

MOST_FRAMES = 4096
"""Frames that are scored at once; a longer batch goes in parts."""
KEEP_ALIVE_S = 10.0
"""Work longer than this is interrupted to show the group that this member lives, s."""


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

    partition: int
    sink: Sink
    key: str
    value: bytes


class Worker:
    """Scores what a source gives, turn by turn.

    Parameters
    ----------
    source : Source
        Frames. Its hooks must call :meth:`take_over` and :meth:`forget`.
    sinks : Sinks
        Where alarms, dead letters and beats go.
    pipeline : Scorer
        What scores.
    metrics : Metrics
        What counts.
    sequencer : Sequencer, optional
        What orders the frames.
    settle : callable, optional
        Makes all that was written durable and commits the source's offsets in one step, as
        ``lambda: sink.flush_with(source)`` does. By default the sinks are flushed, the
        alarms last, then the offsets are committed. It raises
        :class:`~ingest.kafka_url.CommitRefusedError` where neither counts.
    max_streams : int
        Most streams scored at once; frames of further ones are dead letters.
    clock : callable
        Monotonic time, s.
    context : AlarmContext
        What else alarms tell; the models are added to it.
    told : callable, optional
        Is given the alarms that have become durable, in order; it must neither wait nor raise.
    budget : Budget
        When a batch is scored; by default every poll's frames at once.
    states : StateLog, optional
        Where the states of streams are; it becomes durable with ``settle``. Without it
        whoever takes over begins afresh at the committed offset.
    keeping : Keeping
        How often states are written, how far back streams are built without one.
    resumed : callable, optional
        Is given the last messages of the alarms that stand in partitions taken over.
    overheard : callable, optional
        Is given what was scored anew, as the sequencer ordered it; must neither wait nor raise.
    """

    def __init__(
        self,
        source: Source,
        sinks: Sinks,
        pipeline: Scorer,
        metrics: Metrics,
        *,
        sequencer: Sequencer | None = None,
        settle: Callable[[], None] | None = None,
        max_streams: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
        context: AlarmContext = NO_CONTEXT,
        told: Callable[[Sequence[bytes]], None] | None = None,
        budget: Budget = Budget(),
        states: StateLog | None = None,
        keeping: Keeping = Keeping(),
        resumed: Callable[[Sequence[bytes]], None] | None = None,
        overheard: Callable[[Sequence[Ordered]], None] | None = None,
    ) -> None:
        self._source, self._sinks = source, sinks
        self._gathering = Gathering(source, budget, clock)
        self.pipeline, self.metrics = pipeline, metrics
        self.sequencer = sequencer or Sequencer()
        self._settle, self._clock = settle, clock
        self._context, self._told = context.of_models(pipeline.models), told
        self._resumed, self._overheard = resumed, overheard
        info = pipeline.models[0]
        self._model = ModelRef(info.name, info.version, info.digest)
        self._outbox: list[_Message] = []  # not yet durable
        self._roster, self._progress = Roster(), Progress()
        held = (pipeline, self.sequencer, self._roster, self._progress)
        self._admission = Admission(
            *held,
            metrics,
            max_streams=max_streams,
            idle_s=keeping.idle_s,
            let_go=self._end_states,
            clock=clock,
        )
        self._keeper: Keeper | None = None
        if states is not None:
            kept = cast("Resumable", source)
            self._keeper = Keeper(
                kept, states, *held, metrics.recovery, every_s=keeping.every_s, clock=clock
            )
            self._take_over = TakeOver(
                kept, states, self._keeper, *held, metrics.recovery, rebuild_s=keeping.rebuild_s
            )
        self._since_s: dict[int, float] = {}  # partitions that are read again
        self._keep_alive: Callable[[], None] | None = getattr(source, "keep_alive", None)
        self._seen_s = clock()
        self.last_turn_s = clock()

    @property
    def n_waiting(self) -> int:
        """Alarms that are not yet durable."""
        return sum(message.sink is self._sinks.alarms for message in self._outbox)

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
        self.metrics.frames_replayed.inc(FrameColumns.of(batch.frames).n_replays)
        self._seen_s = self._clock()
        again, new = self._progress.portions(batch)
        self._take_all(again)
        if self._keeper is not None:
            self._move_on()
        n_raised = self._take_all(new)
        if new.is_new or self._outbox or (self._keeper and self._keeper.is_due):
            self._deliver()
        delay_s = self._clock() - heard_s
        for _ in range(n_raised):
            self.metrics.frame_to_alarm_seconds.observe(delay_s)
        self.metrics.streams.set(len(self.pipeline.streams))
        self.metrics.recovery.known.set(len(self._roster))
        self.last_turn_s = self._clock()
        return not batch.end

    def take_over(self, partitions: Sequence[int]) -> None:
        """Go on with the streams of partitions that came, before any frame of them is handed out.

        Raises
        ------
        ingest.kafka_url.BrokerError
            If their states cannot be read.
        """
        for partition in partitions if self._keeper is not None else ():
            self._since_s[partition] = self._clock()
            self._take_over(partition)

    def forget(self, partitions: Sequence[int]) -> set[str]:
        """Forget the streams of partitions that went, and what was to be written of them.

        Returns
        -------
        set of str
            The streams.
        """
        gone = set(partitions)
        self._gathering.forget(gone)
        self._progress.drop(gone)
        if self._keeper is not None:
            self._keeper.forget(gone)
            self._take_over.outdated.forget(gone)
        stream_ids = self._roster.of_partitions(gone)
        self.pipeline.forget(stream_ids)
        for stream_id in stream_ids:
            self.sequencer.forget(stream_id)
        self._roster.forget(stream_ids)
        self._outbox = [m for m in self._outbox if m.partition not in gone]
        return stream_ids

    def set_limits(self, stream_id: str, limits: Limits) -> None:
        """Select the limits of one stream, from its next tick on; they are in its state at once.

        Raises
        ------
        ingest.errors.InputError
            If the pipeline refuses them; nothing is changed.
        ingest.kafka_url.BrokerError
            If the states could not be written.
        """
        self.pipeline.set_limits(stream_id, limits)
        if self._keeper is not None and self.pipeline.streams.slot(stream_id) is not None:
            self._keeper.touch(stream_id)
            self.drain()

    def drain(self) -> None:
        """Write the states of all streams, so that whoever goes on reads nothing again.

        Raises
        ------
        ingest.kafka_url.BrokerError
            If they could not be written.
        """
        if self._keeper is not None:
            self._deliver(whole=True)

    def close(self) -> None:
        """Release the sinks and leave the source; what is not durable stays uncommitted."""
        for sink in (self._sinks.dead, self._sinks.beats, self._sinks.alarms):
            if sink is not None:
                sink.close()
        self._source.close()

    def _move_on(self) -> None:
        """Note how far all is scored; tell what stands where a partition has caught up."""
        caught_up = self._progress.move_on(cast("Resumable", self._source).positions)
        for partition in [p for p in self._since_s if not self._progress.place(p).is_behind]:
            self.metrics.recovery.recovery.observe(self._clock() - self._since_s.pop(partition))
            caught_up.append(partition)
            for stream_id, message in self._take_over.settle(partition):
                self._outbox.append(_Message(partition, self._sinks.alarms, stream_id, message))
        if caught_up and self._resumed is not None:
            self._resumed(self._roster.standing(caught_up))

    def _end_states(self, partition: int, stream_ids: list[str]) -> None:
        """Let the states go of streams that were let go of."""
        if self._keeper is not None:
            self._keeper.end(partition, stream_ids)

    def _take_all(self, portion: Portion) -> int:
        """Score a portion in parts that bound memory, and let the group see that this lives."""
        n_raised = 0
        for part in portion.parts(MOST_FRAMES):
            n_raised += self._take(part)
            if self._keep_alive is not None and self._clock() - self._seen_s > KEEP_ALIVE_S:
                self._keep_alive()
                self._seen_s = self._clock()
        return n_raised

    def _take(self, portion: Portion) -> int:
        """Score a part of a batch; return how many alarm messages came of it."""
        batch, counts = portion.batch, self.sequencer.counts
        if not batch.frames and not batch.dead:
            return 0
        admitted = self._admission.admit(batch)
        items, unordered = self.sequencer.push_columns(admitted.frames)
        if portion.is_published:
            self.metrics.recovery.frames_again.inc(len(batch.frames))
            self.metrics.skip_sequence(counts)
        else:
            self._bury([*batch.dead, *admitted.dead, *unordered])
            self.metrics.frames.inc(len(batch.frames))
            self.metrics.note_sequence(counts)
        if not items and not admitted.ends:
            return 0
        started_s = self._clock()
        results = self.pipeline.push([*admitted.ends, *items])
        if portion.is_published:
            return self._post(results, admitted.let_go, is_published=True)
        self.metrics.score_seconds.observe(self._clock() - started_s)
        if self._overheard is not None:
            self._overheard([*admitted.ends, *items])
        self.metrics.batch_size.observe(len(set(admitted.frames.stream_ids)))
        self.metrics.note_results(results)
        self.metrics.note_alarms(results.alarms)
        return self._post(results, admitted.let_go)

    def _bury(self, letters: Sequence[DeadLetter]) -> None:
        """Write what could not be used to the dead letters."""
        self.metrics.note_dead(letters)
        for letter in letters:
            message = _Message(
                letter.partition, self._sinks.dead, _key(letter), encode_dead_letter(letter)
            )
            self._outbox.append(message)

    def _post(
        self, results: Results, let_go: Mapping[str, int], *, is_published: bool = False
    ) -> int:
        """Render what a push gave, unless it is published; return how many alarms changed."""
        sinks, known = self._sinks, self._roster.known

        def write(sink: Sink, stream_id: str, value: bytes) -> None:
            at = known.get(stream_id)
            partition = let_go.get(stream_id, -1) if at is None else at.partition
            self._outbox.append(_Message(partition, sink, stream_id, value))

        if sinks.beats is not None and not is_published:
            for beat in results.beats():
                write(sinks.beats, beat.stream.stream_id, beat_json(beat))
        for change in results.alarms:
            context = self._context.because(change.reasons).seen(change.lead, change.strip)
            limits = self.pipeline.limits_of(change.stream.stream_id)
            model = change.model or self._model
            told = document(change.transition, change.stream.source, model, limits, context)
            value, stream_id = canonical(told), change.stream.stream_id
            if stream_id in known:
                known[stream_id].note_alarm(told["id"], told["state"], value)
            if not is_published:
                write(sinks.alarms, stream_id, value)
        return 0 if is_published else len(results.alarms)

    def _deliver(self, *, whole: bool = False) -> None:
        """Make durable: dead letters, beats, alarms and states, then the offsets."""
        sinks = self._sinks
        for message in self._outbox:
            message.sink.write(message.key, message.value)
        if self._keeper is not None:
            self._keeper.write(whole=whole)
        try:
            sinks.dead.flush()
            if sinks.beats is not None:
                sinks.beats.flush()
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
        if self._keeper is not None:
            self._keeper.settled()

    def _tell_outbox(self) -> None:
        """Hand on the alarms that are durable now, and forget all that is."""
        durable = [m.value for m in self._outbox if m.sink is self._sinks.alarms]
        self._outbox.clear()
        if self._told is not None and durable:
            self._told(durable)


def _key(letter: DeadLetter) -> str:
    """Return what a dead letter is written under: where it came from, which spreads them."""
    return f"{letter.topic}-{letter.partition}"
