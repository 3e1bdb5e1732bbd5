"""What is signalled at one bed now, put together from the signals that an annunciator told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.annunciation import SignalKind

URGENCY = {"high": 0, "medium": 1, "low": 2}
"""Priorities by urgency, the most urgent first."""
_NUMBER = re.compile(r"([a-z_]+) = ([-+0-9.e]+)")


@dataclass(slots=True)
class Line:
    """One alarm signal that is on."""

    condition: str
    """Name of the condition."""
    priority: str
    """high, medium or low."""
    phase: str
    """on, acknowledged or latched."""
    alarm_id: str
    """Id of the alarm."""
    since_ms: int
    """When it began, UTC, ms since 1970."""
    because: str = ""
    """What it follows, where it follows something."""
    who: str = ""
    """Who acknowledged."""
    escalated: str = ""
    """Who was told when nobody acknowledged."""
    reminders: int = 0
    """How often it was told again."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Board:
    """All signals of one bed, and what people did to them."""

    lines: dict[str, Line] = field(default_factory=dict)
    """Signals that are on, by condition."""
    sound: str | None = None
    """Priority that is to be heard; None: silence."""
    sounded: int = 0
    """Counts up whenever a sound begins anew."""
    paused_until_ms: int | None = None
    """End of an audio pause, UTC, ms since 1970."""
    pause_ended: str = ""
    """Why the last audio pause ended."""
    off: dict[str, dict[str, str]] = field(default_factory=dict)
    """Who took which condition out, and why."""
    standby: dict[str, str] | None = None
    """Who set the bed on standby, and why."""
    limits: dict[str, float] = field(default_factory=dict)
    """Limits that people have changed, by name."""

    def take(self, signal: Mapping[str, Any], now_ms: int) -> None:
        """Take in one signal, as :func:`inference.annunciation.signal_to_dict` writes it.

        Parameters
        ----------
        signal : mapping
            The signal.
        now_ms : int
            UTC, ms since 1970; an annunciator's own clock may be another.
        """
        kind, condition = signal["kind"], signal.get("condition") or ""
        line = self.lines.get(condition)
        if kind == SignalKind.ON:
            self.lines[condition] = Line(
                condition,
                signal.get("priority") or "low",
                "on",
                signal.get("alarm_id") or "",
                now_ms,
                signal.get("because") or "",
            )
        elif kind == SignalKind.OFF:
            self.lines.pop(condition, None)
        elif kind == SignalKind.SOUND:
            self.sound = signal.get("priority")
            self.sounded += 1
        elif line is not None:
            _change(line, signal)
        else:
            self._of_bed(signal, now_ms)

    def _of_bed(self, signal: Mapping[str, Any], now_ms: int) -> None:
        """Take in what is about the bed, or about a condition that is not signalled."""
        kind, condition = signal["kind"], signal.get("condition") or ""
        said = {"who": signal.get("who") or "", "why": signal.get("because") or ""}
        if kind == SignalKind.AUDIO_PAUSED:
            length = re.match(r"[0-9.]+", said["why"])
            self.paused_until_ms = now_ms + round(1000 * float(length[0] if length else 120))
            self.pause_ended = ""
        elif kind == SignalKind.AUDIO_RESUMED:
            self.paused_until_ms, self.pause_ended = None, said["why"]
        elif kind == SignalKind.ALARM_OFF:
            self.off[condition] = said
        elif kind == SignalKind.ALARM_ON:
            self.off.pop(condition, None)
        elif kind == SignalKind.STANDBY:
            self.standby = said
            self.lines.clear()
        elif kind == SignalKind.RESUMED:
            self.standby = None
        elif kind == SignalKind.LIMITS:
            self.limits |= {name: float(value) for name, value in _NUMBER.findall(said["why"])}

    def to_dict(self) -> dict[str, Any]:
        """Give it as browsers get it, the most urgent signal first."""
        lines = sorted(
            self.lines.values(),
            key=lambda x: (x.phase == "acknowledged", URGENCY.get(x.priority, 3), -x.since_ms),
        )
        return {
            "lines": [line.to_dict() for line in lines],
            "sound": self.sound,
            "sounded": self.sounded,
            "paused_until_ms": self.paused_until_ms,
            "pause_ended": self.pause_ended,
            "off": self.off,
            "standby": self.standby,
            "limits": self.limits,
        }


def _change(line: Line, signal: Mapping[str, Any]) -> None:
    """Change one signal that is on."""
    kind = signal["kind"]
    if kind == SignalKind.LATCHED:
        line.phase = "latched"
    elif kind == SignalKind.ACKNOWLEDGED:
        line.phase, line.who = "acknowledged", signal.get("who") or ""
    elif kind == SignalKind.REMINDER:
        line.reminders += 1
    elif kind == SignalKind.ESCALATED:
        line.escalated = signal.get("recipient") or ""
