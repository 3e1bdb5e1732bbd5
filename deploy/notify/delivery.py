"""Delivery on a thread of its own: a bounded queue, retries with back-off, order an alarm.

Whoever offers a notice never waits. A notice that fails is tried again later
while others go on; those of one alarm stay in order. What was tried to the end,
refused for good, or found the queue full goes to the file of undelivered ones.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from deploy.notify.notice import Notice
from deploy.notify.undelivered import Undelivered
from deploy.notify.webhook import DeliveryError


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and when a notice is tried again."""

    tries: int = 6
    """Most tries."""
    first_wait_s: float = 0.5
    """Wait behind the first failure, s; doubled behind each further one."""
    most_wait_s: float = 30.0
    """Longest wait, s."""
    jitter: float = 0.2
    """Share by which waits differ at random, so that many monitors do not come at once."""

    def wait_s(self, n_failed: int, draw: float) -> float:
        """Give the wait behind so many failures; ``draw`` is from 0 to 1.

        Examples
        --------
        >>> [Retries().wait_s(n, 0.5) for n in (1, 2, 3, 20)]
        [0.5, 1.0, 2.0, 30.0]
        """
        plain_s = min(self.first_wait_s * 2.0 ** (n_failed - 1), self.most_wait_s)
        return plain_s * (1 + self.jitter * (2 * draw - 1))


@dataclass(slots=True)
class _Entry:
    """A notice on its way."""

    notice: Notice
    n_failed: int = 0


class Delivery:
    """Delivers notices through a sender, in the background.

    Parameters
    ----------
    send : callable
        Sends one notice or raises :class:`~deploy.notify.webhook.DeliveryError`.
    undelivered : Undelivered
        Where what is given up goes; closed with this.
    retries : Retries
        How often and when.
    most : int
        Most notices on their way at once.
    seed : int or None
        Of the jitter.
    """

    def __init__(
        self,
        send: Callable[[Notice], None],
        undelivered: Undelivered,
        retries: Retries | None = None,
        most: int = 1000,
        seed: int | None = None,
    ) -> None:
        self._send, self._undelivered = send, undelivered
        self._retries, self._most = retries or Retries(), most
        self._draw = random.Random(seed).random
        self.counts: Counter[str] = Counter()
        self._condition = threading.Condition()
        self._topics: dict[str, deque[_Entry]] = {}
        self._due: list[tuple[float, int, int, str]] = []
        self._n = self._order = 0
        self._closing = False
        self._deadline_s = float("inf")
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self._thread.start()

    def offer(self, notice: Notice) -> None:
        """Take a notice without waiting; a full queue sends it to the undelivered."""
        with self._condition:
            full = self._n >= self._most or self._closing
            if not full:
                self._n += 1
                waiting = self._topics.setdefault(notice.topic, deque())
                waiting.append(_Entry(notice))
                if len(waiting) == 1:
                    self._plan(waiting[0], time.monotonic())
                self._condition.notify()
        if full:
            self._give_up(notice, "the queue is full or closed", 0)

    def close(self, timeout_s: float) -> None:
        """Deliver what is left, within a time; the rest goes to the undelivered."""
        with self._condition:
            self._closing = True
            self._deadline_s = time.monotonic() + timeout_s
            self._condition.notify()
        self._thread.join()
        for waiting in self._topics.values():
            for entry in waiting:
                self._give_up(entry.notice, "the monitor was stopped", entry.n_failed)
        self._undelivered.close()

    def _plan(self, entry: _Entry, at_s: float) -> None:
        """Put the first notice of a topic among those that are due at some time."""
        self._order += 1
        place = (at_s, entry.notice.urgency, self._order, entry.notice.topic)
        heapq.heappush(self._due, place)

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            try:
                self._send(entry.notice)
            except DeliveryError as error:
                self._failed(entry, error)
            except Exception as error:  # noqa: BLE001  # one bad notice must not end the thread
                told = f"{type(error).__name__}: {error}"
                self._failed(entry, DeliveryError(told, again=False))
            else:
                self.counts["delivered"] += 1
                self._done(entry)

    def _next(self) -> _Entry | None:
        """Wait for the next notice that is due; None when it is time to stop."""
        with self._condition:
            while True:
                now_s = time.monotonic()
                if self._closing and (not self._n or now_s >= self._deadline_s):
                    return None
                ready = self._ready(now_s)
                if ready is not None:
                    return ready
                until_s = min(self._due[0][0] if self._due else float("inf"), self._deadline_s)
                self._condition.wait(None if until_s == float("inf") else until_s - now_s)

    def _ready(self, now_s: float) -> _Entry | None:
        """Take the most urgent of those that are due."""
        ready = []
        while self._due and self._due[0][0] <= now_s:
            ready.append(heapq.heappop(self._due))
        if not ready:
            return None
        first = min(ready, key=lambda place: place[1:])
        for place in ready:
            if place is not first:
                heapq.heappush(self._due, place)
        return self._topics[first[3]][0]

    def _failed(self, entry: _Entry, error: DeliveryError) -> None:
        """Plan another try, or give up."""
        entry.n_failed += 1
        if error.again and entry.n_failed < self._retries.tries:
            self.counts["retried"] += 1
            wait_s = max(self._retries.wait_s(entry.n_failed, self._draw()), error.wait_s)
            with self._condition:
                self._plan(entry, time.monotonic() + wait_s)
        else:
            self._give_up(entry.notice, str(error), entry.n_failed)
            self._done(entry)

    def _done(self, entry: _Entry) -> None:
        """Let the next notice of the same topic come."""
        topic = entry.notice.topic
        with self._condition:
            self._n -= 1
            waiting = self._topics[topic]
            waiting.popleft()
            if waiting:
                self._plan(waiting[0], time.monotonic())
            else:
                del self._topics[topic]

    def _give_up(self, notice: Notice, reason: str, tries: int) -> None:
        self.counts["undelivered"] += 1
        self._undelivered.write(notice, reason, tries)
