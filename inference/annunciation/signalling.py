"""Alarm signals of one stream: what is on, what hides what, what is heard, what is due.

The part of an annunciator that runs by itself; :mod:`inference.annunciation.machine`
adds what it is given. Order at one time: the audio pause ends; then, condition by
condition in the order of the table, end delays, onset delays, escalations and reminders.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from copy import copy
from graphlib import TopologicalSorter
from typing import Any, Self

from inference.annunciation.line import NEVER_MS, Line
from inference.annunciation.phases import HEARD, HIDING, SIGNALLED, Event, Phase
from inference.annunciation.policy import Policy, hidden_by, named
from inference.annunciation.signals import Signal, SignalKind
from inference.conditions import CONDITIONS, Priority
from inference.limits import Limits
from ingest.errors import InputError

_URGENCY = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}
_HIDDEN_BY = hidden_by()
HIDERS_FIRST = tuple(TopologicalSorter(_HIDDEN_BY).static_order())
"""Conditions, those that hide others before those that they hide."""


class Signalling:
    """The alarm signals of one stream, and its time.

    Parameters
    ----------
    stream_id : str
        Pseudonym of the stream.
    policy : Policy, optional
        Delays, times and recipients.
    limits : Limits, optional
        Alarm limits in force.
    now_ms : int
        Time at its begin, ms.
    """

    def __init__(
        self,
        stream_id: str,
        policy: Policy | None = None,
        limits: Limits | None = None,
        now_ms: int = 0,
    ) -> None:
        self.stream_id, self.policy = stream_id, policy or Policy()
        self.limits = limits or Limits()
        self.now_ms = now_ms
        self.lines = {c.code: Line(self.policy.row(c.name)) for c in CONDITIONS}
        self.standby: tuple[str, str] | None = None
        self.pause_end_ms = NEVER_MS
        self._sound: Priority | None = None
        self._told: list[Signal] = []
        self.due_ms = NEVER_MS
        """When the next timer fires, ms; later than any time where none runs."""

    @property
    def paused(self) -> bool:
        """An audio pause runs."""
        return self.pause_end_ms != NEVER_MS

    @property
    def sound(self) -> Priority | None:
        """What is to be heard now; None: silence."""
        return None if self.paused else self._loudest()

    def phase(self, condition: str) -> Phase:
        """State of the signal of one condition.

        Raises
        ------
        InputError
            If the condition is unknown.
        """
        return self.lines[named(condition).code].phase

    def advance(self, now_ms: int) -> list[Signal]:
        """Let time pass.

        Raises
        ------
        InputError
            If it would run backwards; nothing is changed.
        """
        if now_ms < self.now_ms:
            raise InputError(f"the clock ran backwards: from {self.now_ms} ms to {now_ms} ms")
        if now_ms < self.due_ms:
            self.now_ms = now_ms
            return []
        while (due_ms := self._next_due_ms()) <= now_ms:
            self.now_ms = due_ms
            if self.pause_end_ms == due_ms:
                self._end_pause("time is over")
            else:
                line = next(line for line in self.lines.values() if line.due_ms == due_ms)
                self._fire(line)
            self._settle()
        self.now_ms = now_ms
        return self._take_told()

    def copy(self) -> Self:
        """Give an annunciator of the same state that goes its own way."""
        twin = copy(self)
        twin.lines = {code: copy(line) for code, line in self.lines.items()}
        twin._told = list(self._told)
        return twin

    def state(self) -> dict[str, Any]:
        """Give all that is remembered, as JSON can hold it."""
        return {
            "now_ms": self.now_ms,
            "standby": self.standby and list(self.standby),
            "pause_end_ms": self.pause_end_ms if self.paused else None,
            "sound": self.sound and self.sound.value,
            "limits": dataclasses.asdict(self.limits),
            "conditions": {line.row.condition.name: line.to_dict() for line in self.lines.values()},
        }

    @classmethod
    def of_state(cls, stream_id: str, policy: Policy, state: Mapping[str, Any]) -> Self:
        """Make the annunciator whose :meth:`state` this is.

        Raises
        ------
        InputError
            If it is none, or of conditions that are not known.
        """
        try:
            limits = Limits.from_mapping(state["limits"])
            made = cls(stream_id, policy, limits, int(state["now_ms"]))
            made.standby = None if state["standby"] is None else tuple(state["standby"])
            end_ms = state["pause_end_ms"]
            made.pause_end_ms = NEVER_MS if end_ms is None else int(end_ms)
            for name, values in state["conditions"].items():
                made.lines[named(name).code].restore(values)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is no state of an annunciator: {error!r}") from error
        made._sound = None if state["sound"] is None else Priority(state["sound"])
        made.due_ms = made._next_due_ms()
        return made

    @property
    def has_alarms(self) -> bool:
        """True where something stands of alarms, or their sound is paused."""
        return self.paused or any(
            line.present or line.phase is not Phase.QUIET for line in self.lines.values()
        )

    @property
    def is_idle(self) -> bool:
        """True where nothing is left of what ever happened: a fresh one would do the same."""
        return (
            self.standby is None
            and not self.paused
            and not any(
                line.present
                or line.off_by
                or line.phase is not Phase.QUIET
                or line.refractory_ms > self.now_ms
                for line in self.lines.values()
            )
        )

    def _fire(self, line: Line) -> None:
        """Do the first of what is due for one condition."""
        if line.expire_ms == self.now_ms:
            self._happen(line, Event.EXPIRE)
        elif line.begin_ms == self.now_ms:
            self._begin(line)
        elif line.escalate_ms == self.now_ms:
            line.escalate_ms = NEVER_MS
            self._tell(SignalKind.ESCALATED, line, "nobody acknowledged")
        else:
            line.remind_ms += line.row.reminder_ms or NEVER_MS
            self._tell(SignalKind.REMINDER, line, "audio is paused" if self.paused else "")

    def _raise(self, line: Line) -> None:
        """Tell a condition that holds, or let it wait; not while it is off."""
        if line.off_by or self.standby:
            return
        if line.phase is Phase.QUIET:
            begin_ms = max(self.now_ms + line.row.onset_delay_ms, line.refractory_ms)
            if begin_ms > self.now_ms:
                line.happen(Event.WAIT, self.now_ms)
                line.begin_ms = begin_ms
                if line.refractory_ms > self.now_ms:
                    self._tell(SignalKind.HELD, line, "told a short time ago")
                return
        self._begin(line)

    def _begin(self, line: Line) -> None:
        """Begin a signal, or hide it."""
        self._happen(line, Event.BEGIN_HIDDEN if self._hider(line) else Event.BEGIN)

    def _happen(self, line: Line, event: Event, because: str = "", who: str = "") -> None:
        """Let something happen to a signal, and tell what comes of it."""
        for kind in line.happen(event, self.now_ms):
            if kind is not SignalKind.ON:
                self._tell(kind, line, because, who)
                continue
            others = [
                other.row.condition.name
                for other in self.lines.values()
                if other is not line and other.row.lethal and other.phase in SIGNALLED
            ]
            follows = line.row.lethal and bool(others)
            self._tell(kind, line, f"follows {', '.join(others)}" if follows else "")
            if line.row.lethal:
                if self.paused:
                    self._end_pause(f"{line.row.condition.name} broke through")
                # A lethal alarm sounds anew although something as urgent sounds already.
                self._sound = None

    def _end_pause(self, because: str, who: str = "") -> None:
        self.pause_end_ms = NEVER_MS
        self._tell(SignalKind.AUDIO_RESUMED, None, because, who)

    def _settle(self) -> None:
        """Hide what one that is told now hides, uncover the rest, and tell what is heard."""
        for code in HIDERS_FIRST:
            line = self.lines[code]
            hider = self._hider(line)
            if hider:
                self._happen(line, Event.HIDE, f"hidden by {hider}")
            elif line.phase is Phase.SUPPRESSED:
                self._happen(line, Event.BEGIN)
        if self.sound is not self._sound:
            self._sound = self.sound
            self._tell(SignalKind.SOUND, None, priority=self._sound)

    def _hider(self, line: Line) -> str:
        """Name of a condition whose signal hides this one; empty where there is none."""
        for code in _HIDDEN_BY[line.row.condition.code]:
            if self.lines[code].phase in HIDING:
                return self.lines[code].row.condition.name
        return ""

    def _loudest(self) -> Priority | None:
        """Most urgent priority of what nobody acknowledged."""
        heard = [x.row.condition.priority for x in self.lines.values() if x.phase in HEARD]
        return min(heard, key=_URGENCY.__getitem__, default=None)

    def _tell(
        self,
        kind: SignalKind,
        line: Line | None,
        because: str = "",
        who: str = "",
        priority: Priority | None = None,
    ) -> None:
        first, second = self.policy.recipients
        signal = Signal(
            stream_id=self.stream_id,
            at_ms=self.now_ms,
            kind=kind,
            condition="" if line is None else line.row.condition.name,
            priority=priority if line is None else line.row.condition.priority,
            alarm_id="" if line is None else line.alarm_id,
            recipient=second if kind is SignalKind.ESCALATED else first,
            because=because,
            who=who,
        )
        self._told.append(signal)

    def _next_due_ms(self) -> int:
        return min(self.pause_end_ms, *(line.due_ms for line in self.lines.values()))

    def _take_told(self) -> list[Signal]:
        """Hand out what was told; asked last, so the next timer is looked up here."""
        self.due_ms = self._next_due_ms()
        told, self._told = self._told, []
        return told
