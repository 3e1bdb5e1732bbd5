"""A console for tests: real parts on a database of its own, an account a role, patients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from argon2 import PasswordHasher

from deploy.audit_log import AuditLog
from deploy.console.commands import LocalDesk
from deploy.console.context import Console
from deploy.console.hub import Hub
from deploy.console.roles import Role
from deploy.console.server import Server
from deploy.console.store.accounts import Accounts
from deploy.console.store.database import Database
from deploy.console.store.feedback import Feedback, FeedbackStore
from deploy.ports import free_ports
from inference.alarm_json import alarm_id, canonical
from inference.conditions import condition_by_name
from ingest.frames import MISSING_ADU, Frame, Lead

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PASSWORD = "correct horse battery"
LEADS = (Lead("II", "mV", 200.0, 0), Lead("V1", "mV", 200.0, 0))
START_MS = 1_700_000_000_000


def frame(stream: str, first: int, n: int = 50, fs: float = 250.0, session: str = "s") -> Frame:
    """Two leads of a sawtooth that tells the sample's index."""
    at = np.arange(first, first + n)
    samples = np.stack([at % 200, -(at % 100)]).astype(np.int16)
    unix_ns = START_MS * 1_000_000 + round(first / fs * 1e9)
    return Frame(stream, session, first, unix_ns, fs, LEADS, samples)


NUMERICS = tuple(
    Lead(name, unit, 10.0, 0)
    for name, unit in (
        ("SpO2", "%"), ("RESP", "pm"), ("ABP SYS", "mmHg"), ("ABP DIAS", "mmHg"),
        ("ABP MEAN", "mmHg"), ("HR", "bpm"),
    )
)  # fmt: skip
USUAL = (97.0, 16.0, 121.0, 79.0, 93.0, 75.0)


def numerics(stream: str, at_s: int, values: tuple[float | None, ...] = USUAL) -> Frame:
    """A second of numerics."""
    adu = [MISSING_ADU if value is None else round(value * 10) for value in values]
    unix_ns = (START_MS + 1000 * at_s) * 1_000_000
    samples = np.array(adu, np.int16)[:, None]
    return Frame(stream, "n", at_s, unix_ns, 1.0, NUMERICS, samples)


def beat(stream: str, sample: int, aami: str = "N", session: str = "s") -> bytes:
    keys = {"stream_id": stream, "session": session, "sample": sample, "aami": aami}
    return canonical({**keys, "confidence": 0.9, "rr_ms": 800})


def alarm(stream: str, condition: str, state: str = "raised", sample: int = 100) -> bytes:
    """A change of an alarm, with all that the page reads of it."""
    row = condition_by_name(condition)
    at = {"sample": sample, "utc": "2023-11-14T22:13:20.400000Z"}
    return canonical(
        {
            "id": alarm_id(stream, "s", condition, sample),
            "stream_id": stream,
            "session": "s",
            "condition": condition,
            "kind": row.kind.value,
            "priority": row.priority.value,
            "state": state,
            "onset": at,
            "decided": at,
            "heart_rate_bpm": 61.0,
            "score": None,
            "quality": {"index": 0.8},
            "beats": [],
            "limits": {},
            "model": {"name": "beat", "version": "1", "digest": "0" * 64},
        }
    )


@dataclass
class Ward:
    """A console and what feeds it."""

    console: Console
    hub: Hub
    desk: LocalDesk
    database: Database
    published: list[Feedback]

    def feed(self, *alarms: bytes) -> None:
        """Let the monitor hear alarms, and do what people want."""
        self.desk.turn(self.hub.take([], alarms))
        self.hub.turn()


def make_ward(
    folder: Path,
    address: str | None = None,
    streams: tuple[str, ...] = ("p1",),
    keep_s: float = 600.0,
) -> Ward:
    """Make a console on a database (SQLite by default) with an account a role, and one of all."""
    database = Database(address or str(folder / "console.sqlite"))
    database.migrate()
    accounts = Accounts(database, hasher=CHEAP)
    for role in Role:
        accounts.add(role.value, [role.value], PASSWORD)
    accounts.add("all", list(Role), PASSWORD)
    beds = {name: str(i + 1) for i, name in enumerate(streams)}
    hub = Hub(beds | {f"{name}-n": bed for name, bed in beds.items()}, keep_s=keep_s)
    desk = LocalDesk(hub.signal)
    published: list[Feedback] = []
    console = Console(
        hub=hub,
        commands=desk.commands,
        accounts=accounts,
        feedback=FeedbackStore(database),
        audit=AuditLog(folder / "audit.jsonl", sync=False),
        publish_feedback=published.append,
    )
    for name in streams:
        hub.see([frame(name, first) for first in range(0, 2500, 50)])
        hub.take([beat(name, sample) for sample in range(100, 2500, 200)], [])
    return Ward(console, hub, desk, database, published)


def serve(console: Console) -> Server:
    """Serve it on a free port."""
    server = Server(console, port=free_ports(1)[0])
    server.start()
    return server


def sign_in(client: httpx.Client, name: str) -> httpx.Client:
    """Sign in; the client carries cookie and token from then on."""
    answer = client.post("/api/sign-in", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers["x-csrf-token"] = answer.json()["csrf"]
    return client
