from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from ingest.codec import encode
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.kafka import BrokerError, CommitRefusedError, KafkaSink, KafkaSource, KafkaUrl
from ingest.source import DeadLetter
from ingest.state_log import Committed
from tests.brokers import fresh_topic, read_messages
from tests.ingest.synthetic import cut, frame, same_frame

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

QUICK = {"session_timeout_ms": 10_000, "heartbeat_interval_ms": 500}


@pytest.mark.parametrize(
    "url",
    [
        "localhost:9092/topic",
        "kafka://localhost/topic",
        "kafka://localhost:9092",
        "kafka://localhost:9092/",
        "kafka://localhost:9092/a b",
        "kafka://localhost:port/topic",
        "kafka://a:1,,b:2/topic",
        "http://localhost:9092/topic",
    ],
)
def test_malformed_addresses_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="kafka://HOST:PORT"):
        KafkaUrl.parse(url)


def test_addresses_are_read_and_written() -> None:
    text = "kafka://one:9092,[::1]:9093/ecg.frames"

    assert str(KafkaUrl.parse(text)) == text


def test_a_broker_that_does_not_answer_is_told() -> None:
    with pytest.raises(BrokerError, match="no Kafka answers"):
        KafkaSource("kafka://127.0.0.1:1/ecg.frames", "g", options={"bootstrap_timeout_ms": 300})


def produce(url: str, messages: list[tuple[str, bytes]]) -> None:
    sink = KafkaSink(url)
    for key, value in messages:
        sink.write(key, value)
    sink.close()


def drain(
    source: KafkaSource, n_messages: int, timeout_s: float = 20.0
) -> tuple[list[Frame], list[DeadLetter]]:
    """Poll until so many frames and dead letters came."""
    frames: list[Frame] = []
    dead: list[DeadLetter] = []
    deadline = time.monotonic() + timeout_s
    while len(frames) + len(dead) < n_messages and time.monotonic() < deadline:
        batch = source.poll(0.2)
        frames += batch.frames
        dead += batch.dead
    return frames, dead


class Member:
    """A member of a group that polls and commits on a thread of its own, as a worker does."""

    def __init__(self, url: str, name: str, **keywords: object) -> None:
        self.gone: list[int] = []
        self.heard: list[str] = []
        self.source = KafkaSource(
            url,
            name,
            on_revoked=self.gone.extend,
            options=QUICK,
            **keywords,  # type: ignore[arg-type]
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self._stop.is_set():
            self.heard += [f.stream_id for f in self.source.poll(0.05).frames]
            time.sleep(0.02)  # work
            with contextlib.suppress(CommitRefusedError):
                self.source.commit()
        self.source.close()

    def leave(self) -> None:
        self._stop.set()
        self._thread.join()


def until(condition: Callable[[], bool], timeout_s: float = 150.0) -> bool:
    """Wait until a condition holds; False if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def group() -> str:
    return f"group-{uuid.uuid4()}"


@pytest.mark.kafka
def test_frames_come_back_in_order_and_as_they_were(kafka_cluster: KafkaCluster) -> None:
    url = fresh_topic(kafka_cluster)
    sent = cut([0, 50, 100, 150])
    produce(url, [("bed-1", encode([f])) for f in sent])
    source = KafkaSource(url, group())

    frames, dead = drain(source, 3)

    assert len(frames) == 3
    assert all(map(same_frame, sent, frames))
    assert not dead
    assert (source.joined, source.assigned, source.lag_records) == (True, (0,), 0)
    source.close()


@pytest.mark.kafka
def test_only_what_was_committed_is_not_heard_again(kafka_cluster: KafkaCluster) -> None:
    url, name = fresh_topic(kafka_cluster), group()
    sink = KafkaSink(url)
    source = KafkaSource(url, name)
    for first in (0, 50):
        sink.write("bed-1", encode([frame(first, first + 50)]))
        sink.flush()
        drain(source, 1)
        if first == 0:
            source.commit()
            assert source.committed(0) == Committed(1)
    source.close()

    resumed = KafkaSource(url, name)
    again, _ = drain(resumed, 1)

    assert [f.first_sample for f in again] == [50]
    resumed.close()
    sink.close()


@pytest.mark.kafka
def test_what_cannot_be_read_becomes_a_dead_letter_with_its_place_and_bytes(
    kafka_cluster: KafkaCluster,
) -> None:
    url = fresh_topic(kafka_cluster)
    produce(url, [("k", encode([frame(0, 5)])), ("k", b"junk"), ("k", encode([frame(5, 9)]))])
    source = KafkaSource(url, group())

    frames, dead = drain(source, 3)

    assert [f.first_sample for f in frames] == [0, 5]
    assert [(d.payload, d.reason, d.partition, d.offset) for d in dead] == [
        (b"junk", "not-protobuf", 0, 1)
    ]
    assert dead[0].topic == source.topic
    source.close()


@pytest.mark.kafka
def test_seeking_in_the_hook_comes_before_the_first_frame(kafka_cluster: KafkaCluster) -> None:
    url, name = fresh_topic(kafka_cluster), group()
    produce(url, [("bed-1", encode([f])) for f in cut([0, 50, 100, 150])])
    first = KafkaSource(url, name)
    drain(first, 3)
    first.commit()
    first.close()
    sources: list[KafkaSource] = []

    def rewind(partitions: object) -> None:
        assert partitions == [0]
        sources[0].seek(0, 1)

    sources.append(KafkaSource(url, name, on_assigned=rewind))

    assert [f.first_sample for f in drain(sources[0], 2)[0]] == [50, 100]
    sources[0].close()


@pytest.mark.kafka
def test_lag_is_told_in_records_and_seconds(kafka_cluster: KafkaCluster) -> None:
    url = fresh_topic(kafka_cluster)
    produce(url, [("bed-1", encode([f])) for f in cut([0, 50, 100, 150])])
    source = KafkaSource(
        url, group(), options={"max_poll_records": 1}, wall_clock=lambda: time.time() + 100
    )

    drain(source, 1)

    assert source.lag_records == 2
    assert 100 <= source.lag_s < 160
    source.close()


@pytest.fixture
def members() -> Iterator[list[Member]]:
    """Members that leave when the test is over."""
    made: list[Member] = []
    yield made
    for member in made:
        member.leave()


def publish_to_all(url: str, n_streams: int = 30) -> set[str]:
    names = {f"bed-{i}" for i in range(n_streams)}
    produce(url, [(name, encode([frame(0, 5, stream_id=name)])) for name in sorted(names)])
    return names


@pytest.mark.kafka
def test_two_members_share_the_partitions_and_nothing_is_lost(
    kafka_cluster: KafkaCluster, members: list[Member]
) -> None:
    url, name = fresh_topic(kafka_cluster, n_partitions=6), group()
    members.append(one := Member(url, name))
    assert until(lambda: len(one.source.assigned) == 6)
    members.append(other := Member(url, name))

    assert until(lambda: (len(one.source.assigned), len(other.source.assigned)) == (3, 3))
    assert sorted({*one.source.assigned, *other.source.assigned}) == list(range(6))
    assert sorted(one.gone) == sorted(other.source.assigned)  # only those that moved went

    streams = publish_to_all(url)
    assert until(lambda: {*one.heard, *other.heard} == streams)
    assert one.heard
    assert other.heard


@pytest.mark.kafka
def test_a_member_that_leaves_is_taken_over_from(
    kafka_cluster: KafkaCluster, members: list[Member]
) -> None:
    url, name = fresh_topic(kafka_cluster, n_partitions=6), group()
    members += [Member(url, name), Member(url, name)]
    assert until(lambda: all(len(m.source.assigned) == 3 for m in members))

    members.pop().leave()

    assert until(lambda: len(members[0].source.assigned) == 6)
    streams = publish_to_all(url)
    assert until(lambda: {*members[0].heard} == streams)


@pytest.mark.kafka
def test_a_static_member_that_comes_back_has_its_partitions_at_once(
    kafka_cluster: KafkaCluster, members: list[Member]
) -> None:
    url, name = fresh_topic(kafka_cluster, n_partitions=4), group()
    members += [Member(url, name, instance_id="a"), Member(url, name, instance_id="b")]
    assert until(lambda: all(len(m.source.assigned) == 2 for m in members))
    leaves = members.pop()
    before = leaves.source.assigned
    members[0].gone.clear()
    leaves.leave()

    members.append(back := Member(url, name, instance_id="b"))

    assert until(lambda: back.source.assigned == before)
    assert members[0].gone == []


@pytest.mark.kafka
def test_a_topic_that_is_not_there_is_bad_input(kafka_cluster: KafkaCluster) -> None:
    with pytest.raises(InputError, match="no topic"):
        KafkaSource(kafka_cluster.url("nothing.here"), group())
    with pytest.raises(InputError):
        KafkaSink(kafka_cluster.url("nothing.here"), options={"max_block_ms": 500})


@pytest.mark.kafka
def test_a_message_that_is_too_large_is_bad_input(kafka_cluster: KafkaCluster) -> None:
    sink = KafkaSink(fresh_topic(kafka_cluster))

    with pytest.raises(InputError, match="bytes"):
        sink.write("k", bytes(2 << 20))
    sink.close()


@pytest.mark.kafka
def test_flush_raises_if_anything_failed(kafka_cluster: KafkaCluster) -> None:
    url = kafka_cluster.url("test.small-messages")
    kafka_cluster.create_topic("test.small-messages", config={"max.message.bytes": "1000"})
    sink = KafkaSink(url)
    sink.write("k", b"small enough")
    sink.write("k", bytes(range(256)) * 40 + uuid.uuid4().bytes * 300)
    sink.write("k", b"".join(uuid.uuid4().bytes for _ in range(1000)))  # does not compress

    with pytest.raises(BrokerError):
        sink.flush()
    sink.close()


@pytest.mark.kafka
def test_messages_and_offsets_count_together_or_not_at_all(kafka_cluster: KafkaCluster) -> None:
    frames_url, name = fresh_topic(kafka_cluster), group()
    alarms_url = fresh_topic(kafka_cluster, kind="alarms")
    produce(frames_url, [("bed-1", encode([f])) for f in cut([0, 50, 100])])
    source = KafkaSource(frames_url, name)
    drain(source, 2)
    crashed = KafkaSink(alarms_url, transactional_id="worker-1")
    crashed.write("bed-1", b"never committed")

    sink = KafkaSink(alarms_url, transactional_id="worker-1")  # fences the crashed one
    sink.write("bed-1", b"alarm")
    sink.flush_with(source)

    assert source.committed(0) == Committed(2)
    assert read_messages(alarms_url, 2, timeout_s=5) == [("bed-1", b"alarm")]
    with pytest.raises(BrokerError):
        crashed.flush()
    crashed.close()
    sink.close()
    source.close()


@pytest.mark.kafka
def test_flush_with_needs_a_transaction(kafka_cluster: KafkaCluster) -> None:
    url = fresh_topic(kafka_cluster)
    sink, source = KafkaSink(url), KafkaSource(url, group())

    with pytest.raises(InputError, match="transactional_id"):
        sink.flush_with(source)
    sink.close()
    source.close()


def share(one: KafkaSource, other: KafkaSource) -> None:
    """Poll two members by turns until each has a partition."""
    deadline = time.monotonic() + 120
    while not (one.assigned and other.assigned):
        one.poll(0.2)
        other.poll(0.2)
        assert time.monotonic() < deadline


@pytest.mark.kafka
def test_what_is_noted_stands_beside_the_offset_and_nothing_is_committed_below_the_floor(
    kafka_cluster: KafkaCluster,
) -> None:
    url, name = fresh_topic(kafka_cluster), group()
    produce(url, [("bed-1", encode([f])) for f in cut([0, 50, 100, 150])])
    source = KafkaSource(url, name)
    drain(source, 3)
    source.note(0, "read again from 1")
    source.commit()
    assert source.committed(0) == Committed(3, "read again from 1")

    source.resume(0, 1, 3)
    batch = source.poll(5.0)

    assert list(batch.offsets) == [1, 2][: len(batch.offsets)]
    assert min(batch.times_ms) > 1_600_000_000_000
    source.resume(0, 1, 3)
    assert source.offsets_to_commit() == {}
    source.commit()
    assert source.committed(0) == Committed(3, "read again from 1")
    assert (source.oldest(0), source.offset_at(0, 0)) == (0, 0)
    assert source.offset_at(0, 4_000_000_000_000) == 3
    source.close()


@pytest.mark.kafka
def test_a_place_in_the_group_of_before_is_refused_and_what_went_is_not_sought_in(
    kafka_cluster: KafkaCluster,
) -> None:
    url, name = fresh_topic(kafka_cluster, 2), group()
    alarms = fresh_topic(kafka_cluster, kind="alarms")
    publish_to_all(url)
    one = KafkaSource(url, name)
    drain(one, 2)
    stale = one.group_metadata
    other = KafkaSource(url, name)
    share(one, other)
    sink = KafkaSink(alarms, transactional_id=f"{name}-1")

    one.resume(other.assigned[0], 0, 0)  # it has gone: nothing is done, and nothing is raised
    one._member = stale
    sink.write("bed-1", b"of a worker that was frozen")
    with pytest.raises(CommitRefusedError):
        sink.flush_with(one)

    other.close()
    settled = False
    while not settled:  # the group moves on once more
        one.poll(0.2)
        sink.write("bed-1", b"of who has the partition")
        with contextlib.suppress(CommitRefusedError):
            sink.flush_with(one)
            settled = True
    assert read_messages(alarms, 2, timeout_s=5) == [("bed-1", b"of who has the partition")]
    for each in (one, sink):
        each.close()


@pytest.mark.kafka
def test_a_member_that_works_long_shows_that_it_lives_and_loses_no_frame(
    kafka_cluster: KafkaCluster,
) -> None:
    url, name = fresh_topic(kafka_cluster), group()
    options = {"max_poll_interval_ms": 4000, "max_poll_records": 1}
    source = KafkaSource(url, name, options=options)
    produce(url, [("bed-1", encode([f])) for f in cut([0, 50, 100, 150])])
    first = drain(source, 1)

    for _ in range(6):  # longer than a member that is not heard of may take
        time.sleep(1.0)
        source.keep_alive()

    source.commit()  # refused where the member had been given up
    assert len(first[0]) + len(drain(source, 2)[0]) == 3
    source.close()
