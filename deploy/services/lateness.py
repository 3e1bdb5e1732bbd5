"""How late alarms are told: those of frames that a gateway had stored come hours behind.

The alarm itself says nothing of it: its bytes are a function of the signal, the same after any
crash and cut. So whoever tells people looks at the clock, against the least delay that the stream
was heard with, since clocks of devices are seldom right (:mod:`inference.stream_watch`). Nothing
is held back: what happened to a patient while nobody could know is news. It is told as late, and
behind all that is fresh.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from deploy.notify.notice import Notice, notice_of_alarm
from inference.alarm_json import canonical
from inference.annunciation import Signal, SignalKind
from inference.stream_watch import StreamWatch

LATE_URGENCY = 3
"""Added to the urgency of what is late: behind all that is fresh."""


class Lateness:
    """Marks what is told late.

    Parameters
    ----------
    watch : StreamWatch
        What knows with what delay streams are heard.
    from_s : float
        What is told later than this behind its deciding sample is late, s.
    registry : CollectorRegistry
        Where late alarms are counted.
    """

    def __init__(self, watch: StreamWatch, from_s: float, registry: CollectorRegistry) -> None:
        self._watch, self._from_ms = watch, from_s * 1000
        self._late = Counter(
            "vigil_alarms_late", "Changes of alarms that were told late.", registry=registry
        )

    def of_alarm(self, alarm: Mapping[str, Any], now_ms: int) -> int:
        """Return by how much an alarm's change is late, s; 0 where it is fresh."""
        try:
            decided_ms = round(datetime.fromisoformat(alarm["decided"]["utc"]).timestamp() * 1000)
        except (KeyError, TypeError, ValueError, OverflowError):  # changes that a clock tells
            return 0
        late_ms = self._watch.behind_ms(str(alarm["stream_id"]), decided_ms, now_ms)
        return late_ms // 1000 if late_ms >= self._from_ms else 0

    def notice(self, body: bytes, now_ms: int) -> Notice:
        """Make an alarm's notice; one that is late says so, and waits for those that are not.

        Raises
        ------
        InputError
            If it is no alarm.
        """
        made, alarm = notice_of_alarm(body), json.loads(body)
        late_s = self.of_alarm(alarm, now_ms)
        if not late_s:
            return made
        self._late.inc()
        late = canonical({**alarm, "late_s": late_s})
        return dataclasses.replace(made, body=late, urgency=made.urgency + LATE_URGENCY)

    def signals(
        self, alarm: Mapping[str, Any], told: Iterable[Signal], now_ms: int
    ) -> list[Signal]:
        """Let the signals that begin with a late alarm say so."""
        late_s = self.of_alarm(alarm, now_ms)
        if not late_s:
            return list(told)
        words = f"late by {in_words(late_s)}"
        return [
            dataclasses.replace(each, because=", ".join(filter(None, (each.because, words))))
            if each.kind in (SignalKind.ON, SignalKind.LATCHED)
            else each
            for each in told
        ]


def in_words(late_s: int) -> str:
    """Write a delay as people say it.

    Examples
    --------
    >>> in_words(75), in_words(7300)
    ('75 s', '121 min')
    """
    return f"{late_s} s" if late_s < 120 else f"{late_s // 60} min"
