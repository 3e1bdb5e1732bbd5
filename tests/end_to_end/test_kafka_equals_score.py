"""The way over Kafka gives what scoring the files gives: nothing missing, nothing twice."""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.codec import encode
from ingest.dead_letters import decode_dead_letter
from ingest.kafka import KafkaSink
from ingest.simulator import demo_ward
from ingest.wfdb_replay import frames, open_recording
from tests.brokers import fresh_topic, read_messages
from tests.end_to_end.monitors import MonitorProcess
from tests.records import vigil, write_record, write_ward

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

MITDB = ("100", "105", "200", "203", "207", "208", "223", "233")
EXCERPT_S = 180

Alarms = dict[str, list[dict[str, object]]]
"""Changes of alarms by stream, in order."""


def scored(paths: list[str], out: Path) -> Alarms:
    """Return the alarms of ``vigil score`` by stream, in order."""
    done = vigil("score", *paths, "--out", out, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    return {
        path.name.removesuffix(".alarms.jsonl"): [
            json.loads(line) for line in path.read_text().splitlines()
        ]
        for path in out.glob("*.alarms.jsonl")
    }


def by_stream(messages: list[tuple[str, bytes]]) -> Alarms:
    """Return alarms by the key they came under, in the order of their partition."""
    found: Alarms = {}
    for key, value in messages:
        found.setdefault(key, []).append(json.loads(value))
    return found


def assert_same(found: Alarms, wanted: Alarms) -> None:
    """Compare stream by stream, alarm by alarm, field by field."""
    assert found.keys() == {name for name, alarms in wanted.items() if alarms}
    for name, alarms in found.items():
        assert len(alarms) == len(wanted[name]), name
        for i, (one, other) in enumerate(zip(alarms, wanted[name], strict=True)):
            differing = {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
            assert not differing, (name, i, [(k, one.get(k), other.get(k)) for k in differing])


class Topics:
    """The topics of one group of workers, and how to run them."""

    def __init__(self, cluster: KafkaCluster, n_partitions: int) -> None:
        self.frames = fresh_topic(cluster, n_partitions)
        self.alarms = fresh_topic(cluster, n_partitions, kind="alarms")
        self.dead = fresh_topic(cluster, kind="dead")
        self.states = fresh_topic(cluster, n_partitions, "states", {"cleanup.policy": "compact"})
        self.group = self.frames.rpartition("/")[2]

    def monitor(self, log: Path, *argv: object) -> MonitorProcess:
        """Make a worker, not yet started."""
        urls = ("--from", self.frames, "--to", self.alarms, "--dead-to", self.dead,
                "--state-to", self.states)  # fmt: skip
        return MonitorProcess(log, *urls, "--group", self.group, *argv)


def compare(cluster: KafkaCluster, paths: list[str], folder: Path, chunk_s: float) -> None:
    """Score files and streams, the streams by two workers with three partitions each."""
    wanted = scored(paths, folder / "scored")
    n_alarms = sum(map(len, wanted.values()))
    assert n_alarms > 10
    topics = Topics(cluster, n_partitions=6)
    with ExitStack() as running:
        workers = [
            running.enter_context(topics.monitor(folder / f"worker-{i}.log")) for i in range(2)
        ]
        for worker in workers:
            worker.until(lambda w=worker: w.get("/readyz")[0] == 200)
        for worker in workers:
            worker.until(lambda w=worker: w.metric("vigil_partitions") == 3)

        sent = vigil("replay", *paths, "--to", topics.frames, "--speed", "max",
                     "--chunk-s", chunk_s, "--json")  # fmt: skip
        assert sent.returncode == 0, sent.stderr
        assert json.loads(sent.stdout)["streams"] == len(paths)
        for worker in workers:
            worker.until(lambda: sum(w.metric("vigil_frames_total") or 0 for w in workers)
                         == json.loads(sent.stdout)["messages"])  # fmt: skip

        assert all((worker.metric("vigil_frames_total") or 0) > 0 for worker in workers)
        assert [worker.terminate() for worker in workers] == [0, 0]
    # Asked for one more than there may be, so that a doubled one would be seen.
    found = by_stream(read_messages(topics.alarms, n_alarms + 1, timeout_s=5))
    assert_same(found, wanted)


@pytest.mark.kafka
@pytest.mark.slow
def test_two_workers_give_the_alarms_of_score(kafka_cluster: KafkaCluster, tmp_path: Path) -> None:
    compare(kafka_cluster, write_ward(tmp_path, 8, duration_s=90), tmp_path, chunk_s=0.7)


@pytest.mark.kafka
@pytest.mark.data
@pytest.mark.slow
def test_two_workers_give_the_alarms_of_score_on_real_records(
    kafka_cluster: KafkaCluster, tmp_path: Path, data_dir: Path
) -> None:
    paths = []
    for name in MITDB:
        recording = open_recording(data_dir / "mitdb" / name)
        excerpt = recording.samples[0, : round(EXCERPT_S * recording.fs)].copy()
        paths.append(write_record(tmp_path, name, excerpt, recording.fs, recording.leads[0].name))

    compare(kafka_cluster, paths, tmp_path, chunk_s=1.0)


def send_beginnings(url: str, n_streams: int) -> None:
    """Send 10 s of streams that do not end."""
    [patient] = demo_ward(1, duration_s=20)
    sink = KafkaSink(url)
    for i in range(n_streams):
        for frame in islice(frames(patient.as_recording(), f"begun-{i}"), 10):
            sink.write(frame.stream_id, encode([frame]))
    sink.close()


@pytest.mark.kafka
@pytest.mark.slow
def test_a_worker_that_joins_takes_streams_over_and_the_first_forgets_them(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    paths = write_ward(tmp_path, 6, duration_s=40)
    wanted = scored(paths, tmp_path / "scored")
    topics = Topics(kafka_cluster, n_partitions=6)
    send_beginnings(topics.frames, 20)

    with topics.monitor(tmp_path / "first.log") as first:
        first.until(lambda: first.metric("vigil_streams") == 20)
        with topics.monitor(tmp_path / "second.log") as second:
            for worker in (first, second):
                worker.until(lambda w=worker: w.metric("vigil_partitions") == 3)
            first.until(lambda: 0 < (first.metric("vigil_streams") or 0) < 20)
            second.until(lambda: sum(w.metric("vigil_streams") or 0 for w in (first, second)) == 20)

            sent = vigil("replay", *paths, "--to", topics.frames, "--speed", "max")
            assert sent.returncode == 0, sent.stderr
            for worker in (first, second):
                worker.until(lambda: sum(w.metric("vigil_frames_total") or 0
                                         for w in (first, second)) == 200 + 240)  # fmt: skip
            assert (first.terminate(), second.terminate()) == (0, 0)
    n_alarms = sum(map(len, wanted.values()))
    found = by_stream(read_messages(topics.alarms, n_alarms + 1, timeout_s=4))
    assert_same(found, wanted)


@pytest.mark.kafka
def test_junk_becomes_a_dead_letter_and_the_stream_goes_on(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    paths = write_ward(tmp_path, 2, duration_s=40)
    wanted = scored(paths, tmp_path / "scored")
    topics = Topics(kafka_cluster, n_partitions=1)
    junk = KafkaSink(topics.frames)
    junk.write("p", b"\xff not Protobuf \x00")
    junk.close()

    with topics.monitor(tmp_path / "worker.log") as worker:
        sent = vigil("replay", *paths, "--to", topics.frames, "--speed", "max")
        assert sent.returncode == 0, sent.stderr
        worker.until(lambda: worker.metric("vigil_frames_total") == 80)
        reason = 'vigil_dead_letters_total{reason="not-protobuf"}'
        assert worker.metric(reason) == 1
        assert worker.get("/healthz") == (200, "ok\n")
        assert worker.terminate() == 0

    [(_, letter)] = read_messages(topics.dead, 2, timeout_s=3)
    told = decode_dead_letter(letter)
    assert (told.payload, told.reason, told.offset) == (
        b"\xff not Protobuf \x00",
        "not-protobuf",
        0,
    )
    n_alarms = sum(map(len, wanted.values()))
    found = by_stream(read_messages(topics.alarms, n_alarms + 1, timeout_s=3))
    assert_same(found, wanted)
