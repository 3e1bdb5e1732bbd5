"""Takes what devices send, makes it durable, and only then tells them so.

One thread stores what all inputs offer, many messages a transaction. Where the
disk takes nothing (it is full, or fails) frames are sent on without having been
stored, as long as the uplink is there and nothing older of their stream waits;
what is durable neither here nor there is not acknowledged, and is tried again.
"""

from __future__ import annotations

import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest.dead_letters import encode_dead_letter
from ingest.frames import FrameError
from ingest.gateway.arrival import Arrival, Note, Packed
from ingest.gateway.counts import GatewayCounts
from ingest.gateway.database import StoreError
from ingest.gateway.forwarder import Forwarder
from ingest.gateway.marks import Standing
from ingest.gateway.store import Store
from ingest.source import DeadLetter

logger = logging.getLogger(__name__)

MOST_MESSAGES = 256
"""Most messages of one transaction."""
MOST_NOTES = 1000
"""Most notes that wait in memory while the disk takes nothing."""
AGAIN_S = 0.5
"""Wait before a disk that took nothing is tried again, s."""


@dataclass(frozen=True, slots=True)
class KeeperOptions:
    """How a keeper gathers."""

    topic_dead: str = "ecg.dead-letter"
    """Topic of what could not be read."""
    commit_s: float = 0.02
    """How long messages are gathered for one transaction, s: devices wait so much longer."""
    most_waiting: int = 256
    """Most messages that wait; who offers more waits with them."""


class Keeper:
    """Stores what is offered, in order.

    Parameters
    ----------
    store : Store
        Where to.
    forwarder : Forwarder
        Who is handed what is stored.
    counts : GatewayCounts
        What counts.
    options : KeeperOptions
        How.
    tap : callable, optional
        Is given every new frame before it is stored; must neither wait nor raise.
    """

    def __init__(
        self,
        store: Store,
        forwarder: Forwarder,
        counts: GatewayCounts,
        options: KeeperOptions = KeeperOptions(),
        tap: Callable[[Sequence[Packed]], None] | None = None,
    ) -> None:
        self._store, self._forwarder, self._counts = store, forwarder, counts
        self._options, self._tap = options, tap
        self._queue: queue.Queue[Arrival] = queue.Queue(options.most_waiting)
        self._notes: deque[Note] = deque()
        self._waiting: list[Arrival] = []  # taken, not yet durable
        self.why_full: str | None = None

    @property
    def n_waiting(self) -> int:
        """Messages that were offered and are not durable."""
        return len(self._waiting) + self._queue.qsize()

    def offer(self, arrival: Arrival) -> None:
        """Take a message; waits while too many do already, which slows its device down."""
        self._queue.put(arrival)

    def note(self, note: Note) -> None:
        """Take a message that is no frame; it is stored with the next frames."""
        self._notes.append(note)

    def turn(self, timeout_s: float) -> None:
        """Wait for messages, and make them durable.

        Parameters
        ----------
        timeout_s : float
            Longest wait for the first of them, s.
        """
        self._gather(timeout_s if not self._waiting else 0.0)
        if not self._waiting and not self._notes and self.why_full is None:
            return
        try:
            self._keep()
        except StoreError as error:
            self._go_without(error)
            return
        if self.why_full is not None:
            logger.warning("the disk takes frames again")
            self.why_full = None

    def _gather(self, timeout_s: float) -> None:
        """Take messages from the queue: wait for the first, and a moment longer for others."""
        wait_s = timeout_s
        until_s = time.monotonic() + self._options.commit_s
        while len(self._waiting) < MOST_MESSAGES:
            try:
                arrival = self._queue.get(wait_s > 0, wait_s if wait_s > 0 else None)
            except queue.Empty:
                return
            if wait_s == timeout_s:
                until_s = time.monotonic() + self._options.commit_s
            wait_s = until_s - time.monotonic()
            self._take(arrival)

    def _take(self, arrival: Arrival) -> None:
        """Put a message among those that wait."""
        self._counts.heard[arrival.via] += len(arrival.frames)
        if arrival.dead is not None:
            self._bury(arrival.dead)
        if self._tap is not None and arrival.frames:
            self._tap(arrival.frames)
        self._waiting.append(arrival)

    def _bury(self, letter: DeadLetter) -> None:
        """Keep a message that could not be used, as a note."""
        self._counts.refused[letter.reason] += 1
        self.note(Note(self._options.topic_dead, letter.topic, encode_dead_letter(letter)))

    def _keep(self) -> None:
        """Store all that waits, and acknowledge it."""
        try:
            self._store_all(self._waiting)
        except FrameError:  # of one of them: find out of which
            for arrival in self._waiting:
                try:
                    self._store_all([arrival])
                except FrameError as error:
                    whole = b"".join(frame.payload for frame in arrival.frames)
                    self._bury(DeadLetter(whole, error.reason, str(error), arrival.via))
            self._store_all([])  # the notes of those
        self._acknowledge(self._waiting)
        self._waiting = []

    def _store_all(self, arrivals: Sequence[Arrival]) -> None:
        """Store what is new of messages, and the notes; hand it on in the same breath."""
        frames, n_repeated, n_late = self._new(arrivals)
        notes = list(self._notes)
        if frames or notes or self.why_full is not None:
            started_s = time.monotonic()
            with self._store.lock:
                self._forwarder.accept(self._store.append(frames, notes))
            self._counts.commits += 1
            self._counts.commit_seconds += time.monotonic() - started_s
            self._counts.stored += len(frames)
        for _ in notes:
            self._notes.popleft()
        self._counts.repeated += n_repeated
        self._counts.late += n_late

    def _new(self, arrivals: Sequence[Arrival]) -> tuple[list[Packed], int, int]:
        """Return the frames that are not stored, and how many are repeats and late."""
        new: dict[tuple[str, str, int, int], Packed] = {}
        n_repeated = n_late = 0
        for frame in (frame for arrival in arrivals for frame in arrival.frames):
            mark = self._store.marks.get((frame.stream_id, frame.session))
            standing = Standing.NEW if mark is None else mark.judge(frame)
            place = (frame.stream_id, frame.session, frame.first_sample, frame.end_sample)
            if standing is Standing.LATE:
                n_late += 1
            elif standing is Standing.REPEATED or place in new:
                n_repeated += 1
            else:
                new[place] = frame
        return list(new.values()), n_repeated, n_late

    def _go_without(self, error: StoreError) -> None:
        """Send on what the disk did not take, and acknowledge what is durable by that."""
        if self.why_full is None:
            logger.critical("the disk takes nothing, frames are not stored: %s", error)
        self.why_full = str(error)
        frames, _, _ = self._new(self._waiting)
        unsent = self._forwarder.send_unstored(frames)
        still = {frame[:4] for frame in unsent}
        done = [a for a in self._waiting if not any(frame[:4] in still for frame in a.frames)]
        self._waiting = [a for a in self._waiting if any(f[:4] in still for f in a.frames)]
        for frame in (frame for arrival in done for frame in arrival.frames):
            mark = self._store.marks.get((frame.stream_id, frame.session))
            if mark is not None:  # in memory only: what it says is durable is so, in Kafka
                mark.note(frame, mark.heard_ms)
        self._acknowledge(done)
        while len(self._notes) > MOST_NOTES:
            self._notes.popleft()
            self._counts.lost_notes += 1
        if not done:
            time.sleep(AGAIN_S)

    def _acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Tell devices."""
        for arrival in arrivals:
            arrival.acknowledge()
        self._counts.acknowledged += len(arrivals)
