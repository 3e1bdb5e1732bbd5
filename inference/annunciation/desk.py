"""The desk: the annunciators of many streams, one clock and one log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from inference.alarm_transition import TransitionKind
from inference.annunciation.inputs import Archive, Change, Command
from inference.annunciation.log import Entry, LogWriter
from inference.annunciation.machine import Annunciator
from inference.annunciation.policy import Policy
from inference.annunciation.signals import Signal
from inference.annunciation.wire import change_of_alarm
from inference.limits import Limits

logger = logging.getLogger(__name__)


class Desk:
    """Takes alarms and commands of many streams, tells their signals.

    Parameters
    ----------
    clock_ms : callable
        Gives the time, ms; must not run backwards.
    policy : Policy, optional
        Delays, times and recipients.
    limits : Limits, optional
        Alarm limits in force.
    log : LogWriter, optional
        Where all that is taken in is written first.
    unix_ns : callable, optional
        Wall clock, ns since 1970, for the log's readers.

    Examples
    --------
    >>> from inference.annunciation.inputs import Acknowledge
    >>> desk = Desk(lambda: 0)
    >>> alarm = {"stream_id": "p1", "id": "a1", "condition": "asystole", "state": "raised"}
    >>> [s.kind.value for s in desk.hear(alarm)]
    ['on', 'sound']
    >>> [s.kind.value for s in desk.command("p1", Acknowledge("nurse 7"))]
    ['acknowledged', 'sound']
    """

    def __init__(
        self,
        clock_ms: Callable[[], int],
        policy: Policy | None = None,
        limits: Limits | None = None,
        log: LogWriter | None = None,
        unix_ns: Callable[[], int] | None = None,
    ) -> None:
        self.policy, self.limits = policy or Policy(), limits or Limits()
        self._clock_ms, self.log, self._unix_ns = clock_ms, log, unix_ns
        self.beds: dict[str, Annunciator] = {}
        self._early: list[Signal] = []
        self._given_ms: dict[str, int] = {}

    def now_ms(self) -> int:
        """Tell the time by the desk's clock, ms; it never runs backwards."""
        return self._clock_ms()

    def restore(self, beds: Mapping[str, Annunciator]) -> None:
        """Go on with what a replayed log gave."""
        self.beds.update(beds)
        self._given_ms |= {stream_id: bed.now_ms for stream_id, bed in beds.items()}

    def hear(self, alarm: Mapping[str, Any]) -> list[Signal]:
        """Take in an alarm's JSON, as an object.

        Raises
        ------
        InputError
            If it is no alarm, or of an unknown condition; nothing is changed.
        """
        stream_id, change = change_of_alarm(alarm)
        return self._take(stream_id, change)

    def command(self, stream_id: str, command: Command) -> list[Signal]:
        """Do what a person wants.

        Raises
        ------
        InputError
            If it is not possible now; nothing is changed.
        """
        return self._take(stream_id, command)

    def lose(self, stream_ids: Iterable[str]) -> list[Signal]:
        """Take it that what held is over: nobody will tell when it ends.

        For streams whose alarm engine is gone, with another worker or with a
        process that has ended. Lethal alarms that nobody acknowledged latch, so
        none is lost; what still holds is raised again by whoever goes on.
        """
        told = []
        for stream_id in stream_ids:
            bed = self.beds.get(stream_id)
            for line in [] if bed is None else list(bed.lines.values()):
                if line.present:
                    over = Change(line.row.condition.name, TransitionKind.ENDED, line.alarm_id)
                    told += self._take(stream_id, over)
        return told

    def given_ms(self, stream_id: str) -> int:
        """Tell when something was last taken in of a stream with a bed, ms."""
        return self._given_ms[stream_id]

    def archive(self, stream_id: str, because: str, *, whole: bool = False) -> list[Signal]:
        """Close the bed of a stream that is gone: what stands of its alarms is ended.

        Parameters
        ----------
        stream_id : str
            One that has a bed.
        because : str
            Why; stands in the log and in the signals.
        whole : bool
            Also what people decided of the patient goes. Else a bed with such stays, silent.

        Raises
        ------
        OSError
            If it cannot be logged; nothing is changed.
        """
        now_ms, bed, given = self._clock_ms(), self.beds[stream_id], Archive(because, whole)
        if self.log is not None:
            unix_ns = self._unix_ns() if self._unix_ns else None
            self.log.append(Entry(now_ms, stream_id, given, unix_ns))
        told = bed.advance(now_ms) + bed.archive(given)
        if whole or (bed.is_idle and bed.limits == self.limits):
            self._forget(stream_id)
        return told

    def tick(self) -> list[Signal]:
        """Let time pass for all streams; tell what was due."""
        now_ms = self._clock_ms()
        told = self._early
        self._early = []
        for bed in self.beds.values():
            if bed.due_ms <= now_ms:
                told += bed.advance(now_ms)
        return sorted(told, key=lambda signal: signal.at_ms)

    def _take(self, stream_id: str, given: Change | Command) -> list[Signal]:
        """Carry the stream's time on, try on a copy, log, and only then do it."""
        now_ms = self._clock_ms()
        bed = self.beds.get(stream_id)
        new = bed is None
        if bed is None:
            bed = Annunciator(stream_id, self.policy, self.limits, now_ms)
        # What was due is kept and told by the next call, should the rest be refused.
        self._early += bed.advance(now_ms)
        told = bed.copy().take(given)
        if self.log is not None:
            unix_ns = self._unix_ns() if self._unix_ns else None
            self.log.append(Entry(now_ms, stream_id, given, unix_ns))
        bed.take(given)
        if new:
            self.beds[stream_id] = bed
        self._given_ms[stream_id] = now_ms
        if self.log is not None and self.log.is_full:
            self._begin_log_anew(self.log)
        early, self._early = self._early, []
        return early + told

    def forget_idle(self) -> None:
        """Forget beds of which nothing is left: where streams come and go, most of them."""
        now_ms = self._clock_ms()
        for name, bed in list(self.beds.items()):
            self._early += bed.advance(now_ms)
            if bed.is_idle and bed.limits == self.limits:
                self._forget(name)

    def _forget(self, stream_id: str) -> None:
        del self.beds[stream_id], self._given_ms[stream_id]

    def _begin_log_anew(self, log: LogWriter) -> None:
        """Begin the log anew by the states, and forget beds of which nothing is left."""
        self.forget_idle()
        try:
            log.begin_anew(self.beds)
        except OSError as error:  # the old one is whole and goes on
            logger.error("the log %s could not begin anew: %s", log.path, error)


def steady_clock_ms(at_least_ms: int = 0) -> Callable[[], int]:
    """Make a clock that begins at UTC and never runs backwards, whatever is done to UTC.

    Parameters
    ----------
    at_least_ms : int
        Earliest time to begin with, ms: that of a log's last entry, say.

    Examples
    --------
    >>> clock = steady_clock_ms()
    >>> clock() <= clock()
    True
    """
    begin_ms = max(time.time_ns() // 1_000_000, at_least_ms)
    begin_ns = time.monotonic_ns()
    return lambda: begin_ms + (time.monotonic_ns() - begin_ns) // 1_000_000
