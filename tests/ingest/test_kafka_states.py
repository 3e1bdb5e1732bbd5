"""States on a compacted topic: what is settled is found, what is not is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.errors import InputError
from ingest.kafka_sink import KafkaSink
from ingest.kafka_states import N_KEPT, PART_BYTES, KafkaStates, joined, split
from tests.brokers import fresh_topic

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

COMPACT = {"cleanup.policy": "compact"}


def test_a_state_of_many_parts_is_whole_or_nothing() -> None:
    value = bytes(range(256)) * (PART_BYTES // 100)
    parts = split(value)
    assert len(parts) == 3
    assert max(map(len, parts)) < PART_BYTES + 100
    assert joined({i: [part] for i, part in enumerate(parts)}) == [value]
    assert joined({0: [parts[0]], 2: [parts[2]]}) == [b""]
    other = split(value[::-1])
    # The second part was already replaced: only the older state still has all of its own.
    mixed = {0: [other[0], parts[0]], 1: [parts[1]], 2: [other[2], parts[2]]}
    assert joined(mixed) == [b"", value]


def test_what_is_no_part_of_a_state_is_an_empty_one() -> None:
    assert joined({0: [b"short"]}) == [b""]
    assert joined({1: [b"alone"]}) == [b""]


@pytest.mark.kafka
def test_settled_states_are_found_newest_first_and_ended_ones_are_gone(
    kafka_cluster: KafkaCluster,
) -> None:
    url = fresh_topic(kafka_cluster, 2, "states", COMPACT)
    sink = KafkaSink(fresh_topic(kafka_cluster, kind="alarms"), transactional_id="states-1")
    states = KafkaStates(url, "g", sink)
    large = bytes(range(251)) * (3 * PART_BYTES // 251)
    for version in (b"1", b"2", b"3"):
        states.write(0, "bed-1", b"a" + version)
        states.write(0, "bed-2", large + version)
        states.write(1, "bed-3", b"c" + version)
        sink.flush()
    states.write(0, "gone", b"x")
    sink.flush()
    states.write(0, "gone", None)
    sink.flush()

    found = states.load(0)

    assert found == {"bed-1": [b"a3", b"a2"], "bed-2": [large + b"3", large + b"2"]}
    assert len(found["bed-1"]) == N_KEPT
    assert states.load(1) == {"bed-3": [b"c3", b"c2"]}
    # More partitions of frames than of states share those there are.
    states.write(2, "bed-9", b"z")
    sink.flush()
    assert states.load(2) == {"bed-9": [b"z"]}
    assert states.load(0) == found
    states.close()
    sink.close()


@pytest.mark.kafka
def test_a_state_that_became_smaller_leaves_no_part_behind(kafka_cluster: KafkaCluster) -> None:
    url = fresh_topic(kafka_cluster, 1, "states", COMPACT)
    sink = KafkaSink(fresh_topic(kafka_cluster, kind="alarms"), transactional_id="states-2")
    states = KafkaStates(url, "g", sink)
    states.write(0, "bed", bytes(2 * PART_BYTES))
    sink.flush()
    other = KafkaStates(url, "g", sink)  # of a worker that takes over, and knows of the parts
    other.load(0)
    other.write(0, "bed", b"small")
    sink.flush()

    assert other.load(0)["bed"][0] == b"small"
    other.write(0, "bed", None)
    sink.flush()
    assert other.load(0) == {}
    for each in (states, other, sink):
        each.close()


@pytest.mark.kafka
def test_what_was_not_settled_is_not_found(kafka_cluster: KafkaCluster) -> None:
    url = fresh_topic(kafka_cluster, 1, "states", COMPACT)
    alarms = fresh_topic(kafka_cluster, kind="alarms")
    sink = KafkaSink(alarms, transactional_id="states-3")
    states = KafkaStates(url, "g", sink)
    states.write(0, "bed", b"settled")
    sink.flush()
    states.write(0, "bed", b"on its way when the worker died")
    sink._producer.flush()
    successor = KafkaSink(alarms, transactional_id="states-3")  # gives the open transaction up

    others = [KafkaStates(url, group, successor) for group in ("g", "another group")]
    assert [each.load(0) for each in others] == [{"bed": [b"settled"]}, {}]
    for each in (states, *others):
        each.close()
    successor.close()
    sink._producer.close(timeout=0)


@pytest.mark.kafka
def test_states_must_be_on_the_alarms_kafka_on_a_topic_that_is_there(
    kafka_cluster: KafkaCluster,
) -> None:
    sink = KafkaSink(fresh_topic(kafka_cluster, kind="alarms"), transactional_id="states-4")
    with pytest.raises(InputError, match="not on the Kafka"):
        KafkaStates("kafka://127.0.0.1:1/states", "g", sink)
    with pytest.raises(InputError, match=r"no topic 'not\.there'"):
        KafkaStates(kafka_cluster.url("not.there"), "g", sink)
    sink.close()
