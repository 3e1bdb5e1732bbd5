"""The monitor: one worker between Kafka topics, with its HTTP side, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from prometheus_client import CollectorRegistry

from deploy.http import HttpServer
from deploy.past.in_force import Ledger, Options
from deploy.security.models import ModelTrust
from deploy.services.announcing import Announcer, make_announcer
from deploy.services.command_trail import CommandTrail, open_audit_log
from deploy.services.heard_source import HeardSource
from deploy.services.lag_watch import LagWatch
from deploy.services.models import choose_models, models_in
from deploy.services.ownership import Ownership
from deploy.services.refusals import Refusals
from deploy.services.waiting import why_not_made
from deploy.settings import MonitorSettings
from deploy.shadow.candidate import make_candidate
from deploy.shadow.live import LiveShadow, ShadowMetrics, Shedding
from deploy.tracing.start import make_trace
from inference import providers, trust
from inference.alarm_json import AlarmContext
from inference.annunciation import Policy
from inference.engine import of_ecg
from inference.gathering import Budget
from inference.keeper import Keeping
from inference.limits import Limits
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.profiles import Profile, limits_of, profile_named
from inference.worker import Sinks, Worker
from ingest.kafka import BrokerError, KafkaSink
from ingest.kafka_commands import CommandReader
from ingest.kafka_states import KafkaStates
from ingest.kafka_topics import require_group, require_topics
from ingest.sequence import Sequencer
from ingest.sequence_types import Ordered
from ingest.source import Sink

logger = logging.getLogger(__name__)

STUCK_S = 60.0
"""A turn longer than this is not healthy, s: the group has given the member up by then."""
DRAIN_TRIES = 3
"""How often settling is tried while the group is being rebalanced, when the worker ends."""
NOTIFY_CLOSE_S = 5.0
"""How long notices may still be delivered when the worker ends, s."""


class Monitor:
    """One worker, from its settings.

    Alarms, beats, dead letters, the states of streams and offsets go in one
    transaction, so that a reader with ``read_committed`` sees each message once.

    Parameters
    ----------
    settings : MonitorSettings
        All that can be set.
    models : sequence of str
        Models by name or path, beside the one that the settings name.
    lead : str, optional
        Lead to score.
    topic_beats : str, optional
        Topic that every beat is written to, else that of the settings.

    Raises
    ------
    InputError
        If a setting or a model does not fit, a topic is not there, or no broker answers.
    """

    def __init__(
        self,
        settings: MonitorSettings,
        models: Sequence[str] = (),
        lead: str | None = None,
        topic_beats: str | None = None,
    ) -> None:
        self._settings = settings
        self._stop, self._lead, self._sequencer = threading.Event(), lead, Sequencer()
        self._registry = CollectorRegistry()
        profile = settings.patient.profile
        limits = limits_of(profile_named(profile or Profile.ADULT), settings.limits)
        Policy.from_dict(settings.annunciation.policy)  # refused before Kafka is waited for
        named = [str(settings.models.beats)] if settings.models.beats else []
        named += models_in(settings.models.folder)
        explain = settings.models.explain
        providers.use(settings.models.providers)
        trusted = ModelTrust(
            settings.models.trusted_keys, allow_unsigned=settings.models.allow_unsigned
        )
        with trust.only(trusted):
            chosen = choose_models([*named, *models])
            self._pipeline = chosen.pipeline(limits, lead, explain=explain)
            self._scorer = chosen.scorer(self._pipeline, settings.numerics)
            beside = make_candidate(settings, self._pipeline, lead)
        if settings.models.strips:
            self._pipeline.keep_strips()
        self._metrics = Metrics(self._registry)
        self._trace = make_trace(settings.tracing, "vigil-monitor")
        self._announcer: Announcer | None = None
        self._states: KafkaStates | None = None
        with ExitStack() as opened:  # closed again where a later part fails
            self._http = HttpServer(
                self._registry,
                settings.http.host,
                settings.http.port,
                healthy=self._why_not_healthy,
                ready=self._why_not_ready,
                security=settings.http.security,
            )
            opened.callback(self._http.stop)
            try:
                self._shadow = self._make_shadow(beside, opened)
                self._worker = self._make_worker(topic_beats or settings.kafka.topic_beats, opened)
                if self._announcer is not None:
                    self._announcer.follow_limits(self._set_limits)
            except BrokerError as error:
                raise why_not_made(error) from error
            opened.pop_all()

    @property
    def http_port(self) -> int:
        """Port of ``/metrics``, ``/healthz`` and ``/readyz``."""
        return self._http.port

    def stop(self) -> None:
        """Let :meth:`run` end after the turn it is in; may be called by a signal's handler."""
        self._stop.set()

    def run(self) -> None:
        """Work until :meth:`stop`, then leave the group with all settled.

        Raises
        ------
        BrokerError
            If Kafka failed for good. What was not settled stays uncommitted.
        """
        worker, source = self._worker, self._source
        logger.info("serving /metrics, /healthz and /readyz on port %d", self.http_port)
        with self._http:
            try:
                while not self._stop.is_set():
                    if self._trace is not None:
                        self._trace.begin_turn()
                    worker.turn(self._settings.batch.poll_timeout_s)
                    if self._announcer is not None:
                        self._announcer.turn()
                    if self._shadow is not None:
                        self._shadow.turn(source.lag_s)
                    self._metrics.lag_seconds.set(source.lag_s)
                    self._lag.note(source.lag_s)
                    self._metrics.partitions.set(len(source.assigned))
                self._drain()
            except BrokerError:
                # The sinks are left as they are: closing would commit what they hold.
                source.close()
                raise
            worker.close()
            if self._shadow is not None:
                self._shadow.close()
            if self._states is not None:
                self._states.close()
            if self._announcer is not None:
                self._announcer.close(NOTIFY_CLOSE_S)
            if self._trace is not None:
                self._trace.close()
        logger.info("left the group, all settled")

    def _drain(self) -> None:
        """Settle all, with the states of all streams, so that whoever goes on rereads nothing."""
        for _ in range(DRAIN_TRIES):
            self._worker.drain()
            if not self._worker.n_waiting:
                return
            self._worker.turn(self._settings.batch.poll_timeout_s)  # refused: see what is ours
        logger.warning("left with alarms that are not settled: whoever goes on tells them")

    def _make_worker(self, topic_beats: str | None, opened: ExitStack) -> Worker:
        """Connect to all topics, the source last, so that a missing one costs no rebalance."""
        kafka, batch, state = self._settings.kafka, self._settings.batch, self._settings.state
        self._require_topics(topic_beats)
        member = kafka.instance_id or str(uuid.uuid4())
        alarms = self._open_sink(kafka.topic_out, opened, f"{kafka.group}.{member}")
        dead = alarms.beside(self._url(kafka.topic_dead))
        beats = None if topic_beats is None else alarms.beside(self._url(topic_beats))
        self._ledger = self._open_ledger(opened)
        self._states = self._open_states(alarms, opened)
        self._announcer = announcer = self._open_announcer(opened)
        tell = None if announcer is None else announcer.technical
        self._lag = LagWatch(batch.lag_limit_s, self._metrics.recovery, member, tell)
        self._source = HeardSource(
            self._url(kafka.topic_in),
            kafka.group,
            instance_id=kafka.instance_id,
            on_assigned=self._take_over,
            on_revoked=self._forget,
            options={"max_poll_records": batch.poll_records, **kafka.security.options()},
        )
        if announcer is not None:
            self._source.heard = announcer.heard
        out: Sink = alarms
        settle: Callable[[], None] = partial(alarms.flush_with, self._source)
        if self._trace is not None:
            out, settle = self._trace.follow(self._source, alarms, kafka.topic_out, settle)
        return Worker(
            self._source,
            Sinks(out, dead, beats),
            self._scorer,
            self._metrics,
            settle=settle,
            max_streams=batch.max_streams,
            budget=Budget(batch.deadline_ms / 1000, batch.full_frames),
            context=AlarmContext(self._settings.patient.profile),
            told=None if announcer is None else announcer.hear,
            states=self._states,
            keeping=Keeping(state.every_s, state.rebuild_s, state.idle_s),
            resumed=None if announcer is None else announcer.resume,
            sequencer=self._sequencer,
            overheard=self._overhear if self._shadow or self._ledger else None,
        )

    def _open_ledger(self, opened: ExitStack) -> Ledger | None:
        """Make what notes what is in force, where the settings name a topic for it."""
        topic, settings = self._settings.kafka.topic_in_force, self._settings
        if topic is None:
            return None
        told = (settings.models.explain, settings.models.strips, settings.patient.profile)
        numerics = settings.numerics
        asked = (numerics.asked, numerics.share) if numerics.enabled else (None, None)
        sink, options = self._open_sink(topic, opened), Options(self._lead, *told, *asked)
        return Ledger(sink, self._pipeline, self._sequencer, options, self._scorer.models)

    def _overhear(self, items: Sequence[Ordered]) -> None:
        if self._ledger is not None:
            self._ledger.hear(items)
        if self._shadow is not None:
            self._shadow.hear(of_ecg(items))

    def _make_shadow(self, beside: Pipeline | None, opened: ExitStack) -> LiveShadow | None:
        """Connect to the candidate's topic, where there is a candidate."""
        if beside is None:
            return None
        told, profile = self._settings.shadow, self._settings.patient.profile
        require_topics([], self._settings.kafka.security.options(), writes=[self._url(told.topic)])
        sink = self._open_sink(told.topic, opened)
        shedding = Shedding(told.lag_s, rest_s=told.rest_s)
        metrics = ShadowMetrics(self._registry)
        return LiveShadow(beside, sink, metrics, shedding, AlarmContext(profile))

    def _set_limits(self, stream_id: str, limits: Limits) -> None:
        self._worker.set_limits(stream_id, limits)
        if self._ledger is not None:
            self._ledger.limits_changed(stream_id)
        if self._shadow is not None:
            self._shadow.set_limits(stream_id, limits)

    def _require_topics(self, topic_beats: str | None) -> None:
        """See that all topics are there and may be used."""
        kafka, told = self._settings.kafka, self._settings.annunciation
        reads = [kafka.topic_in, told.topic_commands, kafka.topic_state]
        writes = [kafka.topic_out, kafka.topic_dead, topic_beats, told.topic_signals]
        writes += [kafka.topic_state, kafka.topic_in_force]
        secure = kafka.security.options()
        require_topics(
            [],
            secure,
            reads=[self._url(topic) for topic in reads if topic],
            writes=[self._url(topic) for topic in writes if topic],
        )
        require_group(kafka.servers.split(","), kafka.group, secure)

    def _open_sink(
        self, topic: str, opened: ExitStack, transactional_id: str | None = None
    ) -> KafkaSink:
        secure = self._settings.kafka.security.options()
        made = KafkaSink(self._url(topic), transactional_id=transactional_id, options=secure)
        opened.callback(made.close)
        return made

    def _open_states(self, alarms: KafkaSink, opened: ExitStack) -> KafkaStates | None:
        """Connect to the states, where the settings name their topic."""
        kafka = self._settings.kafka
        if kafka.topic_state is None:
            logger.warning("no kafka.topic_state: streams that move begin afresh")
            return None
        secure = kafka.security.options()
        made = KafkaStates(self._url(kafka.topic_state), kafka.group, alarms, secure)
        opened.callback(made.close)
        return made

    def _open_announcer(self, opened: ExitStack) -> Announcer | None:
        """Make what tells people, with what it hears and writes."""
        kafka, told = self._settings.kafka, self._settings.annunciation
        audit = open_audit_log(self._settings.audit.log, self._settings.audit.key_file)
        if audit is not None:
            opened.callback(audit.close)
            self._http.tell_refused(Refusals(audit).client)
        self._owner = Ownership(lambda: self._source)
        commands, trail = None, CommandTrail(audit, owner=self._owner)
        if told.topic_commands is not None:
            commands = CommandReader(self._url(told.topic_commands), kafka.security.options())
            opened.callback(commands.close)
            refused = self._open_sink(kafka.topic_dead, opened)
            trail = CommandTrail(audit, refused, told.topic_commands, self._owner)
        topic = told.topic_signals
        signals = None if topic is None else self._open_sink(topic, opened)
        return make_announcer(
            self._settings, self._pipeline.limits, commands, signals, self._registry, trail,
            None if self._trace is None else self._trace.sending,
        )  # fmt: skip

    def _url(self, topic: str) -> str:
        return f"kafka://{self._settings.kafka.servers}/{topic}"

    def _take_over(self, partitions: Sequence[int]) -> None:
        self._worker.take_over(partitions)

    def _forget(self, partitions: Sequence[int]) -> None:
        gone = self._worker.forget(partitions)
        if self._shadow is not None:
            self._shadow.forget(gone)
        self._owner.lose(partitions)
        if self._announcer is not None:
            self._announcer.lose(gone)

    def _why_not_ready(self) -> Sequence[str]:
        return [] if self._source.joined else ["waiting for the group to assign partitions"]

    def _why_not_healthy(self) -> Sequence[str]:
        age_s = time.monotonic() - self._worker.last_turn_s
        return [f"no turn for {age_s:.0f} s"] if age_s > STUCK_S else []
