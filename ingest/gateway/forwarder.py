"""Sends stored frames on: each stream in order, live ones at once, the backlog at a bounded rate.

A stream is *live* while all that was heard of it has been handed on: its frames
go from memory as soon as they are durable. Where the uplink fails it falls
*behind*: its frames stay on the disk, and when the uplink is back they go in the
order of their arrival, at most so many bytes a second, in turns that are short,
so that live streams wait for no more than one of them. When its last stored frame
has gone, it is live again. A stream's newer frames never go before its older
ones: a reader's sequencer would take the hole for a gap, and the alarms of what
came later would be those of another signal (docs/adr/0020).

What has been flushed is deleted. A process that dies in between sends it again;
the sequencer of every reader drops what it has heard.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest.errors import InputError
from ingest.gateway.arrival import Packed, Row
from ingest.gateway.bucket import TokenBucket
from ingest.gateway.counts import GatewayCounts
from ingest.gateway.database import StoreError
from ingest.gateway.messages import messages
from ingest.gateway.sessions import fit, payload_of
from ingest.gateway.store import Store
from ingest.kafka_url import BrokerError
from ingest.source import Sink

logger = logging.getLogger(__name__)

TURN_BYTES = 256 << 10
"""Most bytes of backlog in one turn: live frames wait no longer than it takes."""
TURN_FRAMES = 2048
"""Most frames of backlog in one turn."""
TURN_NOTES = 100
"""Most notes in one turn."""
LIVE_BYTES = 16 << 20
"""Most bytes of live frames that are kept in memory; with more their streams fall behind."""
FIRST_WAIT_S, MOST_WAIT_S = 0.2, 10.0
"""Waits before an uplink that failed is tried again, s: doubled from the first to the most."""

NOTES_WAIT_S = 10.0
"""Wait before notes that failed are tried again, s."""


@dataclass(frozen=True, slots=True)
class Uplink:
    """Where and how frames go."""

    connect: Callable[[str], Sink]
    """Opens a sink to a topic; raises BrokerError or InputError where it cannot."""
    topic: str
    """Topic of the frames."""
    key: str | None = None
    """Key of all messages; None: each stream's own."""
    live_s: float = 5.0
    """A frame that is sent later than this after its arrival is a replay, s."""
    clock: Callable[[], float] = time.monotonic
    """Monotonic time, s."""
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    """Time, ms since 1970; the store's."""


class Forwarder:
    """Takes frames from the store to Kafka.

    Parameters
    ----------
    store : Store
        Where frames wait.
    uplink : Uplink
        Where they go.
    rate : TokenBucket
        What the backlog may take.
    counts : GatewayCounts
        What counts.
    """

    def __init__(
        self, store: Store, uplink: Uplink, rate: TokenBucket, counts: GatewayCounts
    ) -> None:
        self._store, self._uplink, self._rate, self._counts = store, uplink, rate, counts
        self._sending = threading.Lock()  # who has it uses the sinks
        self._sinks: dict[str, Sink] = {}
        self._live: deque[Row] = deque()
        self._live_bytes = 0
        # What an earlier process left is behind; so are all streams that it knew.
        self._behind = {mark.number for mark in store.marks.values()}
        self._place = 0  # in the backlog: up to it all of the streams behind has been handed on
        self._undeleted: list[Row] = []
        self._wake = threading.Event()
        self._wait_s, self._next_try_s, self._next_notes_s = FIRST_WAIT_S, 0.0, 0.0
        self.why_down: str | None = "not connected yet"

    @property
    def up(self) -> bool:
        """True while the uplink works, as far as is known."""
        return self.why_down is None

    @property
    def n_behind(self) -> int:
        """Streams whose backlog is being sent or waits."""
        return len(self._behind) if self._store.counts.frames else 0

    def accept(self, rows: Sequence[Row]) -> None:
        """Take frames that are durable; called with the store's lock held since they became so."""
        for row in rows:
            if row.stream not in self._behind:
                self._live.append(row)
                self._live_bytes += len(row.payload)
        # Far below the store's bound, so that what is dropped there is not here.
        most = min(LIVE_BYTES, self._store.policy.max_bytes // 4)
        if self._live_bytes > most or not self.up:
            self._fall_behind([])
        self._wake.set()

    def turn(self, timeout_s: float) -> None:
        """Wait for something to send, and send it.

        Parameters
        ----------
        timeout_s : float
            Longest wait, s.
        """
        self._wait(timeout_s)
        with self._sending:
            self._turn()

    def send_unstored(self, frames: Sequence[Packed]) -> list[Packed]:
        """Send frames that the disk did not take; return those that are durable nowhere.

        Called on the keeper's thread. Streams that are behind must wait: what is stored of
        them goes first.
        """
        with self._sending:
            self._turn()
            if not self.up:
                return list(frames)
            marks = self._store.marks
            behind = {key for key, mark in marks.items() if mark.number in self._behind}
            going = [one for one in frames if (one.stream_id, one.session) not in behind]
            try:
                sink = self._sink(self._uplink.topic)
                for one in going:
                    mark = marks.get((one.stream_id, one.session))
                    value = one.payload if mark is None else payload_of(one.payload, mark)
                    sink.write(self._uplink.key or one.stream_id, value)
                sink.flush()
            except (BrokerError, InputError) as error:
                self._lose_uplink(error)
                return list(frames)
            self._counts.sent["live"] += len(going)
            self._counts.unstored += len(going)
            return [one for one in frames if (one.stream_id, one.session) in behind]

    def wake(self) -> None:
        """End the wait of :meth:`turn`."""
        self._wake.set()

    def close(self) -> None:
        """Close the sinks; what is not durable there stays in the store."""
        with self._sending:
            self._close_sinks()

    def _wait(self, timeout_s: float) -> None:
        """Wait until there may be something to do."""
        if self._live and self.up:
            return
        if not self.up:
            timeout_s = min(timeout_s, max(0.0, self._next_try_s - self._uplink.clock()))
        elif self.n_behind:
            timeout_s = min(timeout_s, self._rate.wait_s(TURN_BYTES // 4))
        elif self._store.counts.notes and self._uplink.clock() >= self._next_notes_s:
            return
        if timeout_s > 0:
            self._wake.wait(timeout_s)
        self._wake.clear()

    def _turn(self) -> None:
        """Send what is there, once; the caller has the sinks."""
        if not self._connect():
            return
        rows: list[Row] = []
        try:
            rows = self._take()
            if rows:
                self._send(rows)
        except (BrokerError, InputError) as error:
            self._lose_uplink(error)
            with self._store.lock:
                self._fall_behind(rows)
            return
        except StoreError as error:
            logger.error("the backlog cannot be read: %s", error)
            return
        if rows or self._undeleted:
            self._delete(rows)
        if self._store.counts.notes and self._uplink.clock() >= self._next_notes_s:
            self._send_notes()

    def _connect(self) -> bool:
        """Open the sink of the frames where it is not open, and it is time to try."""
        if self.up:
            return True
        now_s = self._uplink.clock()
        if now_s < self._next_try_s:
            return False
        try:
            self._sink(self._uplink.topic)
        except (BrokerError, InputError) as error:
            self._lose_uplink(error)
            return False
        logger.info("the uplink is there")
        self.why_down, self._wait_s = None, FIRST_WAIT_S
        return True

    def _take(self) -> list[Row]:
        """Choose what to send: all that is live, and of the backlog what may go."""
        with self._store.lock:
            chosen = list(self._live)
            self._live.clear()
            self._live_bytes = 0
            room = min(self._rate.available, TURN_BYTES)
            if self._behind and room > 0:
                rows, self._place = self._store.read(self._place, TURN_FRAMES, int(room))
                backlog = [row for row in rows if row.stream in self._behind]
                self._rate.spend(sum(len(row.payload) for row in backlog))
                chosen += backlog
                if self._store.is_end(self._place):
                    self._behind.clear()  # all of them has been handed on: they are live
            fitted, n_renamed = fit(chosen, [self._store.mark_of(row.stream) for row in chosen])
        self._counts.new_sessions += n_renamed
        return fitted

    def _send(self, rows: Sequence[Row]) -> None:
        """Write frames, and wait until they are durable."""
        live_from_ms = self._uplink.wall_ms() - round(self._uplink.live_s * 1000)
        sink = self._sink(self._uplink.topic)
        for key, value in messages(rows, self._key, live_from_ms):
            sink.write(key, value)
        sink.flush()
        n_replays = sum(row.received_ms < live_from_ms for row in rows)
        self._counts.sent["replay"] += n_replays
        self._counts.sent["live"] += len(rows) - n_replays
        self._counts.sent_bytes += sum(len(row.payload) for row in rows)

    def _delete(self, rows: Sequence[Row]) -> None:
        """Delete what was sent; what the disk refuses to delete is tried again next time."""
        sent = [*self._undeleted, *rows]
        try:
            self._store.sent(sent)
            self._undeleted = []
        except StoreError as error:
            logger.error("what was sent stays stored, and may be sent again: %s", error)
            self._undeleted = sent

    def _send_notes(self) -> None:
        """Send some notes; what becomes of them never keeps frames waiting for long."""
        try:
            notes = self._store.notes(TURN_NOTES)
            for _, note in notes:
                self._sink(note.topic).write(note.key, note.value)
            for topic in {note.topic for _, note in notes}:
                self._sink(topic).flush()
            self._store.sent([], [number for number, _ in notes])
            self._counts.sent_notes += len(notes)
        except (BrokerError, InputError, StoreError) as error:
            logger.error("messages beside frames wait: %s", error)
            self._next_notes_s = self._uplink.clock() + NOTES_WAIT_S

    def _key(self, stream: int) -> str:
        return self._uplink.key or self._store.mark_of(stream).stream_id

    def _sink(self, topic: str) -> Sink:
        if topic not in self._sinks:
            self._sinks[topic] = self._uplink.connect(topic)
        return self._sinks[topic]

    def _fall_behind(self, unsent: Sequence[Row]) -> None:
        """Leave what was taken and what is live to the disk; the store's lock is held."""
        rows = [*unsent, *self._live]
        self._live.clear()
        self._live_bytes = 0
        if rows:
            self._behind |= {row.stream for row in rows}
            self._place = min(self._place, min(row.id for row in rows) - 1)

    def _lose_uplink(self, error: Exception) -> None:
        """Note that the uplink failed, and when to try again."""
        if self.up:
            logger.error("the uplink failed, frames are stored: %s", error)
        self.why_down = str(error)
        self._counts.failures += 1
        self._next_try_s = self._uplink.clock() + self._wait_s * random.uniform(0.8, 1.2)
        self._wait_s = min(2 * self._wait_s, MOST_WAIT_S)
        self._close_sinks()

    def _close_sinks(self) -> None:
        """Close the sinks, whatever they say: what they hold is in the store."""
        sinks, self._sinks = self._sinks, {}
        for sink in sinks.values():
            try:
                sink.close()
            except (BrokerError, InputError) as error:
                logger.debug("closing the uplink: %s", error)
