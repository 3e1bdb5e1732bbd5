"""Numerics beside ECG over Kafka, a worker killed in between: the alarms of ``vigil score``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.brokers import read_messages
from tests.deploy.test_numerics import write_numerics
from tests.end_to_end.test_kafka_equals_score import Alarms, Topics, assert_same, by_stream, scored
from tests.inference.numerics import restless
from tests.records import vigil, write_ward

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster


def without_models(alarms: Alarms) -> Alarms:
    """Leave out the list of all models in use: a record's is shorter than a worker's."""
    return {
        name: [{k: v for k, v in one.items() if k != "models"} for one in told]
        for name, told in alarms.items()
    }


@pytest.mark.kafka
@pytest.mark.slow
def test_a_killed_worker_s_successor_tells_each_alarm_of_ecg_and_numerics_once(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    paths = write_ward(tmp_path, 2, duration_s=60)
    paths += [write_numerics(tmp_path, restless(seed, n_s=360), f"n{seed}") for seed in range(3)]
    wanted = scored(paths, tmp_path / "scored")
    assert all(wanted[f"n{seed}"] for seed in range(3))
    topics = Topics(kafka_cluster, n_partitions=3)
    argv = ("--numerics", "--instance-id", "w")

    sent = vigil("replay", *paths, "--to", topics.frames, "--speed", "max", "--json")
    assert sent.returncode == 0, sent.stderr
    n_sent = json.loads(sent.stdout)["messages"]
    config = tmp_path / "slow.toml"
    config.write_text("[batch]\npoll_records = 10\n[state]\nevery_s = 0.0\n")
    with topics.monitor(tmp_path / "first.log", *argv, "--config", config) as first:
        first.until(lambda: (first.metric("vigil_frames_total") or 0) > n_sent / 3)
        first.process.kill()
        first.process.wait(60)
    with topics.monitor(tmp_path / "second.log", *argv) as second:
        second.until(lambda: caught_up(topics, sum(map(len, wanted.values()))), 120.0)
        assert (second.metric("vigil_numerics_steps_total") or 0) > 0
        assert second.terminate() == 0

    n_alarms = sum(map(len, wanted.values()))
    found = by_stream(read_messages(topics.alarms, n_alarms + 1, timeout_s=5))
    assert_same(without_models(found), without_models(wanted))
    conditions = {str(one["condition"]) for told in found.values() for one in told}
    assert {"unusual_numerics", "lost_numerics"} <= conditions


def caught_up(topics: Topics, n_alarms: int) -> bool:
    """Tell whether as many alarms were published as are wanted."""
    return len(read_messages(topics.alarms, n_alarms, timeout_s=2)) >= n_alarms


@pytest.mark.kafka
def test_without_numerics_their_frames_are_counted_and_passed_over(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    path = write_numerics(tmp_path, restless(0, n_s=100), "n0")
    topics = Topics(kafka_cluster, n_partitions=1)
    with topics.monitor(tmp_path / "worker.log") as worker:
        sent = vigil("replay", path, "--to", topics.frames, "--speed", "max")
        assert sent.returncode == 0, sent.stderr
        worker.until(lambda: worker.metric("vigil_frames_without_ecg_total") == 100)
        assert worker.metric("vigil_streams") == 0
        assert worker.terminate() == 0
