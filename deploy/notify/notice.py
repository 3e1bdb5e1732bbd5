"""What a notifier tells: one change of an alarm, or one signal, with the key of its delivery."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from inference.alarm_json import canonical
from inference.annunciation import Signal, signal_to_dict
from inference.conditions import Priority
from ingest.errors import InputError

URGENCY = {Priority.HIGH.value: 0, Priority.MEDIUM.value: 1, Priority.LOW.value: 2}
"""Less is sooner."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be told, once."""

    key: str
    """Idempotency key: the alarm's id and its state; whoever hears it twice drops the second."""
    topic: str
    """Notices of one topic (an alarm's id) are delivered in order."""
    urgency: int
    """Less is sooner."""
    body: bytes
    """JSON, as it is sent."""


class Notifier(Protocol):
    """Somebody who tells notices; never in the way of whoever gives them."""

    def offer(self, notice: Notice) -> None:
        """Take a notice, at once; what comes of it is the notifier's business."""

    def close(self, timeout_s: float) -> None:
        """Tell what is left, within a time; then stop."""


def notice_of_alarm(body: bytes) -> Notice:
    """Make a notice of an alarm's JSON.

    Raises
    ------
    InputError
        If it is no alarm.
    """
    try:
        alarm: Mapping[str, Any] = json.loads(body)
        key = f"{alarm['id']}.{alarm['state']}"
        return Notice(key, str(alarm["id"]), URGENCY[alarm["priority"]], body)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"this is no alarm of Vigil: {error!r}") from error


def notice_of_signal(signal: Signal) -> Notice:
    """Make a notice of a signal, such as an escalation.

    Examples
    --------
    >>> from inference.annunciation import SignalKind
    >>> told = Signal("p1", 61000, SignalKind.ESCALATED, "asystole", Priority.HIGH, "a1", "second")
    >>> notice_of_signal(told).key
    'a1.escalated.61000'
    """
    topic = signal.alarm_id or signal.stream_id
    urgency = 2 if signal.priority is None else URGENCY[signal.priority.value]
    body = canonical(signal_to_dict(signal))
    return Notice(f"{topic}.{signal.kind.value}.{signal.at_ms}", topic, urgency, body)


def notice_of_technical(condition: str, state: str, who: str, at_ms: int, **told: float) -> Notice:
    """Make a notice of something that is wrong with the monitor itself, not with one stream.

    Parameters
    ----------
    condition : str
        What, such as ``"lag"``.
    state : str
        ``"raised"`` or ``"ended"``.
    who : str
        Name of the worker.
    at_ms : int
        When, ms since 1970.
    **told : float
        Figures, by name with their unit.

    Examples
    --------
    >>> notice_of_technical("lag", "raised", "w1", 61000, lag_s=14.5).key
    'technical.lag.w1.raised.61000'
    """
    topic = f"technical.{condition}.{who}"
    body = {
        "schema": "vigil.technical/1",
        "stream_id": "*",
        "condition": condition,
        "priority": Priority.HIGH.value,
        "state": state,
        "worker": who,
        "at_ms": at_ms,
        **told,
    }
    return Notice(f"{topic}.{state}.{at_ms}", topic, URGENCY[Priority.HIGH.value], canonical(body))
