"""One condition of one stream: its phase and the times that its timers count from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.annunciation.phases import HEARD, REMINDED, TABLE, Event, Phase
from inference.annunciation.policy import Row
from inference.annunciation.signals import SignalKind

NEVER_MS = 1 << 62
"""Later than any time."""


@dataclass(slots=True)
class Line:
    """State of one condition of one stream; times on the annunciator's clock, ms."""

    row: Row
    """What decides about it."""
    phase: Phase = Phase.QUIET
    """State of its signal."""
    present: bool = False
    """The alarm engine says that the condition holds."""
    alarm_id: str = ""
    """Id of the last alarm."""
    off_by: str = ""
    """Who switched it off; empty: it is on."""
    off_why: str = ""
    """And why."""
    begin_ms: int = NEVER_MS
    """When a pending signal begins."""
    expire_ms: int = NEVER_MS
    """When the end delay is over."""
    remind_ms: int = NEVER_MS
    """When the next reminder is due."""
    escalate_ms: int = NEVER_MS
    """When the second recipient is told."""
    refractory_ms: int = -1
    """Until when no new signal begins."""

    @property
    def due_ms(self) -> int:
        """When its next timer fires."""
        return min(self.begin_ms, self.expire_ms, self.remind_ms, self.escalate_ms)

    def happen(self, event: Event, now_ms: int) -> tuple[SignalKind, ...]:
        """Look an event up in the table, go to the next phase, set the timers.

        Returns
        -------
        tuple of SignalKind
            What is to be told, in order; empty also for an event that changes nothing.
        """
        if (self.phase, event) not in TABLE:
            return ()
        before = self.phase
        self.phase, told = TABLE[before, event]
        row = self.row
        if event is not Event.WAIT:
            self.begin_ms = NEVER_MS
        self.expire_ms = now_ms + row.end_delay_ms if event is Event.DELAY else NEVER_MS
        if SignalKind.ON in told:
            self.escalate_ms = _later(now_ms, row.escalation_ms)
        elif self.phase not in HEARD:
            self.escalate_ms = NEVER_MS
        if event is Event.ACKNOWLEDGE and self.phase in REMINDED:
            self.remind_ms = _later(now_ms, row.reminder_ms)
        elif self.phase not in REMINDED:
            self.remind_ms = NEVER_MS
        natural = event in (Event.END, Event.EXPIRE, Event.ACKNOWLEDGE, Event.CLEAR)
        if natural and SignalKind.OFF in told:
            self.refractory_ms = now_ms + row.refractory_ms
        return told

    def restore(self, values: Mapping[str, Any]) -> None:
        """Take on the state that :meth:`to_dict` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no such state.
        """
        self.phase, self.present = Phase(values["phase"]), bool(values["present"])
        self.alarm_id = str(values["alarm_id"])
        self.off_by, self.off_why = str(values["off_by"]), str(values["off_why"])
        self.refractory_ms = int(values["refractory_ms"])
        for timer in ("begin_ms", "expire_ms", "remind_ms", "escalate_ms"):
            told = values[timer]
            setattr(self, timer, NEVER_MS if told is None else int(told))

    def to_dict(self) -> dict[str, Any]:
        """Give the state as JSON can hold it, timers that do not run as null."""
        timers = ("begin_ms", "expire_ms", "remind_ms", "escalate_ms")
        return {
            "phase": self.phase.value,
            "present": self.present,
            "alarm_id": self.alarm_id,
            "off_by": self.off_by,
            "off_why": self.off_why,
            "refractory_ms": self.refractory_ms,
            **{t: None if getattr(self, t) == NEVER_MS else getattr(self, t) for t in timers},
        }


def _later(now_ms: int, wait_ms: int | None) -> int:
    return NEVER_MS if wait_ms is None else now_ms + wait_ms
