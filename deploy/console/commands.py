"""What people do, handed to whoever keeps the alarm signals."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from inference.alarm_json import canonical
from inference.annunciation import Command, Desk, Signal, signal_to_dict
from inference.annunciation.wire import COMMAND_SCHEMA, given_to_dict
from inference.conditions import CONDITIONS
from inference.limits import Limits
from ingest.errors import InputError
from ingest.kafka_url import BrokerError
from ingest.source import Sink

WAIT_S = 10.0
"""Longest wait for whoever does a command, s."""


class NotDoneError(Exception):
    """Nobody did the command in time, or it could not be sent."""


class CommandPort(Protocol):
    """Does what people want."""

    @property
    def confirms(self) -> bool:
        """Whether a command is done when :meth:`do` returns; else it is only sent."""
        ...

    def do(self, stream_id: str, command: Command) -> None:
        """Do it, or send it; called from threads of the server.

        Raises
        ------
        InputError
            If it is not possible; nothing is changed.
        NotDoneError
            If it could not be done or sent.
        """
        ...


class TopicCommands:
    """Sends commands to a topic that workers hear; what they do comes back as signals.

    Parameters
    ----------
    sink : Sink
        The topic.
    """

    confirms = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def do(self, stream_id: str, command: Command) -> None:
        """Send it, and wait until it is durable."""
        told = {"schema": COMMAND_SCHEMA, "stream_id": stream_id, **given_to_dict(command)}
        try:
            self._sink.write(stream_id, canonical(told))
            self._sink.flush()
        except BrokerError as error:
            raise NotDoneError(str(error)) from error


class QueuedCommands:
    """Lets the thread that keeps the desk do commands of the server's threads.

    Parameters
    ----------
    do_now : callable
        Does a command; called by :meth:`turn`, on its thread.
    """

    confirms = True

    def __init__(self, do_now: Callable[[str, Command], object]) -> None:
        self._do_now = do_now
        self._queue: queue.SimpleQueue[tuple[str, Command, Future[None]]] = queue.SimpleQueue()

    def do(self, stream_id: str, command: Command) -> None:
        """Put it in the queue, and wait until it is done."""
        done: Future[None] = Future()
        self._queue.put((stream_id, command, done))
        try:
            done.result(WAIT_S)
        except TimeoutError as error:
            done.cancel()
            raise NotDoneError("the monitor did not answer") from error

    def turn(self) -> None:
        """Do what has come."""
        while True:
            try:
                stream_id, command, done = self._queue.get_nowait()
            except queue.Empty:
                return
            if not done.set_running_or_notify_cancel():
                continue
            try:
                self._do_now(stream_id, command)
            except InputError as error:
                done.set_exception(error)
            else:
                done.set_result(None)


class LocalDesk:
    """Keeps alarm signals in this process, where no worker does.

    Parameters
    ----------
    tell : callable
        Is given each list of signals, as objects.
    clock_ms : callable
        Time, ms, that does not run backwards.
    limits : Limits, optional
        What the monitor is set to, where that is known: commands that contradict it are refused.
    """

    def __init__(
        self,
        tell: Callable[[list[dict[str, Any]]], None],
        clock_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        limits: Limits | None = None,
    ) -> None:
        self._tell, self.desk = tell, Desk(clock_ms, limits=limits)
        self.commands = QueuedCommands(self._do)

    def turn(self, alarms: list[dict[str, Any]]) -> None:
        """Take alarms, commands that have come, and the time."""
        told: list[Signal] = []
        for alarm in alarms:
            try:
                told += self.desk.hear(alarm)
            except InputError:
                continue  # a condition of a newer Vigil; the journal has it
        self.commands.turn()
        told += self.desk.tick()
        if told:
            self._tell([signal_to_dict(signal) for signal in told])

    def _do(self, stream_id: str, command: Command) -> None:
        self._tell([signal_to_dict(s) for s in self.desk.command(stream_id, command)])


def condition_names() -> list[str]:
    """Names of all conditions that alarms are about."""
    return [condition.name for condition in CONDITIONS]


def as_text(command: Command) -> str:
    """Write a command for a log.

    Examples
    --------
    >>> from inference.annunciation import AudioOn
    >>> as_text(AudioOn("nurse 7"))
    '{"command": "audio_on", "who": "nurse 7"}'
    """
    return json.dumps(given_to_dict(command))
