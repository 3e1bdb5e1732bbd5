"""How alarm conditions are told to people: one declared table, a source for every value.

The words are those of IEC 60601-1-8: an alarm signal is what people see and
hear of an alarm condition; audio pause silences for a time; alarm off takes one
condition out; a reminder signal tells that something is still there; a latching
signal outlives its condition. The values are selectable; what may not be
selected is a delay or a refractory time before a high priority.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.conditions import CONDITIONS, Code, Condition, Kind, Priority
from ingest.errors import InputError

_OWN = "no standard value; Vigil's choice"

SOURCES = {
    "audio_pause_s": "two minutes, as patient monitors commonly have it; Vigil's choice",
    "audio_pause_most_s": _OWN,
    "onset_delay_s": "Vigil's choice; 0 for high and medium, so that the time to alarm is the "
    "one of inference.conditions",
    "end_delay_s": "Vigil's choice: hysteresis, so that a rate about its limit is one signal",
    "refractory_s": "Vigil's choice; 0 for high",
    "reminder_s": "Vigil's choice, as long as an audio pause",
    "escalation_s": "Vigil's choice, to be settled by each ward",
    "latching": "inference.conditions: lethal ones; technical ones never (IEC 60601-1-8 "
    "speaks of latching for what a person must come to know afterwards)",
    "recipients": _OWN,
}
"""Where each kind of value comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What holds for all conditions of one priority.

    Raises
    ------
    InputError
        Naming what is out of range.
    """

    onset_delay_s: float = 0.0
    """How long a condition must hold before its signal begins, s."""
    end_delay_s: float = 0.0
    """How long the signal goes on behind a condition that does not latch, s."""
    refractory_s: float = 0.0
    """For so long behind its signal a condition gets no new one, s; it is not forgotten."""
    reminder_s: float | None = None
    """Time between reminders of what is acknowledged and holds on, s; None: no reminder."""
    escalation_s: float | None = None
    """A signal unacknowledged for so long goes to the second recipient, s; None: never."""

    def __post_init__(self) -> None:
        for name, most_s, least_s in (
            ("onset_delay_s", 60.0, 0.0),
            ("end_delay_s", 60.0, 0.0),
            ("refractory_s", 600.0, 0.0),
            ("reminder_s", 3600.0, 10.0),
            ("escalation_s", 3600.0, 5.0),
        ):
            value = getattr(self, name)
            if value is None and name in ("reminder_s", "escalation_s"):
                continue
            check_number(name, value, least_s, most_s)


def check_number(name: str, value: object, least: float, most: float) -> None:
    """Refuse what is no number, or lies outside a range.

    Raises
    ------
    InputError
        Naming the value and what is allowed.

    Examples
    --------
    >>> check_number("reminder_s", 5, 10, 3600)
    Traceback (most recent call last):
    ...
    ingest.errors.InputError: reminder_s = 5 must be a number from 10 to 3600
    """
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not least <= value <= most:  # type: ignore[operator]
        raise InputError(f"{name} = {value!r} must be a number from {least:g} to {most:g}")


@dataclass(frozen=True, slots=True)
class Row:
    """One condition with all that decides how it is told; times in ms."""

    condition: Condition
    """The condition."""
    onset_delay_ms: int
    """How long it must hold before its signal begins, ms."""
    end_delay_ms: int
    """How long its signal goes on behind it, ms; 0 where it latches."""
    refractory_ms: int
    """For so long behind its signal it gets no new one, ms."""
    reminder_ms: int | None
    """Time between reminders, ms."""
    escalation_ms: int | None
    """Time to the second recipient, ms."""
    latching: bool
    """Its signal outlives it until acknowledged."""
    may_be_off: bool
    """Alarm off is allowed. Not for high priority, nor for a condition that hides others: what
    it hides would be told to nobody."""

    @property
    def lethal(self) -> bool:
        """High priority and latching: what breaks through an audio pause."""
        return is_lethal(self.condition)


def is_lethal(condition: Condition) -> bool:
    """Tell whether a condition is one of those that kill within minutes.

    Examples
    --------
    >>> [c.name for c in CONDITIONS if is_lethal(c)][:2]
    ['ventricular_fibrillation', 'asystole']
    """
    return condition.latching and condition.priority is Priority.HIGH


_TIMINGS = {
    Priority.HIGH: Timing(end_delay_s=3.0, reminder_s=120.0, escalation_s=60.0),
    Priority.MEDIUM: Timing(
        end_delay_s=5.0, refractory_s=30.0, reminder_s=120.0, escalation_s=180.0
    ),
    Priority.LOW: Timing(onset_delay_s=5.0, end_delay_s=10.0, refractory_s=60.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that can be set about alarm signals; refuses what would hide a high priority.

    Raises
    ------
    InputError
        Naming the key and what is allowed.

    Examples
    --------
    >>> Policy().row("asystole").escalation_ms
    60000
    >>> Policy(latching=("noise",))
    Traceback (most recent call last):
    ...
    ingest.errors.InputError: noise is technical, and technical conditions never latch
    """

    timings: Mapping[Priority, Timing] = field(default_factory=lambda: dict(_TIMINGS))
    """Delays and times of each priority."""
    audio_pause_s: float = 120.0
    """Length of an audio pause that names none, s."""
    audio_pause_most_s: float = 600.0
    """Longest audio pause, s."""
    latching: tuple[str, ...] = tuple(c.name for c in CONDITIONS if c.latching)
    """Conditions whose signal outlives them."""
    recipients: tuple[str, ...] = ("bedside", "second")
    """Who is told at first, and who when nobody acknowledged."""

    def __post_init__(self) -> None:
        missing = [p.value for p in Priority if p not in self.timings]
        if missing:
            raise InputError(f"timings of priority {', '.join(missing)} are missing")
        high = self.timings[Priority.HIGH]
        for name in ("onset_delay_s", "refractory_s"):
            if getattr(high, name):
                raise InputError(f"{name} of priority high must be 0: it may never be held back")
        check_number("audio_pause_most_s", self.audio_pause_most_s, 1.0, 3600.0)
        check_number("audio_pause_s", self.audio_pause_s, 1.0, self.audio_pause_most_s)
        for name in self.latching:
            if named(name).kind is Kind.TECHNICAL:
                raise InputError(f"{name} is technical, and technical conditions never latch")
        if len(self.recipients) != 2 or not all(r.strip() for r in self.recipients):
            raise InputError("recipients must be two names, who is told first and who second")

    def row(self, name: str) -> Row:
        """Put together what decides about one condition.

        Raises
        ------
        InputError
            If the condition is unknown.
        """
        condition = named(name)
        timing = self.timings[condition.priority]
        latching = condition.name in self.latching
        high = condition.priority is Priority.HIGH
        return Row(
            condition=condition,
            onset_delay_ms=_ms(timing.onset_delay_s),
            end_delay_ms=0 if latching else _ms(timing.end_delay_s),
            refractory_ms=_ms(timing.refractory_s),
            reminder_ms=None if timing.reminder_s is None else _ms(timing.reminder_s),
            escalation_ms=None if timing.escalation_s is None else _ms(timing.escalation_s),
            latching=latching,
            may_be_off=not high and not condition.hides,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the policy as JSON can hold it; :meth:`from_dict` reads it again."""
        return {
            "timings": {p.value: dataclasses.asdict(self.timings[p]) for p in Priority},
            "audio_pause_s": self.audio_pause_s,
            "audio_pause_most_s": self.audio_pause_most_s,
            "latching": list(self.latching),
            "recipients": list(self.recipients),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Policy:
        """Build from the keys of a configuration or a log; defaults for those not given.

        Raises
        ------
        InputError
            Also for a key or a priority that does not exist.
        """
        given = dict(values)
        _check_keys("annunciation", given, [f.name for f in dataclasses.fields(cls)])
        if "timings" in given:
            given["timings"] = _timings(given["timings"])
        for key in ("latching", "recipients"):
            if key in given:
                if not isinstance(given[key], list | tuple):
                    raise InputError(f"{key} must be a list of names")
                given[key] = tuple(str(each) for each in given[key])
        return cls(**given)


def named(name: str) -> Condition:
    """Return the condition of that name.

    Raises
    ------
    InputError
        If there is none, with the names that there are.
    """
    for condition in CONDITIONS:
        if condition.name == name:
            return condition
    raise InputError(f"condition {name!r} is unknown; known are {', '.join(names())}")


def names() -> list[str]:
    """Names of all conditions, in the table's order."""
    return [condition.name for condition in CONDITIONS]


def hidden_by() -> dict[Code, tuple[Code, ...]]:
    """Tell for each condition which others hide it while their signal is on."""
    return {
        condition.code: tuple(other.code for other in CONDITIONS if condition.code in other.hides)
        for condition in CONDITIONS
    }


def _timings(values: Any) -> dict[Priority, Timing]:
    """Read a table of timings over the defaults."""
    if not isinstance(values, Mapping):
        raise InputError("timings must be a table by priority")
    _check_keys("timings", values, [p.value for p in Priority])
    found = dict(_TIMINGS)
    for name, keys in values.items():
        if not isinstance(keys, Mapping):
            raise InputError(f"timings.{name} must be a table")
        _check_keys(f"timings.{name}", keys, [f.name for f in dataclasses.fields(Timing)])
        priority = Priority(name)
        found[priority] = dataclasses.replace(found[priority], **keys)
    return found


def _check_keys(where: str, values: Mapping[str, Any], known: list[str]) -> None:
    for key in values:
        if key not in known:
            raise InputError(f"{where}: {key!r} is unknown; known are {', '.join(known)}")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
