"""What an annunciator is told: changes of alarms, and commands of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from inference.alarm_transition import TransitionKind
from ingest.errors import InputError


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm was raised, ended, latched, acknowledged or cleared by the alarm engine."""

    condition: str
    """Name of the condition."""
    kind: TransitionKind
    """What changed."""
    alarm_id: str = ""
    """Id of the alarm, as in its JSON."""
    by: str = ""
    """Who acknowledged, where somebody did."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Somebody has seen one alarm, or all that are there."""

    who: str
    """A role or pseudonym, not empty."""
    condition: str = ""
    """Name of the condition; empty: all."""


@dataclass(frozen=True, slots=True)
class AudioPause:
    """Silence for a time."""

    who: str
    """A role or pseudonym, not empty."""
    length_s: float | None = None
    """How long, s; None: as the policy says."""


@dataclass(frozen=True, slots=True)
class AudioOn:
    """End an audio pause before its time."""

    who: str
    """A role or pseudonym, not empty."""


@dataclass(frozen=True, slots=True)
class AlarmOff:
    """Take one condition out until it is switched on again."""

    who: str
    """A role or pseudonym, not empty."""
    condition: str
    """Name of the condition."""
    why: str
    """Reason, not empty."""


@dataclass(frozen=True, slots=True)
class AlarmOn:
    """Take one condition in again."""

    who: str
    """A role or pseudonym, not empty."""
    condition: str
    """Name of the condition."""


@dataclass(frozen=True, slots=True)
class Standby:
    """Tell nothing of this patient until resumed."""

    who: str
    """A role or pseudonym, not empty."""
    why: str
    """Reason, not empty."""


@dataclass(frozen=True, slots=True)
class Resume:
    """End standby; what holds is told."""

    who: str
    """A role or pseudonym, not empty."""


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Select other limits for this patient."""

    who: str
    """A role or pseudonym, not empty."""
    why: str
    """Reason, not empty."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """Limits that change, by name; the others stay."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The stream is gone: what stands of its alarms is ended, and its bed is closed."""

    because: str
    """Why, in a few words."""
    whole: bool = False
    """True where also people's decisions go: standby, conditions that are off, limits."""


Command: TypeAlias = (
    Acknowledge | AudioPause | AudioOn | AlarmOff | AlarmOn | Standby | Resume | SetLimits
)
"""What a person may tell."""

COMMANDS: dict[str, type[Any]] = {
    "acknowledge": Acknowledge,
    "audio_pause": AudioPause,
    "audio_on": AudioOn,
    "alarm_off": AlarmOff,
    "alarm_on": AlarmOn,
    "standby": Standby,
    "resume": Resume,
    "set_limits": SetLimits,
}
"""Commands by the name that stands in JSON."""

_NAME_OF = {kind: name for name, kind in COMMANDS.items()}


def check_person(command: Command) -> None:
    """Refuse a command that does not say who, or why where it must.

    Raises
    ------
    InputError
        Naming the command and what is empty.

    Examples
    --------
    >>> check_person(Standby("nurse 7", " "))
    Traceback (most recent call last):
    ...
    ingest.errors.InputError: standby must say why
    """
    for key in ("who", "why"):
        said = getattr(command, key, "-")
        if not isinstance(said, str) or not said.strip():
            raise InputError(f"{command_name(command)} must say {key}")


def command_name(command: Command) -> str:
    """Name of a command, as it stands in JSON.

    Examples
    --------
    >>> command_name(AudioOn("nurse 7"))
    'audio_on'
    """
    return _NAME_OF[type(command)]
