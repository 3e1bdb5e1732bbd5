"""Local scoring: the monitor's own worker in the gateway, for while nobody else hears the streams.

The frames that devices send go through the same sequencer, pipeline and alarms as
in the centre. Scoring runs all the time, so that it knows the patients when the
uplink is cut; what is told depends on the setting. Local alarms never go to the
topic of alarms: the centre scores the same frames when they arrive, and would
tell them twice. They go to the notifiers, and marked local to a topic of their own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from deploy.gateway_settings import GatewaySettings, LocalAlarms
from deploy.notify import Notifier, notice_of_alarm
from deploy.security.models import ModelTrust
from deploy.services.gateway_frames import FramesHeard
from deploy.services.models import choose_models, models_in
from inference import trust
from inference.alarm_json import AlarmContext, canonical
from inference.alarm_transition import UNTOLD
from inference.metrics import Metrics
from inference.profiles import Profile, limits_of, profile_named
from inference.worker import Sinks, Worker
from ingest.gateway.arrival import Note, Packed
from ingest.source import MemorySink

logger = logging.getLogger(__name__)

TURN_S = 0.2
"""Longest wait of a turn, s."""
OVER = ("ended", "latched", "cleared", "vetoed", "veto_ended")
"""States in which an alarm is not told as standing."""


@dataclass(frozen=True, slots=True)
class LocalOutlets:
    """Where local alarms go."""

    notifiers: Sequence[Notifier]
    """Who is told."""
    note: Callable[[Note], None]
    """Stores a message for the topic."""
    is_cut: Callable[[], bool]
    """Whether the centre does not hear the streams now."""


class LocalMonitor:
    """Scores the gateway's own streams on a thread of its own.

    Parameters
    ----------
    settings : GatewaySettings
        What can be set.
    outlets : LocalOutlets
        Where alarms go.
    registry : CollectorRegistry
        Where the worker's metrics go.

    Raises
    ------
    InputError
        If a setting or a model does not fit.
    """

    def __init__(
        self, settings: GatewaySettings, outlets: LocalOutlets, registry: CollectorRegistry
    ) -> None:
        self._when, self._outlets = settings.local.alarms, outlets
        self._name, self._topic = settings.gateway.name, settings.uplink.topic_local
        profile = settings.patient.profile
        limits = limits_of(profile_named(profile or Profile.ADULT), settings.limits)
        told = settings.models
        with trust.only(ModelTrust(told.trusted_keys, allow_unsigned=told.allow_unsigned)):
            chosen = choose_models(models_in(told.folder))
            pipeline = chosen.pipeline(limits, settings.local.lead)
        self._frames = FramesHeard()
        self._alarms, self._dead = MemorySink(), MemorySink()
        self._worker = Worker(
            self._frames,
            Sinks(self._alarms, self._dead),
            pipeline,
            Metrics(registry),
            context=AlarmContext(profile),
        )
        self._standing: dict[str, tuple[str, bytes]] = {}  # by alarm: its stream and last change
        self._told_cut = False
        self.failed = False
        """True where scoring has ended by an error that nobody foresaw."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="local", daemon=True)

    @property
    def skipped(self) -> int:
        """Frames that were not scored here, since scoring was too slow."""
        return self._frames.skipped

    def start(self) -> None:
        """Begin to score."""
        self._thread.start()

    def stop(self) -> None:
        """Stop scoring, the turn that is under way finished."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def hear(self, frames: Sequence[Packed]) -> None:
        """Take frames to be scored; never waits."""
        self._frames.put(frames)

    def turn(self, timeout_s: float = TURN_S) -> None:
        """Score what has come, and tell what is to be told."""
        self._worker.turn(timeout_s)
        told, self._alarms.messages = self._alarms.messages, []
        self._dead.messages.clear()  # the centre refuses the same frames, and keeps them
        cut = self._when is LocalAlarms.ALWAYS or self._outlets.is_cut()
        if cut and not self._told_cut:
            for stream_id, body in list(self._standing.values()):
                self._tell(stream_id, body)  # the centre knew of them, but hears nothing more
        self._told_cut = cut
        for stream_id, body in told:
            self._remember(stream_id, body)
            if cut:
                self._tell(stream_id, body)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.turn()
            except Exception:  # storing and forwarding must go on without it
                logger.exception("local scoring failed, and is off until the next start")
                self.failed = True
                return

    def _remember(self, stream_id: str, body: bytes) -> None:
        alarm: dict[str, Any] = json.loads(body)
        if alarm["state"] in OVER:
            self._standing.pop(alarm["id"], None)
        else:
            self._standing[alarm["id"]] = stream_id, body

    def _tell(self, stream_id: str, body: bytes) -> None:
        if json.loads(body)["state"] in UNTOLD:
            return
        for notifier in self._outlets.notifiers:
            notifier.offer(notice_of_alarm(body))
        marked = {
            "schema": "vigil.local-alarm/1",
            "gateway": self._name,
            "stream_id": stream_id,
            "alarm": json.loads(body),
        }
        self._outlets.note(Note(self._topic, stream_id, canonical(marked)))
