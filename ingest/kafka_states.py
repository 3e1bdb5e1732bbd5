"""States of streams on a compacted topic of Kafka.

A state of partition ``p`` of the frames goes to partition ``p`` of the states' topic (modulo
its number), under a key of group, partition, part and stream: compaction keeps the last of
each. One above :data:`PART_BYTES` is split into parts, which belong together by a tag. What is
written goes through the producer of the alarms, in its transactions, so that a state counts
with the offset that it is of, or not at all.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from ingest.errors import InputError
from ingest.kafka_sink import KafkaSink
from ingest.kafka_url import BrokerError, KafkaUrl, wait_for_server

PART_BYTES = 512 << 10
"""Largest part of a state in one message, bytes: brokers take a MiB by default."""
TIMEOUT_S = 30.0
"""How long reading one partition may take without an answer, s."""
TAG_BYTES = 8
"""Length of the tag that parts of one state share."""
N_KEPT = 2
"""Values of a key that are kept while reading, the newest and those before."""

_HEAD_BYTES = TAG_BYTES + 4


class KafkaStates:
    """Log of states over one topic.

    Parameters
    ----------
    url : str
        ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``; the topic should be compacted.
    group : str
        Consumer group of the frames: several may share the topic.
    sink : KafkaSink
        Where alarms go: states are written in its transactions.
    options : mapping, optional
        Settings of kafka-python's consumer, such as TLS and SASL.

    Raises
    ------
    InputError
        If the address is malformed, on another Kafka, or there is no such topic.
    BrokerError
        If no broker answers.
    """

    def __init__(
        self, url: str, group: str, sink: KafkaSink, options: Mapping[str, Any] | None = None
    ) -> None:
        self._url, self._group, self._sink = KafkaUrl.parse(url), group, sink
        sink.beside(url)  # refuses another Kafka
        self._options = dict(options or {})
        self._n_parts: dict[tuple[int, str], int] = {}
        self._consumers: dict[str, Any] = {}
        found = self._consumer("read_uncommitted").partitions_for_topic(self._url.topic)
        self._n_partitions = len(found or ())
        if not self._n_partitions:
            self.close()
            raise InputError(f"there is no topic {self._url.topic!r} for states")

    def write(self, partition: int, key: str, value: bytes | None) -> None:
        """Queue a state, or with None its end; durable with the alarms, or not at all."""
        parts = [] if value is None else split(value)
        for i in range(max(len(parts), self._n_parts.get((partition, key), 1))):
            self._sink.write_to(
                self._url.topic,
                f"{self._group}\0{partition}\0{i}\0{key}",
                parts[i] if i < len(parts) else None,
                partition % self._n_partitions,
            )
        if value is None:
            self._n_parts.pop((partition, key), None)
        elif len(parts) > 1 or (partition, key) in self._n_parts:
            self._n_parts[partition, key] = len(parts)

    def load(self, partition: int) -> Mapping[str, Sequence[bytes]]:
        """Return by key its states, the newest first, two at most.

        Reads to the end that the brokers tell now, transactions that are still open there
        included: it waits for these to be settled or given up.

        Raises
        ------
        BrokerError
            If that cannot be read in time.
        """
        found: dict[str, dict[int, list[bytes]]] = {}
        try:
            for key, value in self._read(
                TopicPartition(self._url.topic, partition % self._n_partitions)
            ):
                group, of, number, name = key.decode().split("\0", 3)
                if group != self._group or int(of) != partition:
                    continue
                parts = found.setdefault(name, {})
                if value is None:
                    parts.pop(int(number), None)
                else:
                    parts[int(number)] = [value, *parts.get(int(number), [])][:N_KEPT]
        except KafkaError as error:
            raise BrokerError(f"cannot read {self._url}: {error!r}") from error
        for name, parts in found.items():
            if len(parts) > 1:
                self._n_parts[partition, name] = 1 + max(parts)
        return {name: joined(parts) for name, parts in found.items() if parts}

    def close(self) -> None:
        """Let the connections go."""
        for consumer in self._consumers.values():
            consumer.close(autocommit=False)
        self._consumers.clear()

    def _read(self, at: Any) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield keys and values of all that is committed, in order."""
        whole = self._consumer("read_uncommitted")
        end = whole.end_offsets([at], timeout_ms=round(TIMEOUT_S * 1000))[at]
        consumer = self._consumer("read_committed")
        consumer.assign([at])
        consumer.seek_to_beginning(at)
        give_up_s = time.monotonic() + TIMEOUT_S
        while (consumer.position(at, timeout_ms=1000) or 0) < end:
            records = consumer.poll(timeout_ms=200).get(at, [])
            for record in records:
                yield record.key, record.value
            if records:
                give_up_s = time.monotonic() + TIMEOUT_S
            elif time.monotonic() >= give_up_s:
                raise BrokerError(f"{self._url} was not read to its end in {TIMEOUT_S:.0f} s")

    def _consumer(self, isolation_level: str) -> Any:
        """Return the consumer of a level; made once, since connecting takes longer than reading."""
        if isolation_level not in self._consumers:
            self._consumers[isolation_level] = self._connect(isolation_level)
        return self._consumers[isolation_level]

    def _connect(self, isolation_level: str) -> Any:
        wait_for_server(self._url.servers, TIMEOUT_S, self._options)
        try:
            return KafkaConsumer(
                bootstrap_servers=list(self._url.servers),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level=isolation_level,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=round(TIMEOUT_S * 1000),
                **self._options,
            )
        except KafkaError as error:
            raise BrokerError(f"no Kafka answers at {self._url}: {error!r}") from error


def split(value: bytes) -> list[bytes]:
    """Split a state into messages: a tag, the number of parts, and the part.

    Examples
    --------
    >>> parts = split(bytes(PART_BYTES + 1))
    >>> [len(part) - 12 for part in parts] == [PART_BYTES, 1]
    True
    >>> joined({0: [parts[0]], 1: [parts[1]]}) == [bytes(PART_BYTES + 1)]
    True
    """
    tag = hashlib.blake2b(value, digest_size=TAG_BYTES).digest()
    bodies = [value[i : i + PART_BYTES] for i in range(0, len(value), PART_BYTES)] or [b""]
    return [tag + len(bodies).to_bytes(4, "big") + body for body in bodies]


def joined(parts: Mapping[int, Sequence[bytes]]) -> list[bytes]:
    """Join states from the messages of each part, the newest first.

    One of which a part is missing is empty, which is a state of nobody.
    """
    found = []
    for first in parts.get(0, [b""]):
        tag, n_parts = first[:TAG_BYTES], int.from_bytes(first[TAG_BYTES:_HEAD_BYTES], "big")
        whole = [
            next((m[_HEAD_BYTES:] for m in parts.get(i, ()) if m[:TAG_BYTES] == tag), None)
            for i in range(n_parts)
        ]
        found.append(
            b"".join(body for body in whole if body is not None) if None not in whole else b""
        )
    return found
