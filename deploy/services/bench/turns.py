"""A worker's turns, states of streams written beside: how late alarms are, on a simulated clock.

Messages of gateways come at times of their own and wait for the turn that is under way; a turn
lasts as long as it keeps the processor. There is no broker: neither the way to it nor its commit
is in the figures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from prometheus_client import CollectorRegistry

from deploy.services.bench.figure import Figure
from deploy.services.bench.latency import GATHER_S, GOAL_MS
from deploy.services.bench.workload import STREAMS_A_MESSAGE, Ward
from inference.gathering import Budget
from inference.keeper import Keeping
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.resample import HALF_WIDTH_S
from inference.worker import Sinks, Worker
from ingest.memory import LogSource, MemoryLog
from ingest.recording import Recording
from ingest.source import Batch, MemorySink
from ingest.state_log import MemoryStates

LOADS = ((5_000, 1.0), (2_000, 0.2))
"""Streams of one worker, and the length of a frame, s."""
SIGNAL_S, SETTLE_S = 45.0, 25.0
"""Signal of each, s, and how much of it is not counted: the first states are due after 15 s."""
PARTITIONS = 4
"""Partitions of the worker."""
RETAIN = 4096
"""Messages that the log keeps."""


@dataclass(slots=True)
class Turns:
    """What came of a worker's turns."""

    late_s: list[float] = field(default_factory=list)
    """How late each alarm was, s."""
    turn_s: list[float] = field(default_factory=list)
    """How long each turn kept the processor, s."""
    n_states: int = 0
    """States that were written."""


class Arriving(LogSource):
    """A log into which a ward's messages come at their times, by a clock that it moves on.

    Parameters
    ----------
    ward : Ward
        What sends.
    """

    def __init__(self, ward: Ward) -> None:
        self._grows = MemoryLog(PARTITIONS, retain=RETAIN)
        super().__init__(self._grows)
        self._ward, self._coming = ward, _messages(ward)
        self._next: tuple[float, int, bytes] | None = next(self._coming)
        self.now_s, self.made_s = 0.0, 0.0
        """The clock, and the processor time that making messages took, s."""

    def poll(self, timeout_s: float) -> Batch:
        """Return what has come, waiting for the first by moving the clock on."""
        begun_s = time.process_time()
        if self._next is not None and self.lag_records == 0:
            self.now_s = max(self.now_s, min(self.now_s + timeout_s, self._next[0]))
        while self._next is not None and self._next[0] <= self.now_s:
            at_s, gateway, message = self._next
            self._grows.append(f"gateway-{gateway}", message, round(at_s * 1000))
            self._next = next(self._coming, None)
        if self._next is None and not self._grows.closed:
            self._grows.close()
        self.made_s += time.process_time() - begun_s
        return super().poll(0.0)


def _messages(ward: Ward) -> Iterator[tuple[float, int, bytes]]:
    """Yield when each message comes, s, its gateway, and the message."""
    for step in range(round(SIGNAL_S / ward.frame_s)):
        for gateway, message in enumerate(ward.each_message(step)):
            yield _due_s(ward, gateway, step), gateway, message


def _due_s(ward: Ward, gateway: int, step: int) -> float:
    """Tell when a gateway's frames of a step are whole: each gateway has a phase of its own, s."""
    n_gateways = -(-ward.n_streams // STREAMS_A_MESSAGE)
    return (step + 1 + gateway / n_gateways) * ward.frame_s


def turns(ward: Ward, every_s: float = Keeping().every_s) -> Turns:
    """Let a worker follow a ward, and write the state of each stream every so many seconds."""
    source, sink, states, found = Arriving(ward), MemorySink(), MemoryStates(), Turns()

    def settle() -> None:
        found.n_states += len(states.queued)
        states.drop()  # who takes over is not looked at here
        source.commit()

    worker = Worker(
        source,
        Sinks(sink, MemorySink()),
        Pipeline(),
        Metrics(CollectorRegistry()),
        settle=settle,
        states=states,
        keeping=Keeping(every_s),
        budget=Budget(GATHER_S),
        clock=lambda: source.now_s,
    )
    worker.take_over(source.assigned)
    goes_on, n_told = True, 0
    while goes_on:
        begun_s, made_s = time.process_time(), source.made_s
        goes_on = worker.turn(ward.frame_s)
        took_s = time.process_time() - begun_s - (source.made_s - made_s)
        source.now_s += took_s
        if source.now_s >= SETTLE_S:
            found.turn_s.append(took_s)
        for _, message in sink.messages[n_told:]:
            at_s = _decided_s(ward, message)
            if at_s >= SETTLE_S:
                found.late_s.append(source.now_s - at_s)
        n_told = len(sink.messages)
    return found


def _decided_s(ward: Ward, message: bytes) -> float:
    """Tell when the last sample that decided an alarm came, s."""
    told, fs = json.loads(message), ward.recordings[0].fs
    last = told["decided"]["sample"] + round(HALF_WIDTH_S * fs)
    gateway = int(told["stream_id"].removeprefix("bed-")) // STREAMS_A_MESSAGE
    return _due_s(ward, gateway, last // round(ward.frame_s * fs))


def with_states(recordings: Sequence[Recording]) -> Iterator[Figure]:
    """Tell how late alarms are, and how even turns, where states are written."""
    for n, frame_s in LOADS:
        found, goal_ms = turns(Ward(recordings, n, frame_s)), GOAL_MS[frame_s]
        name = f"a worker with states, {n} streams, frames of {frame_s:g} s"
        p99_ms = float(np.quantile(found.late_s, 0.99)) * 1e3
        goal = f"the goal of {goal_ms:g} ms"
        yield Figure(f"{name}, last sample to alarms, p99", p99_ms, "ms", goal, p99_ms / goal_ms)
        longest, median = max(found.turn_s) * 1e3, float(np.median(found.turn_s)) * 1e3
        yield Figure(f"{name}, longest turn", longest, "ms", "the median turn", longest / median)
