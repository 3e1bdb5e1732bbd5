"""All that stands on a topic at a moment, read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from ingest.kafka_url import KafkaUrl

POLL_MS = 500
"""Longest wait of one poll, ms."""


def standing(address: KafkaUrl, options: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """Yield the committed records of a topic that are there now, of each partition in order.

    Parameters
    ----------
    address : KafkaUrl
        The topic.
    options : mapping, optional
        Settings of kafka-python's consumer, such as TLS and SASL.
    """
    consumer = KafkaConsumer(
        bootstrap_servers=list(address.servers),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        **(options or {}),
    )
    try:
        numbers = sorted(consumer.partitions_for_topic(address.topic) or ())
        places = [TopicPartition(address.topic, number) for number in numbers]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < ends[place] for place in places):
            for place, records in consumer.poll(timeout_ms=POLL_MS).items():
                yield from (record for record in records if record.offset < ends[place])
    finally:
        consumer.close(autocommit=False)
