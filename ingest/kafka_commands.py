"""Messages of a small topic that every worker hears in full, from now on: people's commands.

No group and no offsets: a command is for now, and one that was given while
nobody listened is not done late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from ingest.kafka_url import BrokerError, KafkaUrl, wait_for_server

TIMEOUT_S = 10.0
"""How long the brokers may take to answer at the start, s."""
MOST_MESSAGES = 1_000
"""Most messages of one poll."""


class Message(bytes):
    """The bytes of one message, which know where they stood."""

    partition_number: int = -1
    """Partition."""
    offset: int = -1
    """Offset."""
    key: bytes = b""
    """Key."""

    @classmethod
    def of(cls, record: Any) -> Message:
        """Make it of kafka-python's record."""
        made = cls(record.value or b"")
        made.partition_number, made.offset = record.partition, record.offset
        made.key = record.key or b""
        return made


class CommandReader:
    """Reads a topic from its end on.

    Parameters
    ----------
    url : str
        ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``.
    options : mapping, optional
        Settings of kafka-python's consumer, such as TLS and SASL.

    Raises
    ------
    InputError
        If the address is malformed.
    BrokerError
        If no broker answers.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        address = KafkaUrl.parse(url)
        wait_for_server(address.servers, TIMEOUT_S, options)
        try:
            self._consumer: Any = KafkaConsumer(
                bootstrap_servers=list(address.servers),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="latest",
                isolation_level="read_committed",
                allow_auto_create_topics=False,
                max_poll_records=MOST_MESSAGES,
                **(options or {}),
            )
            numbers = self._consumer.partitions_for_topic(address.topic) or {0}
            partitions = [TopicPartition(address.topic, number) for number in sorted(numbers)]
            self._consumer.assign(partitions)
            self._consumer.seek_to_end(*partitions)
            for partition in partitions:  # the end is looked up only when it is asked for
                self._consumer.position(partition)
        except KafkaError as error:
            raise BrokerError(f"cannot read {address}: {error!r}") from error

    def poll(self) -> list[Message]:
        """Return what has come since, without waiting.

        Raises
        ------
        BrokerError
            If Kafka failed for good.
        """
        try:
            found = self._consumer.poll(timeout_ms=0)
        except KafkaError as error:
            raise BrokerError(f"cannot read commands: {error!r}") from error
        return [Message.of(record) for records in found.values() for record in records]

    def close(self) -> None:
        """Let the connections go."""
        self._consumer.close(autocommit=False)
