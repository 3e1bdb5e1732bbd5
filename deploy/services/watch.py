"""The watch as a service: lines in, metrics over HTTP, alerts out, until it is told to stop."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from deploy.http import HttpServer
from deploy.services.lines import Lines, open_lines
from fairness.errors import AuditError
from fairness.live.declaration import load_watch
from fairness.live.events import Event, read_event
from fairness.live.exposition import WatchCollector
from fairness.live.reading import Alert, State, shown
from fairness.live.watch import Watch
from fairness.result import Verdict
from fairness.tables import read_table
from inference.conditions import CONDITIONS, Kind
from ingest.errors import InputError

logger = logging.getLogger(__name__)

PAUSE_S = 0.2
"""Rest where nothing new has come, s."""

Tell = Callable[[Alert], None]
"""Is told of every alert."""


@dataclass(frozen=True, slots=True)
class WatchPaths:
    """Where everything is."""

    alarms: str
    """Alarms: a file of JSON lines, or ``kafka://HOST:PORT/TOPIC``."""
    feedback: str | None
    """Feedback and exposure, the same way; None where they stand among the alarms."""
    subjects: Path
    """Subjects, CSV or Parquet."""
    declaration: Path
    """TOML file."""


class WatchService:
    """One watch, its inputs and its HTTP side.

    It reads its inputs from the start each time, so that it knows after a restart what it knew
    before; an alert is then told again.

    Parameters
    ----------
    paths : WatchPaths
        Where everything is.
    tell : callable
        Told of every alert.
    http_port : int, optional
        Port of ``/metrics``; 0 takes a free one, None serves nothing.
    once : bool
        Read the inputs to their present end and no further.

    Raises
    ------
    InputError
        If an input cannot be opened, the port not be taken, or no alarm is about a condition.
    AuditError
        If subjects or declaration cannot be used.
    """

    def __init__(
        self, paths: WatchPaths, tell: Tell, http_port: int | None = None, *, once: bool = False
    ) -> None:
        self._once = once
        declared = load_watch(paths.declaration)
        _check_conditions(declared.conditions)
        self.watch = Watch(declared, read_table(paths.subjects))
        self._tell, self._lock, self._stop = tell, threading.Lock(), threading.Event()
        with ExitStack() as opened:
            self._inputs: list[Lines] = []
            for where in (paths.alarms, paths.feedback):
                if where is not None:
                    self._inputs.append(open_lines(where, whole=once))
                    opened.callback(self._inputs[-1].close)
            registry = CollectorRegistry()
            registry.register(WatchCollector(self.watch, self._lock))
            self._http = None if http_port is None else HttpServer(registry, port=http_port)
            opened.pop_all()

    @property
    def http_port(self) -> int | None:
        """Port of ``/metrics``; None where it is not served."""
        return None if self._http is None else self._http.port

    def stop(self) -> None:
        """Let :meth:`run` end; may be called by a signal's handler."""
        self._stop.set()

    def run(self) -> None:
        """Follow the inputs until :meth:`stop`, or once to their present end."""
        try:
            if self._http is not None:
                self._http.start()
                logger.info("serving /metrics on port %d", self._http.port)
            # What is there already is put in order of time first: of two inputs that are both
            # behind, neither must run ahead of the other.
            self._take(lines for batch in self._backlog() for lines in batch)
            while not self._once and not self._stop.is_set():
                if not self._take(line for one in self._inputs for line in one.poll()):
                    self._stop.wait(PAUSE_S)
        finally:
            for one in self._inputs:
                one.close()
            if self._http is not None:
                self._http.stop()

    def _backlog(self) -> Iterator[list[bytes]]:
        """Give all lines that are there now."""
        for one in self._inputs:
            while lines := one.poll():
                yield lines

    def _take(self, lines: Iterator[bytes]) -> bool:
        """Take lines in order of their events' time; say whether there were any."""
        events: list[Event] = []
        n_lines = 0
        for line in lines:
            n_lines += 1
            try:
                event = read_event(line)
            except AuditError as error:
                logger.warning("an event was not read: %s", error)
                with self._lock:
                    self.watch.ignored["unreadable"] += 1
                continue
            if event is not None:
                events.append(event)
        alerts: list[Alert] = []
        with self._lock:
            for event in sorted(events, key=lambda one: one.at_s):
                alerts += self.watch.add(event)
        for alert in alerts:
            self._tell(alert)
        return n_lines > 0


def _check_conditions(named: Sequence[str]) -> None:
    """Refuse conditions that no alarm is about: they would be watched for ever in vain."""
    there = ["all", *(one.name for one in CONDITIONS if one.kind is Kind.PHYSIOLOGICAL)]
    if strange := [name for name in named if name not in there]:
        raise InputError(
            f"conditions: no alarm is about {', '.join(strange)}; allowed: {', '.join(there)}"
        )


def alert_object(alert: Alert) -> dict[str, Any]:
    """Give an alert as it is printed for machines."""
    at = datetime.fromtimestamp(alert.at_s, UTC).isoformat(timespec="seconds")
    return {"alert": "drift", "utc": at, "margin": alert.margin, "limit": alert.limit} | _plain(
        asdict(alert.reading)
    )


def summary(watch: Watch) -> dict[str, Any]:
    """Give what ``vigil watch --once --json`` prints; small groups are left out."""
    return {
        "verdict": verdict(watch).value,
        "alerts": [alert_object(alert) for alert in watch.alerts],
        "groups": [
            _plain(asdict(one)) for one in shown(watch.readings(), watch.declaration.min_shown)
        ],
        "ignored": dict(watch.ignored),
    }


def verdict(watch: Watch) -> Verdict:
    """Sum up: fail where a group alerted, insufficient where one has too few patients."""
    states = {one.state for one in watch.readings()}
    if watch.alerts:
        return Verdict.FAIL
    return Verdict.INSUFFICIENT if State.TOO_FEW in states else Verdict.PASS


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """Write states by name and numbers that are not known as null."""
    return {
        key: value.name.lower()
        if isinstance(value, State)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for key, value in told.items()
    }
