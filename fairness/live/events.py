"""What a watch hears: alarms that were raised, what clinicians say of them, hours monitored."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from fairness.errors import AuditError

Judgement = Literal["true", "false", "artefact"]
"""What a clinician says of an alarm; false and artefact are both false alarms."""
JUDGEMENTS: tuple[Judgement, ...] = ("true", "false", "artefact")


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm was raised."""

    at_s: float
    """When, s since 1970."""
    alarm_id: str
    """Its id."""
    patient: str
    """Pseudonym of the stream."""
    condition: str
    """What it is about, such as ``asystole``."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A clinician judged an alarm; the last word before its patient closes counts."""

    at_s: float
    """When, s since 1970."""
    alarm_id: str
    """Which alarm."""
    verdict: Judgement
    """What it was."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A patient was monitored."""

    at_s: float
    """When this became known, s since 1970."""
    patient: str
    """Pseudonym of the stream."""
    monitored_s: float
    """For so many seconds more."""


Event = Alarm | Feedback | Exposure


def read_event(line: bytes | str) -> Event | None:
    """Read one event from a line of JSON.

    Known are the alarms that Vigil writes (``inference/alarm.schema.json``), feedback
    ``{"alarm_id", "verdict", "utc"}`` and exposure ``{"stream_id", "monitored_s", "utc"}``. Other
    keys are ignored.

    Parameters
    ----------
    line : bytes or str
        One JSON object.

    Returns
    -------
    Event or None
        None for what is well formed and of no concern: technical alarms, and changes of an alarm
        other than its being raised.

    Raises
    ------
    AuditError
        If it is none of these; what was wrong is named.

    Examples
    --------
    >>> read_event('{"alarm_id": "a", "verdict": "false", "utc": "1970-01-01T00:01:00Z"}')
    Feedback(at_s=60.0, alarm_id='a', verdict='false')
    """
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AuditError(f"an event is a JSON object a line: {error}") from error
    if not isinstance(told, dict):
        raise AuditError(f"an event is a JSON object, not {type(told).__name__}")
    if "verdict" in told:
        return _feedback(told)
    if "monitored_s" in told:
        return _exposure(told)
    if "condition" in told:
        return _alarm(told)
    raise AuditError("an event has a verdict, monitored_s or a condition; this has none of them")


def _alarm(told: dict[str, Any]) -> Alarm | None:
    if told.get("state") != "raised" or told.get("kind") != "physiological":
        return None
    decided = told.get("decided")
    at_s = _time(decided.get("utc") if isinstance(decided, dict) else None, "decided.utc")
    return Alarm(at_s, _text(told, "id"), _text(told, "stream_id"), _text(told, "condition"))


def _feedback(told: dict[str, Any]) -> Feedback:
    verdict = told["verdict"]
    if verdict not in JUDGEMENTS:
        raise AuditError(f"verdict must be one of {', '.join(JUDGEMENTS)}, not {verdict!r}")
    return Feedback(_time(told.get("utc"), "utc"), _text(told, "alarm_id"), verdict)


def _exposure(told: dict[str, Any]) -> Exposure:
    seconds = told["monitored_s"]
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds < math.inf:
        raise AuditError(f"monitored_s must be above 0, not {seconds!r}")
    return Exposure(_time(told.get("utc"), "utc"), _text(told, "stream_id"), float(seconds))


def _text(told: dict[str, Any], key: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not value:
        raise AuditError(f"{key} must be a text, not {value!r}")
    return value


def _time(value: object, key: str) -> float:
    if not isinstance(value, str):
        raise AuditError(f"{key} must be a time such as 2026-01-31T12:00:00Z, not {value!r}")
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError("it names no zone")
        return at.timestamp()
    except (ValueError, OverflowError) as error:
        raise AuditError(f"{key} {value!r} is no time: {error}") from error
