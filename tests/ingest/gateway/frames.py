"""Small frames, and a forwarder's world in memory, for the gateway's tests."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ingest.codec import decode
from ingest.frame_pb2 import FrameBatch
from ingest.frames import Frame, Lead
from ingest.gateway.arrival import Packed, pack
from ingest.gateway.bucket import TokenBucket
from ingest.gateway.counts import GatewayCounts
from ingest.gateway.forwarder import Forwarder, Uplink
from ingest.gateway.store import Store
from ingest.kafka_url import BrokerError

FS = 100.0
N = 100
"""Samples of a frame: one second."""


def frame(i: int, stream: str = "p1", session: str = "a", n: int = N, last: bool = False) -> Frame:
    """Return the i-th second of a stream; every sample is of its own."""
    samples = (np.arange(i * N, i * N + n, dtype=np.int64) % 30000).astype(np.int16)
    start_ns = i * 1_000_000_000
    return Frame(stream, session, i * N, start_ns, FS, (Lead("II"),), samples[None], last)


def packed(i: int, stream: str = "p1", session: str = "a") -> Packed:
    """Return it as the store takes it."""
    return pack(frame(i, stream, session))


@dataclass
class Kafka:
    """A broker of one process: what was flushed is there, and it can be cut."""

    cut: bool = False
    refuse_topics: set[str] = field(default_factory=set)
    log: list[tuple[str, str, bytes]] = field(default_factory=list)
    connections: int = 0

    def connect(self, topic: str) -> _Sink:
        if self.cut or topic in self.refuse_topics:
            raise BrokerError("nobody answers")
        self.connections += 1
        return _Sink(self, topic)

    def frames(self, topic: str = "ecg.frames") -> list[tuple[str, int, bool]]:
        """Return stream, second and whether it was marked as a replay, in the order of the log."""
        return [
            (one.stream_id, one.first_sample // N, FrameBatch.FromString(value).replay)
            for at, _, value in self.log
            if at == topic
            for one in decode(value)
        ]

    def seconds(self, stream: str = "p1") -> list[int]:
        return [second for name, second, _ in self.frames() if name == stream]


class _Sink:
    def __init__(self, kafka: Kafka, topic: str) -> None:
        self.kafka, self.topic = kafka, topic
        self.queued: list[tuple[str, bytes]] = []

    def write(self, key: str, value: bytes) -> None:
        self.queued.append((key, value))

    def flush(self) -> None:
        queued, self.queued = self.queued, []
        if self.kafka.cut:
            raise BrokerError("cut")
        self.kafka.log += [(self.topic, key, value) for key, value in queued]

    def close(self) -> None:
        self.flush()


@dataclass
class Clock:
    """Both clocks of a gateway, turned by hand."""

    now_s: float = 1000.0

    def s(self) -> float:
        return self.now_s

    def ms(self) -> int:
        return round(self.now_s * 1000)


@dataclass
class World:
    """A store with a forwarder."""

    store: Store
    kafka: Kafka
    clock: Clock
    forwarder: Forwarder
    counts: GatewayCounts

    def put(self, *frames: Packed) -> None:
        """Store frames and hand them on, as a keeper does."""
        with self.store.lock:
            self.forwarder.accept(self.store.append(frames))

    def turn(self, n: int = 1, seconds: float = 20.0) -> None:
        """Let some time go by, then turn, so often."""
        for _ in range(n):
            self.clock.now_s += seconds
            self.forwarder.turn(0.0)


def world(
    store: Store, kafka: Kafka, clock: Clock, rate: float = 1e9, key: str | None = None
) -> World:
    """Return a forwarder over a store, its clock at rest."""
    counts = GatewayCounts()
    uplink = Uplink(kafka.connect, "ecg.frames", key, 5.0, clock.s, clock.ms)
    bucket = TokenBucket(rate, rate, clock.s)
    return World(store, kafka, clock, Forwarder(store, uplink, bucket, counts), counts)
