"""The annunciator of one stream: alarm changes, commands and time in, alarm signals out.

It stands on top of :mod:`inference.alarms`, which says what holds, and decides
what people are told of it. It has no clock of its own: :meth:`Annunciator.advance`
moves its time, and what was due on the way is told at the times at which it was
due, however far the time moves at once. What is refused changes nothing.
"""

from __future__ import annotations

from inference.alarm_transition import TransitionKind
from inference.annunciation.inputs import (
    Acknowledge,
    AlarmOff,
    AlarmOn,
    Archive,
    AudioOn,
    AudioPause,
    Change,
    Command,
    Resume,
    SetLimits,
    Standby,
    check_person,
)
from inference.annunciation.phases import HEARD, SIGNALLED, Event, Phase
from inference.annunciation.policy import check_number, named, names
from inference.annunciation.signalling import HIDERS_FIRST, Signalling
from inference.annunciation.signals import Signal, SignalKind
from inference.conditions import Kind
from ingest.errors import InputError


class Annunciator(Signalling):
    """The alarm signals of one stream, and what people do about them.

    Examples
    --------
    >>> bed = Annunciator("p1")
    >>> [s.kind.value for s in bed.take(Change("asystole", TransitionKind.RAISED, "a1"))]
    ['on', 'sound']
    >>> [s.kind.value for s in bed.take(Acknowledge("nurse 7"))]
    ['acknowledged', 'sound']
    """

    def take(self, given: Change | Command) -> list[Signal]:
        """Take in a change of an alarm or a command, now.

        Raises
        ------
        InputError
            If it names an unknown condition, does not say who or why, or is not
            possible now; nothing is changed.
        """
        if isinstance(given, Change):
            self._change(given)
        else:
            check_person(given)
            self._command(given)
        self._settle()
        return self._take_told()

    def archive(self, given: Archive) -> list[Signal]:
        """End all that stands, since nobody will tell any more when it does.

        What people decided of this patient (standby, conditions that are off, limits) stays,
        unless all is to go: the stream may come back, with another worker first.
        """
        if self.paused:
            self._end_pause(given.because)
        for line in self.lines.values():
            line.present = False
            self._happen(line, Event.DROP, given.because)
            line.refractory_ms = -1
            if given.whole:
                line.off_by = line.off_why = ""
        if given.whole:
            self.standby = None
        self._settle()
        return self._take_told()

    def _change(self, change: Change) -> None:
        """Take in what the alarm engine says; what is known already changes nothing."""
        line = self.lines[named(change.condition).code]
        kind = change.kind
        if kind is TransitionKind.LATCHED and line.row.condition.kind is Kind.TECHNICAL:
            raise InputError(
                f"{change.condition} is technical, and technical conditions never latch"
            )
        if kind is TransitionKind.RAISED and not line.present:
            line.present, line.alarm_id = True, change.alarm_id
            self._raise(line)
        elif kind in (TransitionKind.ENDED, TransitionKind.LATCHED) and line.present:
            line.present = False
            if line.row.latching and line.phase is Phase.ON:
                self._happen(line, Event.LATCH)
            elif line.row.end_delay_ms and line.phase in (Phase.ON, Phase.ACKNOWLEDGED):
                self._happen(line, Event.DELAY)
            else:
                self._happen(line, Event.END)
        elif kind is TransitionKind.CLEARED:
            self._happen(line, Event.CLEAR, who=change.by)
        elif kind is TransitionKind.ACKNOWLEDGED and line.phase is Phase.ON:
            self._happen(line, Event.ACKNOWLEDGE, who=change.by)

    def _command(self, command: Command) -> None:
        """Do what a person wants, or refuse it before anything is changed."""
        match command:
            case Acknowledge():
                self._acknowledge(command)
            case AudioPause():
                self._pause(command)
            case AudioOn():
                if not self.paused:
                    raise InputError("there is no audio pause to end")
                self._end_pause("a person ended it", command.who)
            case AlarmOff():
                self._switch_off(command)
            case AlarmOn():
                self._switch_on(command)
            case Standby():
                self._stand_by(command)
            case Resume():
                self._resume(command)
            case SetLimits():
                self._set_limits(command)

    def _acknowledge(self, command: Acknowledge) -> None:
        there = [line for line in self.lines.values() if line.phase in HEARD]
        chosen = there
        if command.condition:
            line = self.lines[named(command.condition).code]
            if line.phase in SIGNALLED and line not in there:
                raise InputError(f"the alarm {command.condition!r} is acknowledged already")
            chosen = [line] if line in there else []
        if not chosen:
            told = ", ".join(line.row.condition.name for line in there) or "none"
            what = f"alarm {command.condition!r}" if command.condition else "alarm"
            raise InputError(f"there is no {what} to acknowledge; there are: {told}")
        for line in chosen:
            self._happen(line, Event.ACKNOWLEDGE, who=command.who)

    def _pause(self, command: AudioPause) -> None:
        self._refuse_in_standby("an audio pause")
        length_s = command.length_s
        if length_s is None:
            length_s = self.policy.audio_pause_s
        check_number("length_s of an audio pause", length_s, 1.0, self.policy.audio_pause_most_s)
        self.pause_end_ms = self.now_ms + round(length_s * 1000)
        self._tell(SignalKind.AUDIO_PAUSED, None, f"{length_s:g} s", command.who)

    def _set_limits(self, command: SetLimits) -> None:
        if not command.limits:
            raise InputError("set_limits must name at least one limit")
        self.limits = self.limits.changed(command.limits)
        text = ", ".join(f"{key} = {value:g}" for key, value in command.limits.items())
        self._tell(SignalKind.LIMITS, None, f"{text}: {command.why}", command.who)

    def _switch_off(self, command: AlarmOff) -> None:
        line = self.lines[named(command.condition).code]
        if not line.row.may_be_off:
            allowed = [n for n in names() if self.lines[named(n).code].row.may_be_off]
            raise InputError(
                f"{command.condition} cannot be switched off; these can: {', '.join(allowed)}"
            )
        if line.off_by:
            raise InputError(f"{command.condition} is off already, by {line.off_by}")
        line.off_by, line.off_why = command.who, command.why
        self._happen(line, Event.DROP, "alarm off", command.who)
        self._tell(SignalKind.ALARM_OFF, line, command.why, command.who)

    def _switch_on(self, command: AlarmOn) -> None:
        line = self.lines[named(command.condition).code]
        if not line.off_by:
            raise InputError(f"{command.condition} is not off")
        line.off_by = line.off_why = ""
        self._tell(SignalKind.ALARM_ON, line, "", command.who)
        if line.present:
            self._raise(line)

    def _stand_by(self, command: Standby) -> None:
        self._refuse_in_standby("standby")
        self.standby = (command.who, command.why)
        for line in self.lines.values():
            self._happen(line, Event.DROP, "standby", command.who)
        if self.paused:
            self._end_pause("standby", command.who)
        self._tell(SignalKind.STANDBY, None, command.why, command.who)

    def _resume(self, command: Resume) -> None:
        if self.standby is None:
            raise InputError("there is no standby to end")
        self.standby = None
        self._tell(SignalKind.RESUMED, None, "", command.who)
        for code in HIDERS_FIRST:
            if self.lines[code].present:
                self._raise(self.lines[code])

    def _refuse_in_standby(self, what: str) -> None:
        if self.standby is not None:
            raise InputError(f"in standby by {self.standby[0]}: {what} is not possible")
