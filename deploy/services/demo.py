"""The demonstration: several patients through an in-process log into a worker, and on a screen."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from prometheus_client import CollectorRegistry

from inference.engine import Engine
from inference.metrics import Metrics
from inference.numeric_streams import NumericStreams
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.codec import encode
from ingest.memory import LogSource, MemoryLog
from ingest.recording import Recording
from ingest.source import Batch, MemorySink
from ingest.wfdb_replay import ReplaySource

CHUNK_S = 0.2
"""Length of a frame, s."""
LOG_RECORDS = 20_000
"""Messages the log keeps: far more than the worker is ever behind."""
MAX_LATENCIES = 200_000
"""Latencies kept for the percentiles."""


@dataclass(slots=True)
class DemoLog:
    """The in-process log and when each of its messages came."""

    log: MemoryLog = field(default_factory=lambda: MemoryLog(retain=LOG_RECORDS))
    """Frames, one a message, as they would stand in Kafka."""
    published_s: deque[float] = field(default_factory=deque)
    """Monotonic time of each message that the worker has not taken yet, s."""


class Feed:
    """Publishes recordings to the log at their pace, on a thread of its own.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Recordings by pseudonym; each starts again when it ends, as a restarted device.
    to : DemoLog
        Where to.
    speed : float
        Times real time.
    start_unix_ns : int
        UTC time of the first samples, ns since 1970.
    """

    def __init__(
        self,
        recordings: Mapping[str, Recording],
        to: DemoLog,
        *,
        speed: float,
        start_unix_ns: int,
    ) -> None:
        self._source = ReplaySource(
            recordings,
            speed=speed,
            chunk_s=CHUNK_S,
            start_unix_ns=start_unix_ns,
            repeat=True,
        )
        self._to = to
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self) -> None:
        """Publish no more, and close the log."""
        self._stop.set()
        self._thread.join()
        self._to.log.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for frame in self._source.poll(0.05).frames:
                self._to.published_s.append(time.monotonic())
                self._to.log.append(frame.stream_id, encode([frame]))


class _TimedSource(LogSource):
    """A log's source that knows how long each frame has been waiting."""

    def __init__(self, from_: DemoLog, see: Callable[[Batch], None]) -> None:
        super().__init__(from_.log)
        self._published_s, self._see = from_.published_s, see
        self.waiting_s: list[float] = []

    def poll(self, timeout_s: float) -> Batch:
        """Return what is there, and show it to whoever draws."""
        batch = super().poll(timeout_s)
        self.waiting_s = [self._published_s.popleft() for _ in batch.frames]
        self._see(batch)
        return batch


class Demo:
    """A worker over the log, with its output in memory.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Recordings by pseudonym: ECG, and numerics as streams of their own.
    speed : float
        Times real time.
    see : callable
        Is shown every batch of frames before it is scored.
    start_unix_ns : int
        UTC time of the first samples, ns since 1970.
    """

    def __init__(
        self,
        recordings: Mapping[str, Recording],
        *,
        speed: float,
        see: Callable[[Batch], None],
        start_unix_ns: int,
    ) -> None:
        self.alarms, self.beats, dead = MemorySink(), MemorySink(), MemorySink()
        self.pipeline = Pipeline()
        engine = Engine(self.pipeline, NumericStreams())
        self._log = DemoLog()
        self._feed = Feed(recordings, self._log, speed=speed, start_unix_ns=start_unix_ns)
        self._source = _TimedSource(self._log, see)
        sinks = Sinks(self.alarms, dead, self.beats)
        self.registry = CollectorRegistry()
        self._worker = Worker(self._source, sinks, engine, Metrics(self.registry))
        self.latencies_ms: deque[float] = deque(maxlen=MAX_LATENCIES)
        self.signal_s = 0.0

    def start(self) -> None:
        """Let the devices begin to send."""
        self._feed.start()

    def turn(self) -> None:
        """Take and score what has come."""
        self._worker.turn(0.05)
        now_s = time.monotonic()
        self.latencies_ms.extend((now_s - at) * 1000 for at in self._source.waiting_s)
        self._source.waiting_s = []

    def stop(self) -> None:
        """Stop the devices."""
        self._feed.stop()

    def latency_ms(self) -> tuple[float, float] | None:
        """Median and 99th percentile from a frame's publication to its results, ms."""
        if not self.latencies_ms:
            return None
        p50, p99 = np.percentile(np.array(self.latencies_ms), [50, 99])
        return float(p50), float(p99)
