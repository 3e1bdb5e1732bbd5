"""What an annunciator tells people: alarm signals, and what was done to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inference.conditions import Priority


class SignalKind(StrEnum):
    """What is told."""

    ON = "on"
    """An alarm signal begins."""
    OFF = "off"
    """It ends."""
    HELD = "held"
    """A condition is there again within its refractory time; its signal waits."""
    LATCHED = "latched"
    """Its condition is over; the signal stays."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody knows; the signal is seen, no longer heard."""
    REMINDER = "reminder"
    """What was acknowledged is still there."""
    ESCALATED = "escalated"
    """Nobody acknowledged in time: the second recipient is told."""
    SOUND = "sound"
    """What is to be heard changed, or begins anew; priority None: silence."""
    AUDIO_PAUSED = "audio_paused"
    """Silence for a time."""
    AUDIO_RESUMED = "audio_resumed"
    """The pause is over: its time, a person, or a new lethal condition ended it."""
    ALARM_OFF = "alarm_off"
    """One condition is taken out."""
    ALARM_ON = "alarm_on"
    """It is taken in again."""
    STANDBY = "standby"
    """Nothing of this patient is told."""
    RESUMED = "resumed"
    """It is again."""
    LIMITS = "limits"
    """Other limits are in force."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing told."""

    stream_id: str
    """Pseudonym of the stream."""
    at_ms: int
    """When, on the annunciator's clock, ms."""
    kind: SignalKind
    """What."""
    condition: str = ""
    """Name of the condition, where it is about one."""
    priority: Priority | None = None
    """Priority of that condition; of a sound, what is to be heard, None silence."""
    alarm_id: str = ""
    """Id of the alarm, where it is about one."""
    recipient: str = ""
    """Whom it is for."""
    because: str = ""
    """Why, in a few words; empty where it speaks for itself."""
    who: str = ""
    """Who did it, where a person did."""
