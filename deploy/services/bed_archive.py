"""Closes the beds of streams that are gone, so that what is remembered of them is bounded.

A stream that ends, falls silent or moves to another worker leaves a bed behind, with alarm
signals that nobody acknowledged. Who comes within :attr:`BedArchive.after_s` still finds them.
Behind that they are ended, each with a signal that says why, and the log keeps it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from inference.annunciation import Desk, Signal
from inference.annunciation.phases import Phase
from inference.stream_watch import StreamWatch

logger = logging.getLogger(__name__)

ENDED = "stream ended"
"""Why a bed is closed whose stream was not heard for so long."""
CROWDED = "too many beds of streams that are gone"
"""Why one is closed before that."""
Do = Callable[[Callable[[], list[Signal]], str], list[Signal]]
"""Does something that may be refused or not be logged, and tells so."""


class BedArchive:
    """Looks over the beds of a desk now and then.

    Parameters
    ----------
    desk : Desk
        The beds.
    watch : StreamWatch
        What follows when streams are heard.
    after_s : float
        A bed whose stream was not heard, and of which nothing was told, for so long is closed, s.
    most : int
        Most beds of streams that are not heard; beyond, the ones that are longest silent are
        closed, with what people decided of them. Beds of streams that are heard are bounded by
        the streams that a worker takes.
    registry : CollectorRegistry
        Where it is counted.
    """

    def __init__(
        self, desk: Desk, watch: StreamWatch, after_s: float, most: int, registry: CollectorRegistry
    ) -> None:
        self._desk, self._watch = desk, watch
        self.after_s, self._most = after_s, most
        self._beds = Gauge(
            "vigil_beds", "Streams of which alarm signals are remembered.", registry=registry
        )
        self._closed = Counter(
            "vigil_beds_archived", "Beds closed behind streams that are gone.", registry=registry
        )
        self._cut = Counter(
            "vigil_alarms_ended_with_stream",
            "Alarm signals that nobody had acknowledged when the bed was closed.",
            registry=registry,
        )

    def turn(self, do: Do) -> list[Signal]:
        """Close what is to be closed; return what is told of it.

        Parameters
        ----------
        do : callable
            Does each step; one that fails leaves its bed for the next turn.
        """
        desk, told = self._desk, []
        before_ms = desk.now_ms() - round(self.after_s * 1000)
        for change in self._watch.retire(before_ms, self._most):
            told += do(lambda: desk.hear(change), "a stream's clock")  # noqa: B023  # at once
        desk.forget_idle()
        gone = sorted((desk.given_ms(name), name) for name in desk.beds if name not in self._watch)
        n_over = max(len(gone) - self._most, 0)
        for i, (given_ms, name) in enumerate(gone):
            if i < n_over:
                told += self._close(name, CROWDED, do)
            elif given_ms < before_ms and desk.beds[name].has_alarms:
                told += self._close(name, ENDED, do)
        self._beds.set(len(desk.beds))
        return told

    def _close(self, name: str, because: str, do: Do) -> list[Signal]:
        """Close one bed."""
        desk = self._desk
        heard = (Phase.ON, Phase.ENDING, Phase.LATCHED)
        n_open = sum(line.phase in heard for line in desk.beds[name].lines.values())
        told = do(lambda: desk.archive(name, because, whole=because == CROWDED), "a bed's end")
        if name in desk.beds and desk.beds[name].has_alarms:
            return told  # it could not be logged
        self._closed.inc()
        self._cut.inc(n_open)
        if n_open:
            logger.warning("%d alarm signals ended unacknowledged: %s", n_open, because)
        return told
