"""``vigil console``: the central station over Kafka, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from deploy.audit_log import AuditLog
from deploy.console.commands import CommandPort, LocalDesk, TopicCommands
from deploy.console.context import Console
from deploy.console.hub import Hub
from deploy.console.oidc import Provider
from deploy.console.past import Past
from deploy.console.reports import Reports
from deploy.console.server import Server
from deploy.console.store.accounts import Accounts
from deploy.console.store.database import Database
from deploy.console.store.feedback import Feedback, FeedbackStore
from deploy.console.topics import TopicFeed, Topics
from deploy.services.console_metrics import of_address
from deploy.settings import TracingSettings
from deploy.tracing.start import make_tracing
from inference.alarm_json import canonical
from inference.limits import Limits
from inference.stream_clock import rfc3339
from ingest.errors import InputError
from ingest.kafka import BrokerError, KafkaSink

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the console keeps its own things, and where it is served."""

    data: Path
    """Folder of the database (unless that is elsewhere) and the audit log."""
    database: str | None = None
    """Address of the database; None: a file of SQLite in the folder."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8344
    """Port to listen on."""
    certificate: Path | None = None
    """Certificate for HTTPS, PEM."""
    key: Path | None = None
    """Its key, PEM."""
    audits: Path | None = None
    """Folder of fairness audits."""
    reports: Path | None = None
    """Folder of reports of drift and of models."""
    past: Past | None = None
    """An archive, for signal that the console keeps no more."""
    metrics: str | None = None
    """Address of the worker's metrics."""
    limits: Limits | None = None
    """What the workers are set to, where that is known."""
    tracing: TracingSettings = field(default_factory=TracingSettings)
    """Where spans go."""
    keep_minutes: float = 10.0
    """Signal kept of each patient, minutes."""
    beds: Mapping[str, str] = field(default_factory=dict)
    """Bed by stream, where that is known."""

    def open_database(self) -> Database:
        """Open the database, in its newest form."""
        self.data.mkdir(parents=True, exist_ok=True)
        database = Database(self.database or str(self.data / "console.sqlite"))
        database.migrate()
        return database


class Central:
    """The central station.

    Parameters
    ----------
    topics : Topics
        What it hears.
    place : Place
        Where it keeps its things.
    commands, feedback : str, optional
        Topics that commands and feedback are written to, ``kafka://HOST:PORT/TOPIC``.
    provider : Provider, optional
        Who vouches for people.

    Raises
    ------
    InputError
        If something given cannot be used.
    """

    def __init__(
        self,
        topics: Topics,
        place: Place,
        *,
        commands: str | None = None,
        feedback: str | None = None,
        provider: Provider | None = None,
    ) -> None:
        if (topics.signals is None) != (commands is None):
            raise InputError(
                "commands and signals belong together: give both topics where workers keep "
                "alarm signals, none where the console keeps them"
            )
        self._stop, self._place = threading.Event(), place
        self._opened = ExitStack()
        with ExitStack() as opened:
            database = place.open_database()
            opened.callback(database.close)
            audit = opened.enter_context(AuditLog(place.data / "audit.jsonl"))
            self.hub = Hub(place.beds, keep_s=place.keep_minutes * 60)
            desk = LocalDesk(self.hub.signal, limits=place.limits) if commands is None else None
            port: CommandPort = (
                desk.commands if desk is not None else TopicCommands(self._sink(commands, opened))
            )
            told = None if feedback is None else self._sink(feedback, opened)
            self._feed = TopicFeed(topics, self.hub, desk, told=_shown(place.tracing, opened))
            opened.callback(self._feed.close)
            self.console = Console(
                hub=self.hub,
                commands=port,
                accounts=Accounts(database),
                feedback=FeedbackStore(database),
                audit=audit,
                publish_feedback=lambda said: _publish(told, said),
                secure_cookies=place.certificate is not None,
                audits=place.audits,
                past=place.past,
                reports=Reports(place.reports),
                metrics=self._metrics,
                limits_of=lambda stream_id: place.limits,
                provider=provider,
            )
            self.server = Server(
                self.console,
                place.host,
                place.port,
                certificate=None if place.certificate is None else str(place.certificate),
                key=None if place.key is None else str(place.key),
            )
            self.server.start()
            opened.callback(self.server.stop)
            self._opened = opened.pop_all()

    def stop(self) -> None:
        """Let :meth:`run` end; may be called by a signal's handler."""
        self._stop.set()

    def run(self) -> None:
        """Feed browsers until :meth:`stop`.

        Raises
        ------
        BrokerError
            If Kafka failed for good.
        """
        with self._opened:
            while not self._stop.is_set():
                self._feed.turn()

    def _sink(self, url: str | None, opened: ExitStack) -> KafkaSink:
        try:
            sink = KafkaSink(str(url))
        except BrokerError as error:
            raise InputError(str(error)) from error
        opened.callback(sink.close)
        return sink

    def _metrics(self) -> Mapping[str, Any]:
        if self._place.metrics is None:
            return {}
        try:
            return of_address(self._place.metrics)
        except InputError as error:
            logger.warning("%s", error)
            return {}


def _shown(settings: TracingSettings, opened: ExitStack) -> Callable[..., None] | None:
    """Return what traces alarms up to the browser, where traces are asked for."""
    trace = make_tracing(settings, "vigil-console")
    if trace is None:
        return None
    from deploy.tracing.worker import trace_shown

    opened.callback(trace.close)
    return partial(trace_shown, trace)


def _publish(sink: KafkaSink | None, said: Feedback) -> None:
    """Tell others what was said; it is kept already, so a broker that fails loses nothing."""
    if sink is None:
        return
    try:
        utc = {"utc": rfc3339(said.at_ms * 1_000_000)}  # as vigil watch reads it
        sink.write(said.stream_id, canonical(said.to_dict() | utc))
        sink.flush()
    except BrokerError as error:
        logger.error("feedback %d is kept but was not published: %s", said.id, error)
