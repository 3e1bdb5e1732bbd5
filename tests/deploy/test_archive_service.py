"""The archive's service on real Kafka: killed again and again, told of, and sealed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaAdminClient, TopicPartition

from deploy.archive_settings import load_archive_settings
from deploy.services.archive import ArchiveService
from deploy.services.archive_metrics import ArchiveCollector
from deploy.trials.archive import Plan, Trial
from ingest.archive import Archive, verify
from ingest.codec import encode
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.kafka import KafkaSink
from ingest.kafka_url import KafkaUrl
from ingest.simulator import demo_ward
from tests.brokers import fresh_topic
from tests.ingest.archive.logs import beat, bodies, patients
from tests.ingest.synthetic import same_frame

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

pytestmark = pytest.mark.kafka


def until(condition: Callable[[], object], timeout_s: float = 120.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(condition())


@contextmanager
def running(url: str, kafka: dict[str, Any], **section: Any) -> Iterator[ArchiveService]:
    """A service on a thread of this process, stopped at the end."""
    kept = {"url": url, "flush_s": 0.2, "compact_minutes": 0, **section}
    told = {"archive": kept, "kafka": {"topic_alarms": "", **kafka}, "http": {"port": 0}}
    service = ArchiveService(load_archive_settings(overrides=told))
    done: list[bool] = []
    loop = threading.Thread(target=lambda: done.append(service.run()))
    loop.start()
    try:
        yield service
    finally:
        service.stop()
        loop.join()
    assert done == [True]


def send(cluster: KafkaCluster, topic: str, frames: list[Frame]) -> None:
    sink = KafkaSink(cluster.url(topic))
    for each in frames:
        sink.write(each.stream_id, encode([each]))
    sink.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again_it_has_every_message_once(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    """The trial of docs/archive.md, in a short form."""
    topics = {
        table: KafkaUrl.parse(fresh_topic(kafka_cluster, 2, table)).topic
        for table in ("frames", "beats")
    }
    recordings = [p.as_recording() for p in demo_ward(2, seed=3, duration_s=60.0)]
    plan = Plan(streams=4, kills=3, services=1, partitions=2, longest_life_s=0.5)

    outcome = Trial(plan, recordings, tmp_path, kafka_cluster, topics).run()

    assert outcome.faults == []
    assert outcome.kills == 3
    assert outcome.frames > 0


def test_it_goes_on_where_the_archive_ends_whatever_the_group_has_committed(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    topic = KafkaUrl.parse(fresh_topic(kafka_cluster, 2)).topic
    streams = patients(5)
    kafka = {"servers": kafka_cluster.bootstrap, "topic_frames": topic, "group": f"g-{topic}"}
    early = [each for stream in streams for each in stream[:3]]
    late = [each for stream in streams for each in stream[3:]]
    send(kafka_cluster, topic, early)
    with running(str(tmp_path), kafka) as service:
        assert until(lambda: service.rows == len(early))
        families = {f.name: f for f in ArchiveCollector(service.view()).collect()}
        sample = families["vigil_archive_rows"].samples[0]
        assert (sample.labels, sample.value) == ({"table": "frames"}, len(early))
    send(kafka_cluster, topic, late)
    with running(str(tmp_path), kafka | {"group": f"another-{topic}"}) as service:
        assert until(lambda: service.rows == len(late))

    archive = Archive(str(tmp_path))
    for stream in streams:
        heard = list(archive.frames(stream[0].stream_id))
        assert len(heard) == len(stream)
        assert all(map(same_frame, heard, stream))
    assert verify(archive).faults == []


def test_messages_that_could_not_be_read_are_counted_and_beats_are_sealed(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    frames, beats = (
        KafkaUrl.parse(fresh_topic(kafka_cluster, 1, kind)).topic for kind in ("frames", "beats")
    )
    kafka = {
        "servers": kafka_cluster.bootstrap, "topic_frames": frames, "topic_beats": beats,
        "group": f"g-{frames}",
    }  # fmt: skip
    (tmp_path / "secret").write_bytes(b"a master secret of 32 bytes and more\n")
    (tmp_path / "secret").chmod(0o600)
    keys = {"keys_file": tmp_path / "keys.db", "secret_file": tmp_path / "secret"}
    for topic, values in ((frames, [b"junk"]), (beats, [beat("bed-1", i) for i in range(5)])):
        sink = KafkaSink(kafka_cluster.url(topic))
        for value in values:
            sink.write("bed-1", value)
        sink.close()
    url = str(tmp_path / "archive")
    with running(url, kafka, **keys) as service:
        assert until(lambda: service.rows == 5 and service.view().counts.unread == 1)

    told = load_archive_settings(overrides={"archive": keys}).archive
    opened = told.keys()
    assert opened is not None
    with opened:
        assert bodies(Archive(url, opened)) == [beat("bed-1", i) for i in range(5)]
    with pytest.raises(InputError, match="takes its keys"):
        bodies(Archive(url))


def test_messages_that_kafka_let_go_before_they_were_archived_are_counted(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    topic = KafkaUrl.parse(fresh_topic(kafka_cluster, 1)).topic
    kafka = {"servers": kafka_cluster.bootstrap, "topic_frames": topic, "group": f"g-{topic}"}
    (stream,) = patients(1, n_frames=10)
    send(kafka_cluster, topic, stream[:4])
    with running(str(tmp_path), kafka) as service:
        assert until(lambda: service.rows == 4)
    send(kafka_cluster, topic, stream[4:])
    admin = KafkaAdminClient(bootstrap_servers=kafka_cluster.bootstrap)
    admin.delete_records({TopicPartition(topic, 0): 7})
    admin.close()
    with running(str(tmp_path), kafka) as service:
        assert until(lambda: service.rows == 3)
        assert service.view().lost() == 3

    archive = Archive(str(tmp_path))
    heard = [each.first_sample for each in archive.frames()]
    assert heard == [each.first_sample for each in stream[:4] + stream[7:]]
    assert verify(archive).faults == []


def test_settings_that_archive_nothing_or_lack_a_secret_are_refused(tmp_path: Path) -> None:
    nothing = load_archive_settings(overrides={"kafka": {"topic_frames": "", "topic_alarms": ""}})
    twice = load_archive_settings(overrides={"kafka": {"topic_alarms": "ecg.frames"}})
    bare = load_archive_settings(overrides={"archive": {"keys_file": tmp_path / "keys.db"}})
    with pytest.raises(InputError, match="nothing is archived"):
        nothing.kafka.tables()
    with pytest.raises(InputError, match="must be different"):
        twice.kafka.tables()
    with pytest.raises(InputError, match="VIGIL_ARCHIVE__SECRET"):
        bare.archive.keys()
    with pytest.raises(InputError, match="topic_frames"):
        load_archive_settings(overrides={"kafka": {"topic_frames": "a b"}})
