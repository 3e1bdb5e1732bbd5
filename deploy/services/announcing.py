"""What a worker does with alarms once they are durable: signals, commands, notifiers.

Nothing here may stop the scoring: what fails is told in the process's own log,
and the next alarm is tried as if nothing had been.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry

from deploy.notify import (
    ConsoleNotifier,
    Delivery,
    Notice,
    Notifier,
    Retries,
    Target,
    Undelivered,
    Webhook,
    notice_of_signal,
)
from deploy.services.announcer_counts import AnnouncerCounts
from deploy.services.bed_archive import BedArchive
from deploy.services.command_trail import CommandTrail
from deploy.services.lateness import Lateness
from deploy.settings import AnnunciationSettings, MonitorSettings, NotifySettings
from inference.alarm_json import canonical
from inference.alarm_transition import UNTOLD, TransitionKind
from inference.annunciation import (
    Desk,
    LogWriter,
    Policy,
    SetLimits,
    Signal,
    SignalKind,
    read_command,
    read_log,
    replay,
    signal_to_dict,
    steady_clock_ms,
)
from inference.limits import Limits
from inference.stream_watch import StreamWatch
from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame
from ingest.kafka_url import BrokerError
from ingest.source import Sink

logger = logging.getLogger(__name__)

FORGET_S = 30.0
"""How often beds are looked over for those that can go, s."""
Wrap = Callable[[Callable[[Notice], None]], Callable[[Notice], None]]
"""Puts something around what sends a notice."""
TOLD = (SignalKind.ESCALATED, SignalKind.REMINDER)
"""Signals that notifiers are told; all others follow from the alarms and the commands."""


class Commands(Protocol):
    """Where people's commands come from."""

    def poll(self) -> Sequence[bytes]:
        """Return those that have come, without waiting."""

    def close(self) -> None:
        """Let the connections go."""


class Announcer:
    """Keeps the alarm signals of a worker's streams, and tells notifiers.

    Parameters
    ----------
    desk : Desk or None
        The annunciators; None keeps none.
    notifiers : sequence of Notifier
        Who is told.
    commands : Commands, optional
        Where commands come from.
    signals : Sink, optional
        Where signals are written to.
    registry : CollectorRegistry, optional
        Where what happens is counted.
    trail : CommandTrail, optional
        What keeps who gave which command; by default nothing does.
    kept : AnnunciationSettings
        How long beds of streams that are gone are kept, and how many.
    """

    def __init__(
        self,
        desk: Desk | None,
        notifiers: Sequence[Notifier] = (),
        commands: Commands | None = None,
        signals: Sink | None = None,
        registry: CollectorRegistry | None = None,
        trail: CommandTrail | None = None,
        kept: AnnunciationSettings = AnnunciationSettings(),
    ) -> None:
        registry = registry or CollectorRegistry()
        self._trail = trail or CommandTrail()
        self._follow: Callable[[str, Limits], None] | None = None
        self.desk, self._notifiers = desk, notifiers
        self._watch = StreamWatch(None if desk is None else desk.limits)
        self._now_ms, self._kept = steady_clock_ms() if desk is None else desk.now_ms, kept
        self._commands, self._signals = commands, signals
        self._counts = AnnouncerCounts(registry)
        self._lateness = Lateness(self._watch, kept.late_s, registry)
        self._archive: BedArchive | None = None
        if desk is not None:
            self._archive = BedArchive(desk, self._watch, kept.archive_s, kept.most_gone, registry)
        self._looked_s = time.monotonic()

    def hear(self, alarms: Sequence[bytes]) -> None:
        """Take alarms that have become durable; what was vetoed is told nobody."""
        alarms = [body for body in alarms if json.loads(body)["state"] not in UNTOLD]
        now_ms = self._now_ms()
        for body in alarms:
            notice = self._lateness.notice(body, now_ms)
            for notifier in self._notifiers:
                notifier.offer(notice)
        if self.desk is None:
            return
        desk, signals = self.desk, []
        for body in alarms:
            alarm = json.loads(body)
            told = self._do(lambda: desk.hear(alarm), "an alarm")  # noqa: B023  # at once
            signals += self._lateness.signals(alarm, told, now_ms)
        self._tell(signals)

    def resume(self, alarms: Sequence[bytes]) -> None:
        """Take the last messages of alarms that stand in partitions taken over.

        Whoever had them may have died before it told anybody, so all are told once more, under
        the keys by which notices are known; an acknowledgement that was heard stays heard.
        """
        told: list[bytes] = []
        for body in alarms:
            alarm = json.loads(body)
            if alarm["state"] in UNTOLD:
                continue
            if alarm["state"] != TransitionKind.RAISED:
                told.append(canonical({**alarm, "state": TransitionKind.RAISED.value}))
            told.append(body)
        self.hear(told)

    def heard(self, frames: Sequence[Frame]) -> None:
        """Take frames that came just now, to tell which streams are late or have jumped."""
        if frames:
            watch, columns = self._watch, FrameColumns.of(frames)
            self._watched(lambda now_ms: watch.hear(columns, now_ms))

    def technical(self, notice: Notice) -> None:
        """Tell notifiers of something that is wrong with the monitor itself."""
        for notifier in self._notifiers:
            notifier.offer(notice)

    def lose(self, stream_ids: Iterable[str]) -> None:
        """Let streams go that another worker has now; what is latched stays until acknowledged."""
        gone = list(stream_ids)
        self._watch.forget(gone)
        if self.desk is not None:
            desk = self.desk
            self._tell(self._do(lambda: desk.lose(gone), "streams that went"))

    def turn(self) -> None:
        """Do the commands that have come, and tell what is due."""
        for notifier in self._notifiers:
            self._counts.note_notices(getattr(notifier, "counts", {}))
        self._watched(self._watch.due)
        if self.desk is None:
            since_ms = self._now_ms() - round(self._kept.archive_s * 1000)
            self._watch.retire(since_ms, self._kept.most_gone)
            return
        desk, signals = self.desk, []
        for text in self._poll():
            signals += self._do(lambda: self._command(desk, text), "a command")  # noqa: B023
        if time.monotonic() - self._looked_s >= FORGET_S and self._archive is not None:
            self._looked_s = time.monotonic()
            signals += self._archive.turn(self._do)
        self._tell(signals + self._do(desk.tick, "time"))
        if self._signals is not None:
            try:
                self._signals.flush()
            except BrokerError as error:
                logger.error("signals were not written: %s", error)

    def follow_limits(self, follow: Callable[[str, Limits], None]) -> None:
        """Let somebody follow the limits that people select, those of the log first.

        Parameters
        ----------
        follow : callable
            Is given a stream and its limits; may refuse them.
        """
        self._follow = follow
        desk = self.desk
        for stream_id, bed in {} if desk is None else desk.beds.items():
            if desk is not None and bed.limits != desk.limits:
                self._do(lambda: self._followed(stream_id), "limits")  # noqa: B023

    def _command(self, desk: Desk, text: bytes) -> list[Signal]:
        """Do one command; limits that it selects are followed at once."""
        stream_id = ""
        try:
            stream_id, command = read_command(text)
            if self._trail.is_ours(text, stream_id):
                self._trail.given(stream_id, command, text)
            told = desk.command(stream_id, command)
        except InputError as error:
            if not self._trail.is_ours(text, stream_id):
                return []
            name = self._trail.refused(text, error)
            raise InputError(f"{name}; its dead letter says why") from error
        if isinstance(command, SetLimits):
            self._followed(stream_id)
        return told

    def _followed(self, stream_id: str) -> list[Signal]:
        """Let a stream's limits be followed; this tells no signals."""
        if self._follow is not None and self.desk is not None:
            self._follow(stream_id, self.desk.beds[stream_id].limits)
        return []

    def close(self, timeout_s: float) -> None:
        """Tell what is left, within a time for each notifier; let everything go."""
        for notifier in self._notifiers:
            notifier.close(timeout_s)
        if self._commands is not None:
            self._commands.close()
        self._trail.close()
        if self._signals is not None:
            self._signals.close()
        if self.desk is not None and self.desk.log is not None:
            self.desk.log.close()

    def _watched(self, look: Callable[[int], list[dict[str, str]]]) -> None:
        """Tell what a look at the clock shows of streams; it is in no log of alarms."""
        desk = self.desk
        signals: list[Signal] = []
        try:
            changes = look(self._now_ms())
        except InputError as error:
            self._counts.refused.labels(what="time", reason="refused").inc()
            logger.warning("the clock of the watch: %s", error)
            return
        if desk is None:
            return
        for change in changes:
            signals += self._do(lambda: desk.hear(change), "a stream's clock")  # noqa: B023
        self._tell(signals)

    def _poll(self) -> Sequence[bytes]:
        try:
            return [] if self._commands is None else self._commands.poll()
        except BrokerError as error:
            logger.error("commands were not read: %s", error)
            return []

    def _do(self, do: Callable[[], list[Signal]], what: str) -> list[Signal]:
        """Do something; what is refused or cannot be logged is told in the process's log."""
        try:
            return do()
        except InputError as error:
            self._counts.refused.labels(what=what, reason="refused").inc()
            logger.warning("%s was refused: %s", what, error)
        except OSError as error:
            self._counts.refused.labels(what=what, reason="log").inc()
            logger.critical("%s could not be logged, and is not done: %s", what, error)
        return []

    def _tell(self, signals: Sequence[Signal]) -> None:
        """Bring the log to the disk, once for all of them, and tell them."""
        log = None if self.desk is None else self.desk.log
        try:
            if log is not None:
                log.flush()
        except OSError as error:
            logger.critical("the log %s is not on the disk: %s", log and log.path, error)
        for signal in signals:
            self._counts.signals.labels(kind=signal.kind.value).inc()
            if signal.kind in TOLD:
                for notifier in self._notifiers:
                    notifier.offer(notice_of_signal(signal))
            if self._signals is not None:
                self._signals.write(signal.stream_id, canonical(signal_to_dict(signal)))


def make_announcer(
    settings: MonitorSettings,
    limits: Limits,
    commands: Commands | None = None,
    signals: Sink | None = None,
    registry: CollectorRegistry | None = None,
    trail: CommandTrail | None = None,
    sending: Wrap | None = None,
) -> Announcer | None:
    """Make what the settings ask for; None where they ask for nothing.

    Raises
    ------
    InputError
        If a setting does not fit, or a file cannot be used.
    """
    told = settings.annunciation
    if (commands is not None or signals is not None or told.log or told.policy) and (
        not told.enabled
    ):
        raise InputError("settings: annunciation.enabled must be true for its other keys")
    notifiers = make_notifiers(settings.notify, sending)
    if not told.enabled and not notifiers:
        return None
    desk = make_desk(Policy.from_dict(told.policy), limits, told.log) if told.enabled else None
    return Announcer(desk, notifiers, commands, signals, registry, trail, told)


def make_desk(policy: Policy, limits: Limits, log: Path | None) -> Desk:
    """Make a desk that goes on from its log, where there is one.

    Raises
    ------
    InputError
        If the log cannot be used.
    """
    if log is None:
        return Desk(steady_clock_ms(), policy, limits)
    writer = LogWriter(log, policy, limits, sync=False)
    if writer.torn:
        logger.warning("the log %s was torn: %d bytes set aside", log, len(writer.torn))
    found = read_log(log)
    begin_ms = max((entry.at_ms for entry in found.entries), default=0)
    desk = Desk(steady_clock_ms(begin_ms), policy, limits, writer)
    desk.restore(replay(found))
    # The alarm engine begins afresh: nobody will tell the ends of what held before.
    desk.lose(list(desk.beds))
    return desk


def make_notifiers(settings: NotifySettings, sending: Wrap | None = None) -> list[Notifier]:
    """Make the notifiers that the settings name; ``sending`` is put around a webhook's tries.

    Raises
    ------
    InputError
        If a webhook has no secret, or it or a file cannot be used.
    """
    notifiers: list[Notifier] = [ConsoleNotifier()] if settings.console else []
    if settings.webhook is not None:
        if settings.secret_file is None:
            raise InputError("settings: notify.webhook needs notify.secret_file")
        try:
            secret = settings.secret_file.read_bytes().strip()
        except OSError as error:
            raise InputError(
                f"settings: notify.secret_file {settings.secret_file}: {error.strerror}"
            ) from error
        target = Target(settings.webhook, secret, settings.timeout_s)
        undelivered = Undelivered(settings.undelivered)
        retries = Retries(tries=settings.tries)
        send = Webhook(target).send
        tried = send if sending is None else sending(send)
        notifiers.append(Delivery(tried, undelivered, retries, settings.most))
    return notifiers
