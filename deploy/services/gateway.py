"""The gateway: devices on one side, Kafka on the other, a disk between, until it is stopped."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry

from deploy.gateway_settings import GatewaySettings, Key, LocalAlarms, TcpSettings
from deploy.http import HttpServer
from deploy.notify import Notifier
from deploy.services.announcing import make_notifiers
from deploy.services.gateway_metrics import GatewayCollector, GatewayState
from deploy.services.gateway_notices import Notices, Told
from ingest.errors import InputError
from ingest.gateway.arrival import Packed
from ingest.gateway.bucket import TokenBucket
from ingest.gateway.counts import GatewayCounts
from ingest.gateway.devices import Devices, same
from ingest.gateway.forwarder import Forwarder, Uplink
from ingest.gateway.keeper import Keeper, KeeperOptions
from ingest.gateway.room import StorePolicy
from ingest.gateway.store import Store
from ingest.gateway.tcp import LineOptions, LineServer
from ingest.kafka_sink import KafkaSink
from ingest.pseudonyms import Pseudonyms, key_id_of, read_keys
from ingest.secret_files import read_secret
from ingest.source import Sink

if TYPE_CHECKING:
    from deploy.services.gateway_local import LocalMonitor
    from ingest.gateway.mqtt import MqttInput

logger = logging.getLogger(__name__)

TURN_S = 0.2
"""Longest wait of a turn of keeper and forwarder, s: how soon a stop is noticed."""
WATCH_S = 0.5
"""How often the gateway looks at itself, s."""
STUCK_S = 60.0
"""A turn that takes this much longer than Kafka may is not healthy, s."""
CLOSE_S = 5.0
"""How long what was heard may take to become durable, and notices to be told, at the end, s."""


class _Part(Protocol):
    """Something that starts and stops."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


class Gateway:
    """One gateway, from its settings.

    Parameters
    ----------
    settings : GatewaySettings
        All that can be set.

    Raises
    ------
    InputError
        If a setting, the store, a certificate or a port cannot be used. That Kafka or
        the MQTT broker is away is none of them: frames are stored until it is there.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._stop, self._leaving = threading.Event(), threading.Event()
        self._failed, self._dropped = False, 0
        self._wall_ms = steady_wall_ms()
        self._turned_s: dict[str, float] = {}
        self._security = settings.uplink.security.options()
        self._registry = CollectorRegistry()
        self.counts = GatewayCounts()
        with ExitStack() as opened:  # closed again where a later part fails
            self._store = self._open_store(opened)
            self._forwarder = self._make_forwarder()
            notifiers = make_notifiers(settings.notify)
            self._notifiers: list[Notifier] = notifiers
            self._keeper = Keeper(
                self._store,
                self._forwarder,
                self.counts,
                KeeperOptions(settings.uplink.topic_dead, settings.store.commit_ms / 1000),
                self._hear,
            )
            told = Told(
                settings.gateway.name, settings.uplink.topic_local, notifiers, self._keeper.note
            )
            self._notices = Notices(told)
            self._local = self._make_local()
            self._devices = Devices(self._keeper.offer, self._pseudonyms())
            self._tcp = self._make_tcp(opened)
            self._mqtt = self._make_mqtt()
            self._http = self._make_http(opened)
            opened.pop_all()
        self._registry.register(GatewayCollector(self._state()))

    @property
    def http_port(self) -> int:
        """Port of ``/metrics``, ``/healthz`` and ``/readyz``."""
        return self._http.port

    @property
    def tcp_port(self) -> int | None:
        """Port of the line protocol; None where it is not enabled."""
        return None if self._tcp is None else self._tcp.port

    def stop(self) -> None:
        """Let :meth:`run` end; may be called by a signal's handler."""
        self._stop.set()

    def run(self) -> bool:
        """Work until :meth:`stop`; then make durable what was heard, and leave.

        Returns
        -------
        bool
            False where a part failed that the gateway cannot do without.
        """
        loops = [
            threading.Thread(target=self._loop, args=(name, turn), name=name)
            for name, turn in (("keeper", self._keeper.turn), ("forwarder", self._forwarder.turn))
        ]
        with self._http:
            for loop in loops:
                loop.start()
            for part in self._parts():
                part.start()
            logger.info(
                "taking frames: line protocol on port %s, metrics on port %d",
                self.tcp_port, self.http_port,
            )  # fmt: skip
            if self._store.set_aside is not None:
                self._notices.tell_once("store-damaged", f"kept as {self._store.set_aside.name}")
            while not self._stop.wait(WATCH_S):
                self._watch()
            self._leave(loops)
        logger.info("left; %d frames wait in the store", self._store.counts.frames)
        return not self._failed

    def _parts(self) -> list[_Part]:
        """Return what starts and stops beside the loops: local scoring and the inputs."""
        parts: list[_Part | None] = [self._local, self._tcp, self._mqtt]
        return [part for part in parts if part is not None]

    def _leave(self, loops: Sequence[threading.Thread]) -> None:
        """Close the inputs, let what was heard become durable, close the rest."""
        for part in self._parts():
            part.stop()
        until_s = time.monotonic() + CLOSE_S
        while self._keeper.n_waiting and not self._failed and time.monotonic() < until_s:
            time.sleep(0.02)
        self._leaving.set()
        self._forwarder.wake()
        for loop in loops:
            loop.join()
        for notifier in self._notifiers:
            notifier.close(CLOSE_S)
        self._forwarder.close()
        self._store.close()

    def _loop(self, name: str, turn: Callable[[float], None]) -> None:
        """Turn until the gateway leaves; an error that nobody foresaw ends it."""
        try:
            while not self._leaving.is_set():
                turn(TURN_S)
                self._turned_s[name] = time.monotonic()
        except Exception:  # told, and the process ends: whoever starts it again has the store
            logger.exception("the %s failed", name)
            self._failed = True
            self._stop.set()

    def _watch(self) -> None:
        """Tell what has changed with the gateway itself."""
        stored, note = self._store.counts, self._notices.note
        waiting_s = self._waiting_s()
        why = self._forwarder.why_down or "the backlog is being sent"
        note("uplink-cut", waiting_s > self._settings.uplink.cut_after_s, why)
        note("disk-full", self._keeper.why_full is not None, self._keeper.why_full or "")
        dropped = stored.dropped_frames - self._dropped
        self._dropped = stored.dropped_frames
        note("frames-dropped", dropped > 0, f"{dropped} in {WATCH_S:g} s, the oldest first")
        if self._mqtt is not None:
            note("mqtt-lost", self._mqtt.why_down is not None, self._mqtt.why_down or "")

    def _waiting_s(self) -> float:
        """Return the age of the oldest frame that waits, s."""
        oldest_ms = self._store.oldest_ms
        return 0.0 if oldest_ms is None else max(0.0, (self._wall_ms() - oldest_ms) / 1000)

    def _is_cut(self) -> bool:
        """Tell whether the centre does not hear the streams as they are now."""
        held = self._keeper.why_full is not None and not self._forwarder.up
        return held or self._waiting_s() > self._settings.uplink.cut_after_s

    def _hear(self, frames: Sequence[Packed]) -> None:
        """Let local scoring hear frames, where there is any."""
        if self._local is not None:
            self._local.hear(frames)

    def _open_store(self, opened: ExitStack) -> Store:
        kept = self._settings.store
        try:
            kept.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"settings: store.folder {kept.folder}: {error.strerror}") from error
        policy = StorePolicy(kept.max_bytes, kept.max_hours * 3600, kept.sync, kept.max_streams)
        store = Store(kept.folder / "outbox.db", policy, self._wall_ms)
        opened.callback(store.close)
        self._dropped = store.counts.dropped_frames
        return store

    def _make_forwarder(self) -> Forwarder:
        uplink = self._settings.uplink
        key = self._settings.gateway.name if uplink.key is Key.GATEWAY else None
        rate = TokenBucket(uplink.replay_bytes_per_s, uplink.replay_bytes_per_s)
        where = Uplink(
            self._connect, uplink.topic_frames, key, uplink.cut_after_s, wall_ms=self._wall_ms
        )
        return Forwarder(self._store, where, rate, self.counts)

    def _connect(self, topic: str) -> Sink:
        """Open a sink that gives up soon: what it cannot send is stored."""
        uplink = self._settings.uplink
        whole_ms = round(uplink.timeout_s * 1000)
        options = {
            "bootstrap_timeout_ms": min(whole_ms, 3000),
            "max_block_ms": min(whole_ms, 5000),
            "request_timeout_ms": whole_ms // 2,
            "delivery_timeout_ms": whole_ms,
            "linger_ms": 2,
            **self._security,
        }
        return KafkaSink(f"kafka://{uplink.servers}/{topic}", options=options)

    def _make_local(self) -> LocalMonitor | None:
        if self._settings.local.alarms is LocalAlarms.NEVER:
            return None
        from deploy.services.gateway_local import LocalMonitor, LocalOutlets  # loads the models

        outlets = LocalOutlets(self._notifiers, self._keeper.note, self._is_cut)
        return LocalMonitor(self._settings, outlets, self._registry)

    def _pseudonyms(self) -> Callable[[str], str]:
        """Return what names streams; those that run keep the key they began under."""
        path = self._settings.gateway.keys_file
        if path is None:
            return same
        ring = read_keys(path)
        known = {mark.stream_id for mark in self._store.marks.values()}
        return Pseudonyms(ring, filter(lambda name: _is_of(name, ring.keys), known)).of

    def _make_tcp(self, opened: ExitStack) -> LineServer | None:
        given = self._settings.tcp
        if not given.enabled:
            return None
        token = None
        if given.token_file is not None:
            token = read_secret(given.token_file, "tcp.token_file").decode()
        options = LineOptions(
            given.host, given.port, token, _server_tls(given), given.most_devices,
            idle_s=given.idle_s,
        )  # fmt: skip
        server = LineServer(self._devices, self._next_sample, options)
        opened.callback(server.stop)
        return server

    def _next_sample(self, stream_id: str, session: str) -> int:
        mark = self._store.marks.get((stream_id, session))
        return 0 if mark is None else mark.end_sample

    def _make_mqtt(self) -> MqttInput | None:
        given = self._settings.mqtt
        if not given.enabled:
            return None
        try:
            from ingest.gateway.mqtt import MqttInput, MqttOptions
        except ImportError as error:
            raise InputError("mqtt needs paho-mqtt: install vigil-ecg[gateway]") from error
        password = None
        if given.password_file is not None:
            password = read_secret(given.password_file, "mqtt.password_file").decode()
        options = MqttOptions(
            given.host, given.port, given.prefix,
            given.client_id or f"vigil-{self._settings.gateway.name}",
            given.user, password, given.tls_ca, given.tls_cert, given.tls_key,
        )  # fmt: skip
        return MqttInput(self._devices, options)

    def _make_http(self, opened: ExitStack) -> HttpServer:
        given = self._settings.http
        server = HttpServer(
            self._registry,
            given.host,
            given.port,
            healthy=self._why_not_healthy,
            ready=self._why_not_ready,
        )
        opened.callback(server.stop)
        return server

    def _state(self) -> GatewayState:
        """Return what the metrics are asked of."""
        return GatewayState(
            self.counts,
            self._store,
            self._waiting_s,
            lambda: self._forwarder.up,
            lambda: self._keeper.why_full is not None,
            lambda: 0 if self._tcp is None else self._tcp.n_connections,
            lambda: self._mqtt is not None and self._mqtt.why_down is None,
        )

    def _why_not_healthy(self) -> Sequence[str]:
        now_s, allowed_s = time.monotonic(), STUCK_S + self._settings.uplink.timeout_s
        ages = {name: now_s - at_s for name, at_s in self._turned_s.items()}
        return [f"no turn of the {name} for {age:.0f} s" for name, age in ages.items()
                if age > allowed_s]  # fmt: skip

    def _why_not_ready(self) -> Sequence[str]:
        """Return why nothing that devices send becomes durable now, if so."""
        if self._keeper.why_full is not None and not self._forwarder.up:
            return [f"disk: {self._keeper.why_full}", f"uplink: {self._forwarder.why_down}"]
        return []


def steady_wall_ms() -> Callable[[], int]:
    """Return a clock, ms since 1970, that does not jump when the machine's is set.

    A clock that is set a day ahead would otherwise make all that waits too old to be kept.
    """
    ahead_ns = time.time_ns() - time.monotonic_ns()
    return lambda: (time.monotonic_ns() + ahead_ns) // 1_000_000


def _is_of(name: str, keys: Collection[str]) -> bool:
    """Tell whether a name is a pseudonym under one of the keys."""
    try:
        return key_id_of(name) in keys
    except InputError:
        return False


def _server_tls(given: TcpSettings) -> ssl.SSLContext | None:
    """Return TLS of the line protocol's server; None where there is no certificate."""
    if given.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(given.tls_cert, given.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"settings: tcp.tls_cert {given.tls_cert}: {error}") from error
    return context
