"""What one set of models said of a stretch: alarms as spans of time, beats, hours, cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.alarm_transition import TransitionKind
from inference.strip import Strip

OPENS = TransitionKind.RAISED
CLOSES = (TransitionKind.ENDED, TransitionKind.LATCHED, TransitionKind.CLEARED)


@dataclass(slots=True, eq=False)
class SaidAlarm:
    """One alarm from its onset to its offset."""

    alarm: Mapping[str, Any]
    """The message with which it was raised."""
    onset_s: float
    """Onset on the stream's own clock, s since its session began."""
    decided_s: float
    """When it was decided, the same way."""
    offset_s: float | None = None
    """Offset; None where it held at the end of the stretch."""
    strip: Strip | None = None
    """The signal before it was decided."""

    @property
    def stream(self) -> tuple[str, str]:
        """Stream and session."""
        return self.alarm["stream_id"], self.alarm["session"]

    @property
    def condition(self) -> str:
        """What it is about."""
        return str(self.alarm["condition"])

    @property
    def priority(self) -> str:
        """high, medium or low."""
        return str(self.alarm["priority"])

    @property
    def end_s(self) -> float:
        """Offset, far away where it is open."""
        return float("inf") if self.offset_s is None else self.offset_s


@dataclass(slots=True)
class Said:
    """All that one set of models said."""

    name: str
    """Which set, as the user named it."""
    models: tuple[str, ...] = ()
    """Names and versions of its models."""
    alarms: list[SaidAlarm] = field(default_factory=list)
    """In the order in which they were raised."""
    beats: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)
    """R-peaks, ms, and AAMI classes, by stream and session."""
    score_s: float = 0.0
    """Time that scoring took, s."""
    _open: dict[str, SaidAlarm] = field(default_factory=dict)

    def take(self, told: Mapping[str, Any], strip: Strip | None = None) -> None:
        """Take a change of an alarm."""
        fs, state = float(told["strip"]["fs"]), told["state"]
        if state == OPENS:
            made = SaidAlarm(
                told, told["onset"]["sample"] / fs, told["decided"]["sample"] / fs, strip=strip
            )
            self.alarms.append(made)
            self._open[told["id"]] = made
        elif state in CLOSES and told["offset"] is not None:
            opened = self._open.pop(told["id"], None)
            if opened is not None:
                opened.offset_s = told["offset"]["sample"] / fs
