"""Technical notices of a gateway about itself: raised and ended, to log, notifiers and topic."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.gateway.arrival import Note

if TYPE_CHECKING:
    from deploy.notify import Notifier

logger = logging.getLogger(__name__)

PRIORITIES = {
    "uplink-cut": "medium",
    "frames-dropped": "high",
    "disk-full": "high",
    "store-damaged": "high",
    "mqtt-lost": "medium",
    "local-alarms-off": "high",
}
"""Technical conditions of a gateway, and how urgent they are: high where signal is being lost,
or alarms are."""

HOLD_MS = 10_000
"""A condition ends when it has not held for so long, ms: one that comes and goes is told once."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told."""

    name: str
    """The gateway's."""
    topic: str
    """Topic of notices."""
    notifiers: Sequence[Notifier]
    """Who is told at once."""
    note: Callable[[Note], None]
    """Stores a message for the topic."""


class Notices:
    """Keeps the technical conditions of one gateway.

    Parameters
    ----------
    told : Told
        Who is told.
    wall_ms : callable
        Time, ms since 1970.
    """

    def __init__(
        self, told: Told, wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._told, self._wall_ms = told, wall_ms
        self._since_ms: dict[str, int] = {}
        self._held_ms: dict[str, int] = {}  # when each was last seen to hold

    @property
    def present(self) -> list[str]:
        """Conditions that hold."""
        return sorted(self._since_ms)

    def note(self, condition: str, holds: bool, detail: str = "") -> None:
        """Say whether a condition holds; only a change is told."""
        now_ms = self._wall_ms()
        if holds:
            self._held_ms[condition] = now_ms
            if condition not in self._since_ms:
                self._since_ms[condition] = now_ms
                self._tell(condition, "raised", now_ms, now_ms, detail)
        elif condition in self._since_ms and now_ms - self._held_ms[condition] >= HOLD_MS:
            since_ms = self._since_ms.pop(condition)
            self._tell(condition, "ended", since_ms, now_ms, detail)

    def tell_once(self, condition: str, detail: str) -> None:
        """Tell something that happened, and is over."""
        now_ms = self._wall_ms()
        self._tell(condition, "happened", now_ms, now_ms, detail)

    def _tell(self, condition: str, state: str, since_ms: int, now_ms: int, detail: str) -> None:
        priority, name = PRIORITIES[condition], self._told.name
        level = logging.WARNING if state == "ended" else logging.ERROR
        logger.log(level, "%s %s%s", condition, state, f": {detail}" if detail else "")
        notice = {
            "schema": "vigil.gateway-notice/1",
            "stream_id": name,
            "condition": condition,
            "state": state,
            "priority": priority,
            "onset_ms": since_ms,
            "at_ms": now_ms,
            "detail": detail,
        }
        body = json.dumps(notice, sort_keys=True, separators=(",", ":")).encode()
        if self._told.notifiers:
            self._offer(f"{name}.{condition}.{since_ms}", state, priority, body)
        self._told.note(Note(self._told.topic, name, body))

    def _offer(self, about: str, state: str, priority: str, body: bytes) -> None:
        """Tell the notifiers."""
        from deploy.notify import Notice  # it loads what a gateway without notifiers needs not
        from deploy.notify.notice import URGENCY

        for notifier in self._told.notifiers:
            notifier.offer(Notice(f"{about}.{state}", about, URGENCY[priority], body))
