"""kafka-python's consumer as Vigil wants it: its settings and its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from ingest.errors import InputError
from ingest.kafka_membership import Membership
from ingest.kafka_url import BrokerError, KafkaUrl, wait_for_server

CONSUMER_DEFAULTS: Mapping[str, Any] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "isolation_level": "read_committed",
    "allow_auto_create_topics": False,
    "bootstrap_timeout_ms": 10_000,
    # Answer as soon as there is a record; under load a fetch fills up by itself.
    "fetch_min_bytes": 1,
    "fetch_max_wait_ms": 250,
    "max_partition_fetch_bytes": 4 << 20,
    # What is fetched ahead of the scoring is bounded by this for each broker, as sent.
    "fetch_max_bytes": 16 << 20,
    "max_poll_records": 500,
    # A member that hangs holds up a rebalance for as long as it may take between polls.
    "max_poll_interval_ms": 60_000,
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 3_000,
}
"""Settings of kafka-python's consumer that differ from its own."""


def connect(
    url: KafkaUrl,
    group: str,
    instance_id: str | None,
    options: Mapping[str, Any],
    membership: Membership,
) -> KafkaConsumer:
    """Return a consumer that reached a broker which has the topic, and is to join the group."""
    settings = {**CONSUMER_DEFAULTS, **options}
    wait_for_server(url.servers, settings["bootstrap_timeout_ms"] / 1000, settings)
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=list(url.servers),
            group_id=group,
            group_instance_id=instance_id,
            partition_assignment_strategy=[membership.assignor],
            **settings,
        )
    except KafkaError as error:
        raise BrokerError(f"no Kafka answers at {', '.join(url.servers)}: {error!r}") from error
    if not consumer.partitions_for_topic(url.topic):
        consumer.close(autocommit=False)
        raise InputError(f"there is no topic {url.topic!r} at {', '.join(url.servers)}")
    membership.follow(consumer)
    consumer.subscribe([url.topic], listener=membership)
    return consumer
