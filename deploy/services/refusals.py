"""What is kept in the audit log of whoever was not let in, and of what was not believed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from deploy.audit_log import AuditLog, TamperedError
from ingest.errors import InputError

logger = logging.getLogger(__name__)

EVERY_S = 60.0
"""Refusals for one reason are written down so often at most, with their number, s."""
MOST_REASONS = 100
"""Reasons that are told apart; whoever is refused must not fill the memory."""


class Refusals:
    """Writes refused clients to the audit log, not one line each: a flood must not fill the disk.

    Parameters
    ----------
    audit : AuditLog
        Where.
    clock : callable
        Monotonic time, s.
    """

    def __init__(self, audit: AuditLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit, self._clock, self._lock = audit, clock, threading.Lock()
        self._told_s: dict[str, float] = {}
        self._times: dict[str, int] = {}

    def client(self, why: str) -> None:
        """Note that a client of the HTTP side was refused; never what it showed."""
        with self._lock:
            why = why if why in self._times or len(self._times) < MOST_REASONS else "other"
            self._times[why] = self._times.get(why, 0) + 1
            now_s = self._clock()
            if now_s - self._told_s.get(why, float("-inf")) < EVERY_S:
                return
            self._told_s[why], times = now_s, self._times[why]
            self._times[why] = 0
            try:
                self._audit.append("vigil", "client.refused", {"why": why[:200], "times": times})
            except (OSError, InputError, ValueError) as error:  # ValueError: the log is closed
                logger.error("a refused client is not in the audit log: %s", error)


def note_refused_start(path: Path | None, key: bytes | None, error: InputError) -> None:
    """Write down that a service did not start, and why.

    That is: a model that is not believed, a topic that is not allowed, an authority that is not
    trusted, an audit log that was changed; and any other setting that cannot be used. To a log
    that was changed nothing is added. A new one beside it, ``NAME.refused``, says so.

    Parameters
    ----------
    path : Path or None
        The audit log of the settings.
    key : bytes or None
        Its key.
    error : InputError
        Why.
    """
    if path is None:
        return
    details = {"why": str(error)[:1000]}
    try:
        with AuditLog(path, key=key) as log:
            log.append("vigil", "start.refused", details)
    except TamperedError:
        beside = path.with_name(f"{path.stem}.refused{path.suffix}")
        try:
            with AuditLog(beside, key=key) as log:
                log.append("vigil", "audit-log.refused", details)
        except (OSError, InputError) as broken:
            logger.critical("it is in no audit log that the service was refused: %s", broken)
    except (OSError, InputError) as broken:
        logger.critical("it is in no audit log that the service was refused: %s", broken)
