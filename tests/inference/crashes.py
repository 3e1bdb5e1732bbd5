"""A world in which workers die: a log, and what counts only once a transaction is settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from prometheus_client import CollectorRegistry

from inference.keeper import Keeping
from inference.limits import Limits
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.codec import encode
from ingest.frames import Frame
from ingest.kafka_url import CommitRefusedError
from ingest.memory import LogSource, MemoryLog
from ingest.simulator import demo_ward
from ingest.state_log import MemoryStates
from ingest.wfdb_replay import frames

START_MS = 1_700_000_000_000
"""When the first message was written, ms since 1970."""

Messages = dict[str, list[bytes]]
"""Messages by key, in order."""


class CrashError(Exception):
    """The process is gone."""


@dataclass
class Outlet:
    """A sink whose messages count once the world settles them."""

    settled: Messages = field(default_factory=dict)
    queued: list[tuple[str, bytes]] = field(default_factory=list)

    def write(self, key: str, value: bytes) -> None:
        self.queued.append((key, value))

    def flush(self) -> None:
        """Do nothing: the world settles."""

    def close(self) -> None:
        """Do nothing."""

    def settle(self) -> None:
        for key, value in self.queued:
            self.settled.setdefault(key, []).append(value)
        self.queued.clear()


@dataclass
class World:
    """What outlives workers."""

    log: MemoryLog
    alarms: Outlet = field(default_factory=Outlet)
    beats: Outlet = field(default_factory=Outlet)
    dead: Outlet = field(default_factory=Outlet)
    states: MemoryStates = field(default_factory=MemoryStates)
    now_s: float = 0.0
    crash_in: int = -1
    """Settles until a crash; below 0: none."""
    crash_after: bool = False
    """Whether it comes behind the settling, before the worker knows."""
    refuse: int = 0
    """Settles that are refused, as while the group is rebalanced."""

    def worker(
        self, *, keeping: Keeping = Keeping(every_s=3.0), most: int = 5, **options: object
    ) -> Work:
        return Work(self, keeping, most, options)

    def settle(self, source: LogSource) -> None:
        outlets = (self.alarms, self.beats, self.dead)
        if self.refuse > 0:
            self.refuse -= 1
            self.drop()
            raise CommitRefusedError("rebalancing")
        self.crash_in -= 1
        if self.crash_in == 0 and not self.crash_after:
            raise CrashError
        for outlet in outlets:
            outlet.settle()
        self.states.settle()
        source.commit()
        if self.crash_in == 0:
            raise CrashError

    def drop(self) -> None:
        """Forget what is not settled, as an aborted transaction does."""
        for outlet in (self.alarms, self.beats, self.dead):
            outlet.queued.clear()
        self.states.drop()


class Work:
    """One worker, from its start to its death."""

    def __init__(
        self, world: World, keeping: Keeping, most: int, options: dict[str, object]
    ) -> None:
        world.drop()
        self.world = world
        self.source = LogSource(world.log, max_records=most)
        self.registry = CollectorRegistry()
        limits: Limits | None = options.pop("limits", None)  # type: ignore[assignment]
        scorer = options.pop("scorer", None) or pipeline_of(limits)
        self.worker = Worker(
            self.source,
            Sinks(world.alarms, world.dead, world.beats),
            scorer,  # type: ignore[arg-type]
            Metrics(self.registry),
            settle=lambda: world.settle(self.source),
            states=world.states,
            keeping=keeping,
            clock=lambda: world.now_s,
            **options,  # type: ignore[arg-type]
        )
        self.worker.take_over(self.source.assigned)

    def turn(self) -> bool:
        self.world.now_s += 1.0
        return self.worker.turn(0.0)

    def run(self) -> None:
        """Work to the end of the log, or until it dies."""
        while self.turn():
            pass
        while self.worker._outbox:  # what a refused commit left
            self.turn()

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


_PIPELINES: dict[Limits | None, Pipeline] = {}


def pipeline_of(limits: Limits | None) -> Pipeline:
    """A pipeline that remembers nobody; opening models takes longer than all the rest."""
    pipeline = _PIPELINES.get(limits) or _PIPELINES.setdefault(limits, Pipeline(limits=limits))
    pipeline.forget(list(pipeline.streams.slots()))
    return pipeline


def ward_frames(n_patients: int, duration_s: float, seed: int = 3) -> list[list[Frame]]:
    """Frames of simulated patients, one list a patient, of 1 s each."""
    ward = demo_ward(n_patients, seed=seed, duration_s=duration_s)
    return [list(frames(patient.as_recording(), patient.name)) for patient in ward]


def log_of(streams: Sequence[Sequence[Frame]], n_partitions: int = 1) -> MemoryLog:
    """A closed log of all streams, second by second."""
    log = MemoryLog(n_partitions)
    for second, heard in enumerate(zip_longest(*streams)):
        for frame in heard:
            if frame is not None:
                log.append(frame.stream_id, encode([frame]), START_MS + 1000 * second)
    log.close()
    return log


def other_limits() -> Limits:
    """Limits that differ from the defaults in what raises few alarms."""
    return replace(Limits(), tachycardia_bpm=121.0)


def undisturbed(log: MemoryLog, **options: object) -> World:
    """What one worker makes of a log that nothing happens to."""
    world = World(log)
    log._committed.clear()
    world.worker(**options).run()  # type: ignore[arg-type]
    log._committed.clear()
    return world
