"""The watch for drift beside a monitor, through Kafka itself."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.ports import free_ports
from tests.brokers import fresh_topic
from tests.end_to_end.monitors import MonitorProcess
from tests.records import command, one_core, vigil, write_ward

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster


@pytest.mark.kafka
def test_a_watch_takes_figures_of_patients_from_topics_and_ends_by_a_signal(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    frames, alarms = fresh_topic(kafka_cluster), fresh_topic(kafka_cluster, kind="alarms")
    dead, beats = fresh_topic(kafka_cluster, kind="dead"), fresh_topic(kafka_cluster, kind="beats")
    paths = write_ward(tmp_path, 2, duration_s=100)
    urls = ["--from", frames, "--to", alarms, "--dead-to", dead, "--beats-to", beats]
    with MonitorProcess(tmp_path / "log", *urls, "--group", frames[-9:]) as worker:
        assert vigil("replay", *paths, "--to", frames, "--speed", "max").returncode == 0
        worker.until(lambda: worker.metric("vigil_frames_total") == 200)
        assert worker.terminate() == 0
    declared = tmp_path / "drift.toml"
    declared.write_text("window_min = 1.0\nverdict_wait_h = 0\n")
    (port,) = free_ports(1)
    words = ["drift", "watch", "--frames", frames, "--beats", beats, "--alarms", alarms]
    more = ["--out", tmp_path / "out", "--declaration", declared, "--http-port", port]
    watching = subprocess.Popen(command(*words, *more, "--group", frames[-8:]), env=one_core())
    kept, until_s = tmp_path / "out" / "patients.jsonl", time.monotonic() + 120
    while not (kept.is_file() and len(kept.read_bytes().splitlines()) >= 2):
        assert watching.poll() is None
        assert time.monotonic() < until_s
        time.sleep(0.2)
    watching.terminate()
    assert watching.wait(60) == 0
    told = json.loads((tmp_path / "out" / "drift.json").read_text())
    assert told["patients"] == 2
    assert told["ignored"] == {}
