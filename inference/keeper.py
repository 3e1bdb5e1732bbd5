"""Writes the states of streams, in the step that makes alarms and offsets durable.

A few streams a turn, so that each is written every so many seconds and no turn has to
write them all. How they are read again stands in :mod:`inference.takeover`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from inference.progress import Dirty, Place, Progress
from inference.recovery_metrics import RecoveryMetrics
from inference.roster import Roster
from inference.scorer import Scorer
from inference.stream_state import Fingerprint, StreamState, encode_state
from inference.written_seats import WrittenSeat, written_seats
from ingest.sequence import Sequencer
from ingest.state_log import Resumable, StateLog

LEAST_A_TURN = 8
"""States that a turn may write however little time has passed."""
MOST_AT_ONCE = 512
"""States that are made together: bounds the memory that it takes."""
PACE = 1.25
"""States are written so much faster than they come due: streams that began together come due
together, and all of them in few turns would hold up the alarms of these."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How often states are written, and how far back a stream is built without one."""

    every_s: float = 15.0
    """From a stream's first message behind its state to its next state, s."""
    rebuild_s: float = 3600.0
    """How far back of the committed offset a partition is read where a state is missing, s of
    the log; a stream that goes further back starts afresh there."""
    idle_s: float = 7200.0
    """A stream that was not heard for so long of its partition's log is let go of, s."""


class Keeper:
    """Writes the states of a worker's streams.

    Parameters
    ----------
    source : Resumable
        Where frames come from.
    states : StateLog
        Where states go.
    pipeline, sequencer, roster : Scorer, Sequencer, Roster
        What remembers the streams.
    progress : Progress
        How far the partitions are.
    metrics : RecoveryMetrics
        What counts.
    every_s : float
        From a stream's first message behind its state to its next state, s.
    clock : callable
        Monotonic time, s.
    """

    def __init__(
        self,
        source: Resumable,
        states: StateLog,
        pipeline: Scorer,
        sequencer: Sequencer,
        roster: Roster,
        progress: Progress,
        metrics: RecoveryMetrics,
        *,
        every_s: float = Keeping().every_s,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._states = source, states
        self._pipeline, self._sequencer, self._roster = pipeline, sequencer, roster
        self._progress, self._metrics = progress, metrics
        self._every_s, self._clock = every_s, clock
        self._of = Fingerprint.of(pipeline, sequencer)
        self._written: list[str] = []  # what is on its way
        self._ended: dict[tuple[int, str], None] = {}  # states that are to go
        self._wrote_s = clock()

    @property
    def is_due(self) -> bool:
        """True where a state is to be written now."""
        before_s = self._clock() - self._every_s
        return any(place.due(before_s, 1) for place in self._places())

    def write(self, *, whole: bool = False) -> None:
        """Queue states, and what is noted beside the offsets; :meth:`settled` once they count.

        Parameters
        ----------
        whole : bool
            Of all streams that are ahead of theirs, as before leaving.
        """
        now_s = self._clock()
        self._written = []
        for partition, key in self._ended:
            self._states.write(partition, key, None)
        share = PACE * (now_s - self._wrote_s) / self._every_s if self._every_s > 0 else 1.0
        due_of = {
            partition: list(place.dirty)
            if whole
            else place.due(
                now_s - self._every_s, max(LEAST_A_TURN, math.ceil(share * len(place.dirty)))
            )
            for partition, place in self._progress.places.items()
            if not place.is_behind
        }
        due = [(partition, name) for partition, names in due_of.items() for name in names]
        for first in range(0, len(due), MOST_AT_ONCE):
            self._write_some(due[first : first + MOST_AT_ONCE])
        for partition, names in due_of.items():
            self._source.note(partition, self._progress.places[partition].note(names).text())
        self._wrote_s = now_s

    def settled(self) -> None:
        """Take it that what :meth:`write` queued is durable."""
        for stream_id in self._written:
            known = self._roster.known[stream_id]
            known.is_dirty = False
            self._progress.places[known.partition].clean(stream_id)
        self._metrics.states.inc(len(self._written))
        self._written = []
        self._ended.clear()

    def touch(self, stream_id: str) -> None:
        """Take it that what is remembered of a stream has changed without a message of it."""
        known = self._roster.known.get(stream_id)
        if known is not None and not known.is_dirty:
            known.is_dirty = True
            place = self._progress.place(known.partition)
            place.dirty[stream_id] = Dirty(place.position, place.minute_ms, self._clock())

    def end(self, partition: int, stream_ids: Iterable[str], *, known: bool = False) -> None:
        """Let the states of streams go with the next :meth:`write`.

        Parameters
        ----------
        partition : int
            Their partition.
        stream_ids : iterable of str
            The streams.
        known : bool
            True where they go on, and have other states from now on.
        """
        place = self._progress.place(partition)
        for stream_id in stream_ids:
            if not known:
                place.forget(stream_id)
            self._ended[partition, stream_id] = None

    def forget(self, partitions: Iterable[int]) -> None:
        """Forget what was to be done about partitions that went."""
        gone = set(partitions)
        self._ended = {key: None for key in self._ended if key[0] not in gone}

    def _places(self) -> list[Place]:
        return [place for place in self._progress.places.values() if not place.is_behind]

    def _write_some(self, due: Sequence[tuple[int, str]]) -> None:
        """Queue the states of some streams, told with their partitions."""
        seats = self._seats_of([name for _, name in due])
        for partition, name in due:
            known, offset = self._roster.known[name], self._progress.places[partition].position
            order = self._sequencer.snapshot(name) if name in self._sequencer else b""
            alarms = tuple(known.alarms.values())
            state = StreamState(name, offset, known.heard_ms, order, None, alarms)
            message = encode_state(state, self._of, seats.get(name))
            self._states.write(partition, name, message)
            self._metrics.state_bytes.inc(len(message))
            self._written.append(name)

    def _seats_of(self, stream_ids: Sequence[str]) -> dict[str, WrittenSeat]:
        """Write what the pipeline remembers of some streams: all at once, which costs less."""
        streams = self._pipeline.streams
        seated = [name for name in stream_ids if streams.slot(name) is not None]
        return dict(zip(seated, written_seats(self._pipeline.snapshot(seated)), strict=True))
