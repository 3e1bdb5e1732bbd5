"""The traffic of the faults' trial: streams sent, alarms read, and how far the group is."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from deploy.services.bench.workload import Ward
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.codec import encode
from ingest.kafka_sink import KafkaSink
from ingest.kafka_url import BrokerError, KafkaUrl
from ingest.memory import LogSource, MemoryLog
from ingest.source import MemorySink

WATCH_S = 0.5
"""Time between two looks at the group's offsets, s."""
JUNK_STEPS = 10
"""Steps between two messages that cannot be read."""

Messages = dict[str, list[bytes]]
"""Alarms by stream, in order."""


def undisturbed(ward: Ward, n_steps: int) -> Messages:
    """Return the alarms of one worker that nothing happens to, without a broker."""
    from prometheus_client import CollectorRegistry

    log, alarms = MemoryLog(), MemorySink()
    worker = Worker(
        LogSource(log, max_records=32 * ward.n_streams),
        Sinks(alarms, MemorySink()),
        Pipeline(),
        Metrics(CollectorRegistry()),
    )
    for step in range(n_steps):
        for bed in range(ward.n_streams):
            frame = ward.frame(bed, step)
            log.append(frame.stream_id, encode([frame]))
        if step % 32 == 31:
            worker.turn(0.0)
    log.close()
    while worker.turn(0.0):
        pass
    found: Messages = {}
    for key, value in alarms.messages:
        found.setdefault(key, []).append(value)
    return found


class Sender(threading.Thread):
    """Sends every stream's frames at their pace, each message until it is durable.

    Parameters
    ----------
    url : str
        Topic of the frames.
    ward : Ward
        What is sent.
    n_steps : int
        Frames of each stream.
    speed : float
        Seconds of signal a second.
    """

    def __init__(self, url: str, ward: Ward, n_steps: int, speed: float) -> None:
        super().__init__(name="sender", daemon=True)
        self._url, self._ward, self._n_steps, self._speed = url, ward, n_steps, speed
        self.sent_s: list[float] = []
        """When each step was durable, s since 1970."""
        self.junk: list[bytes] = []
        """Messages that cannot be read: one every :data:`JUNK_STEPS`, each once."""
        self.doubtful: list[bytes] = []
        """Those of which it is not known whether they came."""
        self.n_failed = 0
        """Steps that had to be sent again."""
        self.error: BaseException | None = None
        """What ended it before its time."""

    def run(self) -> None:
        """Send all, then end."""
        try:
            self._send_all()
        except BaseException as error:
            self.error = error
            raise

    def _send_all(self) -> None:
        sink = KafkaSink(self._url)
        begun_s = time.monotonic()
        for step in range(self._n_steps):
            due_s = begun_s + step * self._ward.frame_s / self._speed
            time.sleep(max(0.0, due_s - time.monotonic()))
            while True:
                try:
                    for bed in range(self._ward.n_streams):
                        frame = self._ward.frame(bed, step)
                        sink.write(frame.stream_id, encode([frame]))
                    sink.flush()
                    break
                except BrokerError:  # some of the step may be there: repeats are dropped
                    self.n_failed += 1
                    time.sleep(1.0)
                    sink = self._again()
            self.sent_s.append(time.time())
            if step % JUNK_STEPS == 0 and self._send_junk(sink, b"junk %d" % step):
                sink = self._again()
        sink.close()

    def _send_junk(self, sink: KafkaSink, text: bytes) -> bool:
        """Send what cannot be read; where it is not known to be there it counts as not sent.

        Returns
        -------
        bool
            True where the sink has failed.
        """
        sink.write(text.decode(), text)
        try:
            sink.flush()
        except BrokerError:
            self.doubtful.append(text)
            return True
        self.junk.append(text)
        return False

    def _again(self) -> KafkaSink:
        while True:
            try:
                return KafkaSink(self._url)
            except (BrokerError, ValueError, RuntimeError):
                time.sleep(1.0)


class Reader(threading.Thread):
    """Reads a topic with ``read_committed``, noting when each message could be read.

    Parameters
    ----------
    url : str
        The topic.
    poll_ms : int
        Longest wait of one poll, ms.
    """

    def __init__(self, url: str, poll_ms: int = 200) -> None:
        super().__init__(name="reader", daemon=True)
        self._poll_ms = poll_ms
        self._address = KafkaUrl.parse(url)
        self._stop_event = threading.Event()
        self.messages: list[tuple[str, bytes, float]] = []
        """Key, value, and when it was read, s since 1970."""

    def stop(self) -> None:
        """Let it end."""
        self._stop_event.set()
        self.join(30)

    def run(self) -> None:
        """Read until it is stopped."""
        consumer = KafkaConsumer(
            bootstrap_servers=list(self._address.servers),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        numbers = sorted(consumer.partitions_for_topic(self._address.topic) or ())
        places = [TopicPartition(self._address.topic, number) for number in numbers]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        while not self._stop_event.is_set():
            try:
                found = consumer.poll(timeout_ms=self._poll_ms)
            except KafkaError:
                time.sleep(0.2)
                continue
            now_s = time.time()
            for record in (record for records in found.values() for record in records):
                self.note((record.key or b"").decode(), record.value, now_s)
        consumer.close(autocommit=False)

    def note(self, key: str, value: bytes, read_s: float) -> None:
        """Take one message in, read at a moment, s since 1970."""
        self.messages.append((key, value, read_s))

    def by_stream(self) -> Messages:
        """Return the messages by their key, in order."""
        found: Messages = {}
        for key, value, _ in self.messages:
            found.setdefault(key, []).append(value)
        return found


@dataclass(frozen=True, slots=True)
class Look:
    """How far a group was at a moment."""

    at_s: float
    """When, monotonic, s."""
    ends: Mapping[int, int]
    """By partition the offset behind its last message."""
    committed: Mapping[int, int]
    """By partition the offset that the group goes on from."""

    def has_settled(self, ends: Mapping[int, int]) -> bool:
        """Tell whether all that stood in the log at another moment is settled."""
        return all(self.committed.get(p, 0) >= end for p, end in ends.items())


@dataclass
class Watch:
    """Looks at a group's offsets all the time."""

    url: str
    """Topic of the frames."""
    group: str
    """Group."""
    looks: list[Look] = field(default_factory=list)
    """What was seen, in order; nothing while the brokers do not answer."""
    error: str = ""
    """Why it did not see anything, last."""

    def __post_init__(self) -> None:
        self._address = KafkaUrl.parse(self.url)
        self._stop_event = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop_event.set()
        self._thread.join(30)

    @property
    def is_settled(self) -> bool:
        """True where the last look saw everything settled."""
        return bool(self.looks) and self.looks[-1].has_settled(self.looks[-1].ends)

    def recovery_s(self, fault_s: float) -> float | None:
        """From a fault until all that stood in the log at it was settled, s; None: never."""
        before = [look for look in self.looks if look.at_s <= fault_s]
        ends = before[-1].ends if before else {}
        for look in self.looks[len(before) :]:
            if look.has_settled(ends):
                return look.at_s - fault_s
        return None

    def _run(self) -> None:
        while not self._stop_event.is_set():
            try:
                self._look_on()
            except (KafkaError, OSError, KeyError) as error:
                self.error = repr(error)
                self._stop_event.wait(WATCH_S)

    def _look_on(self) -> None:
        """Look until it is stopped, or the brokers do not answer."""
        servers = list(self._address.servers)
        consumer = KafkaConsumer(bootstrap_servers=servers, group_id=None)
        try:
            admin = KafkaAdminClient(bootstrap_servers=servers)
            try:
                numbers = consumer.partitions_for_topic(self._address.topic) or ()
                places = [TopicPartition(self._address.topic, number) for number in numbers]
                while not self._stop_event.wait(WATCH_S):
                    ends = consumer.end_offsets(places, timeout_ms=60_000)
                    told = admin.list_group_offsets({self.group: places})[self.group]
                    committed = {at.partition: max(0, int(p.offset)) for at, p in told.items()}
                    by_partition = {at.partition: int(end) for at, end in ends.items()}
                    self.looks.append(Look(time.monotonic(), by_partition, committed))
            finally:
                admin.close()
        finally:
            consumer.close(autocommit=False)


def differences(found: Messages, wanted: Messages) -> dict[str, Sequence[int]]:
    """Count, of streams whose alarms are not as wanted: lost, doubled, other.

    Examples
    --------
    >>> differences({"a": [b"1", b"1"], "b": [b"x"]}, {"a": [b"1", b"2"], "b": [b"x"]})
    {'a': (1, 1, 0)}
    """
    wrong: dict[str, Sequence[int]] = {}
    for stream_id in found.keys() | wanted.keys():
        here, there = found.get(stream_id, []), wanted.get(stream_id, [])
        if here != there:
            n_lost = len(set(there) - set(here))
            n_doubled = len(here) - len(set(here))
            wrong[stream_id] = (n_lost, n_doubled, len(set(here) - set(there)))
    return wrong
