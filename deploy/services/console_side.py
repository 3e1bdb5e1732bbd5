"""The console beside a demonstration: fed by the demonstration's own turns, served by a thread."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deploy.audit_log import AuditLog
from deploy.console.commands import QueuedCommands
from deploy.console.context import Console
from deploy.console.hub import Hub
from deploy.console.roles import Role
from deploy.console.server import Server
from deploy.console.store.accounts import Accounts
from deploy.console.store.database import Database
from deploy.console.store.feedback import FeedbackStore
from deploy.ports import free_ports
from deploy.services.console_metrics import of_registry
from deploy.services.demo import Demo
from deploy.services.ward import RHYTHM_WORDS
from deploy.services.ward_desk import WardDesk
from inference.annunciation import Command, Signal, signal_to_dict
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.rhythm import Rhythm
from ingest.errors import InputError
from ingest.source import Batch, MemorySink

ACCOUNT = "demo"
"""Name of the account that the printed address signs in."""
VITALS_EVERY = 5
"""Turns between two readings of the vital signs."""


class ConsoleSide:
    """Serves the console of a demonstration; what people do in it lives as long as it does.

    Parameters
    ----------
    beds : mapping of str to str
        Bed by pseudonym.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 takes a free one.
    audits : Path, optional
        Folder of fairness audits.
    """

    def __init__(
        self,
        beds: Mapping[str, str],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        audits: Path | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vigil-demo-")
        folder = Path(self._folder.name)
        self._database = Database(str(folder / "console.sqlite"))
        self._database.migrate()
        accounts = Accounts(self._database)
        accounts.add(ACCOUNT, list(Role))
        self.hub = Hub(beds)
        self.commands = QueuedCommands(self._do)
        self._running: Demo | None = None
        self._desk: WardDesk | None = None
        self.console = Console(
            hub=self.hub,
            commands=self.commands,
            accounts=accounts,
            feedback=FeedbackStore(self._database),
            audit=AuditLog(folder / "audit.jsonl", sync=False),
            audits=audits,
            metrics=self._metrics,
            limits_of=self._limits_of,
            login_key=secrets.token_urlsafe(12),
            login_key_account=ACCOUNT,
        )
        self._server = _serve(self.console, host, port)
        self._n_turns = 0

    @property
    def address(self) -> str:
        """Address that signs in; the key behind # is sent to no server and stands in no log."""
        return f"{self._server.address}#/key/{self.console.login_key}"

    def attach(self, running: Demo, desk: WardDesk) -> None:
        """Show what a worker counts, and let people command its alarms."""
        self._running, self._desk = running, desk

    def see(self, batch: Batch) -> None:
        """Take frames."""
        self.hub.see(batch.frames)

    def hear(self, signals: list[Signal]) -> None:
        """Take alarm signals."""
        self.hub.signal([signal_to_dict(signal) for signal in signals])

    def take(self, beats: MemorySink, alarms: MemorySink, pipeline: Pipeline) -> None:
        """Do what people want; take what a worker wrote, which others may empty, and vitals."""
        self.commands.turn()
        self.hub.take((m for _, m in beats.messages), (m for _, m in alarms.messages))
        self._n_turns += 1
        if self._n_turns % VITALS_EVERY == 0:
            self.hub.set_vitals(_vitals(pipeline))
        self.hub.turn()

    def stop(self) -> None:
        """Let browsers go."""
        self._server.stop()
        self.console.audit.close()
        self._database.close()
        self._folder.cleanup()

    def _metrics(self) -> Mapping[str, Any]:
        return {} if self._running is None else of_registry(self._running.registry)

    def _limits_of(self, stream_id: str) -> Limits | None:
        return None if self._running is None else self._running.pipeline.limits_of(stream_id)

    def _do(self, stream_id: str, command: Command) -> None:
        if self._running is None or self._desk is None:
            raise InputError("the demonstration has not begun")
        self._desk.command(stream_id, command, self._running.pipeline, self._running.alarms)


def _serve(console: Console, host: str, port: int) -> Server:
    """Serve on a port, or on a free one where it is 0 or, by default, taken."""
    server = Server(console, host, port or free_ports(1, host)[0])
    try:
        server.start()
    except InputError:
        if not port:
            raise
        server = Server(console, host, free_ports(1, host)[0])
        server.start()
    return server


def _vitals(pipeline: Pipeline) -> dict[str, tuple[float | None, str, float | None]]:
    """Read heart rate, rhythm and quality of all streams."""
    slots = pipeline.streams.slots()
    if not slots:
        return {}
    rows = np.array(list(slots.values()))
    rates = pipeline.episodes.heart_rate_bpm(rows).tolist()
    rhythms = pipeline.episodes.rhythm(rows).tolist()
    return {
        name: (rate, RHYTHM_WORDS[Rhythm(rhythm)], pipeline.quality_index(slot))
        for (name, slot), rate, rhythm in zip(slots.items(), rates, rhythms, strict=True)
    }
