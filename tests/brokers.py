"""Apache Kafka for tests: one node for the whole run, topics that nobody else uses."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One running node of Kafka; skips where Java or Maven is missing (in CI that fails)."""
    from deploy.kafka.cluster import KafkaCluster
    from deploy.kafka.jars import why_not

    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with KafkaCluster(tmp_path_factory.mktemp("kafka") / "cluster") as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def no_long_pauses(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep what other tests left on the heap out of garbage collection while Kafka is at work.

    A process that has run the training tests pauses for most of a second at each
    full collection; no worker has such a heap, and group members that share the
    process time out.
    """
    if request.node.get_closest_marker("kafka") is None:
        yield
        return
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def fresh_topic(
    cluster: KafkaCluster,
    n_partitions: int = 1,
    kind: str = "frames",
    config: Mapping[str, str] | None = None,
) -> str:
    """Make a topic of its own for one test; return its ``kafka://`` address."""
    name = f"test.{kind}.{next(_numbers)}"
    cluster.create_topic(name, n_partitions, config)
    return cluster.url(name)


def read_messages(url: str, n_messages: int, timeout_s: float = 60.0) -> list[tuple[str, bytes]]:
    """Read a topic from its start until it has given so many committed messages, or time is up.

    Returns
    -------
    list of (str, bytes)
        Keys and values, partition after partition as they came.
    """
    import time

    from kafka import KafkaConsumer, TopicPartition

    from ingest.kafka_url import KafkaUrl

    address = KafkaUrl.parse(url)
    consumer = KafkaConsumer(  # no group: one that joins before it knows the topic gets nothing
        bootstrap_servers=list(address.servers),
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    numbers = sorted(consumer.partitions_for_topic(address.topic) or ())
    consumer.assign([TopicPartition(address.topic, number) for number in numbers])
    messages: list[tuple[str, bytes]] = []
    deadline = time.monotonic() + timeout_s
    try:
        while len(messages) < n_messages and time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=200).values():
                messages += [((r.key or b"").decode(), r.value) for r in records]
    finally:
        consumer.close(autocommit=False)
    return messages
