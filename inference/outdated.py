"""Alarms that stood by other limits, models or options: ended with a reason, or gone on with.

A state that was written by others is refused, and its stream is built anew from the log
(:mod:`inference.takeover`). What of its alarms still stands by the rules that are in force now goes
on under its id. The others would otherwise stand for ever: nobody knows any more when they end. And
what stands by the new rules only would never be raised, since nothing that is read again is told.

A worker that leaves writes the states of all its streams, and what stood is known to the message.
One that was killed may have told of alarms behind its last states, at most ``state.every_s`` ago:
such an alarm may be raised twice under one id, or stand without an end where limits change too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from inference.alarm_json import canonical
from inference.alarm_transition import UNTOLD, TransitionKind
from inference.roster import Known

REASONS: Mapping[str, str] = {
    "limits": "limits_changed",
    "models": "models_changed",
    "options": "options_changed",
    "format": "version_changed",
}
"""Why states are refused that tell which alarms stood, and what an alarm says that ends by it."""


class Outdated:
    """Keeps the alarms of refused states until their partition is read again to its end."""

    def __init__(self) -> None:
        self._held: dict[int, dict[str, tuple[str, Sequence[bytes]]]] = {}

    def keep(self, partition: int, stream_id: str, reason: str, alarms: Sequence[bytes]) -> None:
        """Keep what stood of a stream whose state was refused.

        Parameters
        ----------
        partition : int
            Partition that it comes from.
        stream_id : str
            Stream.
        reason : str
            Why its state was refused, one of :data:`REASONS`.
        alarms : sequence of bytes
            The last message of each of its alarms that stood.
        """
        self._held.setdefault(partition, {})[stream_id] = (reason, alarms)

    def streams(self, partition: int) -> list[str]:
        """Streams of a partition whose states were refused."""
        return list(self._held.get(partition, ()))

    def forget(self, partitions: Iterable[int]) -> None:
        """Forget partitions that went: who has them now finds the same states."""
        for partition in partitions:
            self._held.pop(partition, None)

    def settle(self, partition: int, known: Mapping[str, Known]) -> Iterator[tuple[str, bytes]]:
        """Yield the stream and the message of every change that is to be told, and forget.

        Parameters
        ----------
        partition : int
            One that is scored to where it was settled.
        known : mapping of str to Known
            What is known of the streams now.
        """
        for stream_id, (reason, alarms) in self._held.pop(partition, {}).items():
            stood = {str(alarm["id"]): alarm for alarm in map(json.loads, alarms)}
            stands = known[stream_id].alarms if stream_id in known else {}
            for alarm_id, alarm in stood.items():
                if alarm_id not in stands and alarm["state"] not in UNTOLD:
                    yield stream_id, ended(alarm, REASONS[reason])
            for alarm_id, message in stands.items():
                if alarm_id not in stood:
                    yield from ((stream_id, each) for each in _from_the_begin(message))


def ended(alarm: Mapping[str, object], because: str) -> bytes:
    """Write the end of an alarm whose end nobody can tell; its times are those that are known.

    Examples
    --------
    >>> ended({"id": "a", "state": "raised", "decided": {"sample": 7}}, "limits_changed")
    b'{"decided":{"sample":7},"ended_because":"limits_changed","id":"a","offset":{"sample":7},"state":"ended"}'
    """
    was_over = alarm["state"] == TransitionKind.LATCHED
    state = TransitionKind.CLEARED if was_over else TransitionKind.ENDED
    offset = alarm.get("offset") or alarm["decided"]
    return canonical({**alarm, "state": state.value, "offset": offset, "ended_because": because})


def _from_the_begin(message: bytes) -> Iterator[bytes]:
    """Yield an alarm's message, and before it that it was raised where it tells more than that."""
    alarm = json.loads(message)
    if alarm["state"] not in (TransitionKind.RAISED, *UNTOLD):
        yield canonical({**alarm, "state": TransitionKind.RAISED.value, "offset": None})
    yield message
