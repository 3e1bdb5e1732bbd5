from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from ingest.kafka import CommitRefusedError, KafkaSink, KafkaSource
from ingest.state_log import Committed
from tests.brokers import fresh_topic, read_messages
from tests.ingest.test_kafka import until

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster


@dataclass
class Offered:
    """Offsets to commit, as a source tells them."""

    group_metadata: Any
    offsets: Mapping[int, int]
    topic: str

    def offsets_to_commit(self) -> dict[Any, Any]:
        return {
            TopicPartition(self.topic, partition): OffsetAndMetadata(offset, "note", -1)
            for partition, offset in self.offsets.items()
        }


@pytest.fixture
def member(kafka_cluster: KafkaCluster) -> Iterator[KafkaSource]:
    """The one member of a group, of a topic with two partitions."""
    source = KafkaSource(fresh_topic(kafka_cluster, 2), f"group-{uuid.uuid4()}")
    while len(source.assigned) < 2:
        source.poll(0.1)
    yield source
    source.close()


@pytest.mark.kafka
def test_offsets_that_were_refused_are_not_committed_with_later_ones(
    kafka_cluster: KafkaCluster, member: KafkaSource
) -> None:
    url = fresh_topic(kafka_cluster, kind="alarms")
    sink = KafkaSink(url, transactional_id=f"worker-{uuid.uuid4()}")
    now = member.group_metadata
    sink.write("bed-1", b"of a partition that goes")

    with pytest.raises(CommitRefusedError):
        sink.flush_with(
            Offered(now._replace(generation_id=now.generation_id - 1), {0: 7}, member.topic)
        )
    sink.write("bed-2", b"of one that stays")
    sink.flush_with(Offered(now, {1: 3}, member.topic))

    assert member.committed(0) is None
    assert member.committed(1) == Committed(3, "note")
    assert read_messages(url, 2, timeout_s=5) == [("bed-2", b"of one that stays")]
    sink.close()


@pytest.mark.kafka
def test_what_is_still_under_way_of_a_connection_that_was_lost_ends_no_later_transaction(
    kafka_cluster: KafkaCluster,
) -> None:
    url = fresh_topic(kafka_cluster, kind="alarms")
    sink = KafkaSink(url, transactional_id=f"worker-{uuid.uuid4()}")
    sink.write("bed-1", b"one")
    sink.flush()
    late = sink._producer._transaction_manager.producer_id_and_epoch
    sink.write("bed-1", b"two")
    sink.flush()
    assert sink._producer._transaction_manager.producer_id_and_epoch == late  # nothing was lost

    for connection in list(sink._producer._sender._client._manager._conns.values()):
        connection.transport._sock.shutdown(socket.SHUT_RDWR)
    assert until(lambda: sink._lost.measure(None, 0) > 0)
    sink.write("bed-1", b"three")

    assert sink._producer._transaction_manager.producer_id_and_epoch.epoch == late.epoch + 1
    sink.flush()
    assert [message for _, message in read_messages(url, 3)] == [b"one", b"two", b"three"]
    sink.close()
