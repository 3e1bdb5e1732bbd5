"""Takes partitions over: reads the states of their streams, and goes back in the log.

The partition is read again from where the oldest state of its streams ends
(:mod:`inference.progress`). A stream whose state cannot be used is built from the log, as
far back as is declared; that is counted and told, and so is a log that does not reach back
far enough any more. Nothing is guessed: with whole states what comes is what would have come.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.keeper import Keeper
from inference.outdated import Outdated
from inference.progress import Note, Progress
from inference.recovery_metrics import RecoveryMetrics
from inference.roster import Known, Roster
from inference.scorer import Scorer
from inference.stream_state import Fingerprint, StateError, StreamState, decode_state
from ingest.errors import InputError
from ingest.sequence import Sequencer
from ingest.state_log import Committed, Resumable, StateLog

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Found:
    """What the states of one partition gave."""

    restored: dict[str, int] = field(default_factory=dict)
    """Streams gone on with, and the offset of their state."""
    stale: list[int] = field(default_factory=list)
    """Offsets of states that are not the newest of their streams."""
    broken: dict[str, str] = field(default_factory=dict)
    """Streams without a state that can be used, and why."""
    stood: dict[str, StateError] = field(default_factory=dict)
    """Those of them whose state is whole, but of others; tells the alarms that stood."""


class TakeOver:
    """Goes on with the streams of partitions where others stopped.

    Parameters
    ----------
    source : Resumable
        Where frames come from.
    states : StateLog
        Where states are.
    keeper : Keeper
        What writes them.
    pipeline, sequencer, roster : Scorer, Sequencer, Roster
        What remembers the streams.
    progress : Progress
        How far the partitions are.
    metrics : RecoveryMetrics
        What counts.
    rebuild_s : float
        How far back a stream without a state is built, s of the log.
    wall_clock : callable
        UTC in s since 1970; asked only where nothing was noted beside an offset.
    """

    def __init__(
        self,
        source: Resumable,
        states: StateLog,
        keeper: Keeper,
        pipeline: Scorer,
        sequencer: Sequencer,
        roster: Roster,
        progress: Progress,
        metrics: RecoveryMetrics,
        *,
        rebuild_s: float,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._source, self._states, self._keeper = source, states, keeper
        self._pipeline, self._sequencer, self._roster = pipeline, sequencer, roster
        self._progress, self._metrics = progress, metrics
        self._rebuild_ms, self._wall_clock = round(rebuild_s * 1000), wall_clock
        self._of = Fingerprint.of(pipeline, sequencer)
        self.outdated = Outdated()

    def __call__(self, partition: int) -> None:
        """Take one partition over, before any frame of it is handed out.

        Raises
        ------
        ingest.kafka_url.BrokerError
            If states or places cannot be read.
        """
        oldest, committed = self._source.oldest(partition), self._source.committed(partition)
        place = self._progress.place(partition)
        if committed is None:
            place.position = oldest
            return
        note = Note.parse(committed.note)
        found = self._restore_all(partition, committed.offset)
        start = self._start(partition, committed, note, found)
        if start < oldest:
            self._tell_cut(partition, start, oldest, committed.offset)
            start = oldest
        place.floor = committed.offset if start < committed.offset else -1
        place.position = start
        place.saved = set(found.restored)
        place.covered = {name: at for name, at in found.restored.items() if at > start}
        if note is not None and start >= note.rewind:
            place.minute_ms = note.rewind_ms
        for stream_id, error in found.stood.items():
            self.outdated.keep(partition, stream_id, error.reason, error.alarms or ())
        # A refused state stays until what it tells of alarms is settled, by whoever comes to it.
        self._keeper.end(partition, [name for name in found.broken if name not in found.stood])
        self._source.resume(partition, start, committed.offset)
        self._metrics.rewound.inc(max(0, committed.offset - start))
        logger.info(
            "partition %d: %d streams from their states, %d messages are read again",
            partition, len(found.restored), max(0, committed.offset - start),
        )  # fmt: skip

    def settle(self, partition: int) -> list[tuple[str, bytes]]:
        """Return what is to be told of alarms that stood by other limits, models or options.

        To be called once the partition is scored to where it was settled; the refused states go
        in the step that makes these messages durable.
        """
        self._keeper.end(partition, self.outdated.streams(partition), known=True)
        return list(self.outdated.settle(partition, self._roster.known))

    def _start(self, partition: int, committed: Committed, note: Note | None, found: _Found) -> int:
        """Return where to read from."""
        place_at = committed.offset if note is None else min(note.rewind, committed.offset)
        start = min([place_at, *found.stale])
        n_missing = 0 if note is None else note.n_states - len(found.restored)
        if note is not None and n_missing <= 0 and not found.broken:
            return start
        self._tell_broken(partition, note, n_missing, found)
        at_ms = round(self._wall_clock() * 1000) if note is None else note.minute_ms
        return min(start, self._source.offset_at(partition, at_ms - self._rebuild_ms))

    def _restore_all(self, partition: int, settled: int) -> _Found:
        """Go on with all streams that have a state."""
        found = _Found()
        for stream_id, messages in self._states.load(partition).items():
            for age, message in enumerate(messages):
                try:
                    state = decode_state(message, self._of)
                    if state.offset > settled:
                        raise StateError("ahead", f"a state of {state.offset}, behind {settled}")
                    self._restore(partition, state)
                except StateError as error:
                    self._metrics.broken.labels(error.reason).inc()
                    found.broken[stream_id] = error.reason
                    if error.alarms is not None and age == 0:
                        found.stood[stream_id] = error
                    continue
                found.broken.pop(stream_id, None)
                found.stood.pop(stream_id, None)
                found.restored[stream_id] = state.offset
                found.stale += [state.offset] if age else []
                break
        self._metrics.restored.inc(len(found.restored))
        return found

    def _restore(self, partition: int, state: StreamState) -> None:
        """Go on with one stream.

        Raises
        ------
        StateError
            If what its state holds does not fit; nothing is remembered of the stream then.
        """
        try:
            if state.seat is not None:
                self._pipeline.restore(state.seat)
            if state.order:
                self._sequencer.restore(state.stream_id, state.order)
        except InputError as error:
            self._pipeline.forget([state.stream_id])
            raise StateError("shape", str(error)) from error
        alarms = {_alarm_id(alarm): alarm for alarm in state.alarms}
        known = Known(partition, (), state.heard_ms, alarms=alarms)
        self._roster.known[state.stream_id] = known

    def _tell_broken(
        self, partition: int, note: Note | None, n_missing: int, found: _Found
    ) -> None:
        """Say that streams are built from the log."""
        if note is None:
            self._metrics.broken.labels("note").inc()
        elif n_missing > len(found.broken):
            self._metrics.broken.labels("missing").inc(n_missing - len(found.broken))
        reasons = ", ".join(sorted(set(found.broken.values()))) or "missing"
        logger.warning(
            "partition %d: %s states cannot be gone on from (%s): their streams are built from "
            "%.0f s of the log",
            partition, "all" if note is None else max(n_missing, len(found.broken)),
            "no place was noted" if note is None else reasons, self._rebuild_ms / 1000,
        )  # fmt: skip

    def _tell_cut(self, partition: int, start: int, oldest: int, settled: int) -> None:
        """Say that the log has been cut where it was wanted."""
        self._metrics.cut.inc()
        lost = max(0, oldest - settled)
        self._metrics.lost.inc(lost)
        logger.critical(
            "partition %d: the log begins at %d, wanted from %d: retention is too short; "
            "%d messages were removed before they were scored, and streams go on behind a gap",
            partition, oldest, start, lost,
        )  # fmt: skip


def _alarm_id(alarm: bytes) -> str:
    return str(json.loads(alarm)["id"])
