"""The same through a real Kafka: consumed, scored, published and committed in transactions."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from deploy.kafka.cluster import KafkaCluster
from deploy.kafka.jars import why_not
from deploy.services.bench.figure import Figure, Sample, beside
from deploy.services.bench.workload import Ward
from inference.gathering import Budget
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.kafka import CONSUMER_DEFAULTS, KafkaSink, KafkaSource
from ingest.recording import Recording

N_STREAMS = 1024
"""Streams of the ward."""
SIGNAL_S = 40
"""Signal of each, s."""
GIVE_UP_S = 120.0
"""Longest time for one run, s."""


def through_kafka(recordings: Sequence[Recording], own: Sample) -> Iterator[Figure]:
    """Measure the client alone and the worker, beside the engine without a broker.

    Yields nothing where there is no Java or Maven to run Kafka with.
    """
    if why_not() is not None:
        return
    ward = Ward(recordings, N_STREAMS)
    signal_s = N_STREAMS * SIGNAL_S
    unit, peer = "patients in real time a core", "messages to alarms without a broker"
    with tempfile.TemporaryDirectory() as folder, KafkaCluster(Path(folder) / "kafka") as cluster:
        for topic in ("frames", "alarms", "dead"):
            cluster.create_topic(topic, 1)
        n_messages = _produce(cluster.url("frames"), ward)
        found = {
            "kafka-python alone, nothing decoded": _client(cluster, n_messages),
            "through Kafka, in transactions": _worker(cluster, signal_s),
        }
        if importlib.util.find_spec("confluent_kafka"):
            found["confluent-kafka alone, nothing decoded"] = _confluent(cluster, n_messages)
        if importlib.util.find_spec("aiokafka"):
            found["aiokafka alone, nothing decoded"] = asyncio.run(_aiokafka(cluster, n_messages))
    for name, (cpu_s, wall_s) in found.items():
        yield beside(name, Sample(signal_s / cpu_s, 0.0), unit, peer, own)
        wall = Sample(signal_s / wall_s, 0.0)
        yield beside(f"{name}, by the clock", wall, "patients in real time", peer, own)


def _produce(url: str, ward: Ward) -> int:
    """Write the ward's messages; return how many."""
    sink, n_messages = KafkaSink(url), 0
    for step in range(SIGNAL_S):
        for gateway, message in enumerate(ward.messages(step)):
            sink.write(f"gateway-{gateway}", message)
            n_messages += 1
        sink.flush()
    sink.close()
    return n_messages


def _timed(step: Callable[[], float], whole: float) -> tuple[float, float]:
    """Go on until steps have done the whole; the first, which connects, is not counted.

    Returns
    -------
    cpu_s, wall_s : float
        Processor and clock time of the whole, s.
    """
    before = step()
    cpu_s, begun_s = time.process_time(), time.perf_counter()
    while (done := step()) < whole:
        if time.perf_counter() - begun_s > GIVE_UP_S:
            raise TimeoutError(f"not through in {GIVE_UP_S:.0f} s")
    share = (done - before) / whole
    if share <= 0:
        raise TimeoutError("all was done in the first step: there is nothing to time")
    return (time.process_time() - cpu_s) / share, (time.perf_counter() - begun_s) / share


def _client(cluster: KafkaCluster, n_messages: int) -> tuple[float, float]:
    """Read all messages and do nothing with them."""
    consumer = KafkaConsumer(
        bootstrap_servers=cluster.bootstrap, group_id=None, **CONSUMER_DEFAULTS
    )
    consumer.assign([TopicPartition("frames", 0)])
    consumer.seek_to_beginning()
    n_read = 0

    def step() -> float:
        nonlocal n_read
        n_read += sum(len(found) for found in consumer.poll(timeout_ms=500).values())
        return n_read

    try:
        return _timed(step, n_messages)
    finally:
        consumer.close(autocommit=False)


def _confluent(cluster: KafkaCluster, n_messages: int) -> tuple[float, float]:
    """Read all messages by librdkafka, and do nothing with them."""
    confluent = importlib.import_module("confluent_kafka")
    settings = {"bootstrap.servers": cluster.bootstrap, "group.id": "bench-client"}
    consumer = confluent.Consumer({**settings, "enable.auto.commit": False})
    consumer.assign([confluent.TopicPartition("frames", 0, 0)])
    n_read = 0

    def step() -> float:
        nonlocal n_read
        n_read += len(consumer.consume(500, 0.5))
        return n_read

    try:
        return _timed(step, n_messages)
    finally:
        consumer.close()


async def _aiokafka(cluster: KafkaCluster, n_messages: int) -> tuple[float, float]:
    """Read all messages by aiokafka, and do nothing with them."""
    aiokafka = importlib.import_module("aiokafka")
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap, auto_offset_reset="earliest"
    )
    consumer.assign([aiokafka.TopicPartition("frames", 0)])
    await consumer.start()
    try:
        await consumer.seek_to_beginning()
        first = await consumer.getmany(timeout_ms=5000)
        n_first = n_read = sum(len(records) for records in first.values())
        cpu_s, begun_s = time.process_time(), time.perf_counter()
        while n_read < n_messages and time.perf_counter() - begun_s < GIVE_UP_S:
            found = await consumer.getmany(timeout_ms=500)
            n_read += sum(len(records) for records in found.values())
    finally:
        await consumer.stop()
    share = (n_read - n_first) / n_messages
    return (time.process_time() - cpu_s) / share, (time.perf_counter() - begun_s) / share


def _worker(cluster: KafkaCluster, signal_s: float) -> tuple[float, float]:
    """Run a worker over all messages."""
    source = KafkaSource(cluster.url("frames"), "bench")
    alarms = KafkaSink(cluster.url("alarms"), transactional_id="bench")
    registry = CollectorRegistry()
    worker = Worker(
        source,
        Sinks(alarms, KafkaSink(cluster.url("dead"))),
        Pipeline(),
        Metrics(registry),
        settle=lambda: alarms.flush_with(source),
        budget=Budget(0.05),
    )

    def step() -> float:
        worker.turn(0.5)
        return registry.get_sample_value("vigil_frames_total") or 0.0

    try:
        return _timed(step, signal_s)
    finally:
        worker.close()
