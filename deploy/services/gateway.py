"""The gateway: devices on one side, Kafka on the other, a disk between, until it is stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry

from deploy.gateway_settings import GatewaySettings, LocalAlarms
from deploy.http import HttpServer
from deploy.services.gateway_metrics import GatewayCollector, GatewayState
from deploy.services.gateway_notices import Notices, Told
from deploy.services.gateway_parts import (
    make_forwarder,
    make_mqtt,
    make_tcp,
    open_store,
    pseudonyms,
    steady_wall_ms,
)
from ingest.gateway.arrival import Packed
from ingest.gateway.counts import GatewayCounts
from ingest.gateway.devices import Devices
from ingest.gateway.keeper import Keeper, KeeperOptions

if TYPE_CHECKING:
    from deploy.notify import Notifier
    from deploy.services.gateway_local import LocalMonitor

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
        self._registry = CollectorRegistry()
        self.counts = GatewayCounts()
        with ExitStack() as opened:  # closed again where a later part fails
            self._store = open_store(settings, self._wall_ms)
            opened.callback(self._store.close)
            self._dropped = self._store.counts.dropped_frames
            self._forwarder = make_forwarder(settings, self._store, self.counts, self._wall_ms)
            self._notifiers = self._make_notifiers()
            self._keeper = Keeper(
                self._store,
                self._forwarder,
                self.counts,
                KeeperOptions(settings.uplink.topic_dead, settings.store.commit_ms / 1000),
                self._hear,
            )
            name, topic = settings.gateway.name, settings.uplink.topic_local
            self._notices = Notices(Told(name, topic, self._notifiers, self._keeper.note))
            self._local = self._make_local()
            devices = Devices(self._keeper.offer, pseudonyms(settings, self._store))
            self._tcp = make_tcp(settings.tcp, devices, self._store)
            if self._tcp is not None:
                opened.callback(self._tcp.stop)
            self._mqtt = make_mqtt(settings.mqtt, name, devices)
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
        if self._local is not None:
            note("local-alarms-off", self._local.failed, "no alarms are told here; see the log")
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

    def _make_notifiers(self) -> list[Notifier]:
        told = self._settings.notify
        if not told.console and told.webhook is None:
            return []
        from deploy.services.announcing import make_notifiers  # loads what only they need

        return make_notifiers(told)

    def _make_local(self) -> LocalMonitor | None:
        if self._settings.local.alarms is LocalAlarms.NEVER:
            return None
        from deploy.services.gateway_local import LocalMonitor, LocalOutlets  # loads the models

        outlets = LocalOutlets(self._notifiers, self._keeper.note, self._is_cut)
        return LocalMonitor(self._settings, outlets, self._registry)

    def _make_http(self, opened: ExitStack) -> HttpServer:
        given = self._settings.http
        server = HttpServer(
            self._registry,
            given.host,
            given.port,
            healthy=self._why_not_healthy,
            ready=self._why_not_ready,
            security=given.security,
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
            lambda: 0 if self._local is None else self._local.skipped,
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
