"""A monitor with a shadow, and the report over a stretch of the log, through Kafka itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.services.lines import past_lines
from inference import model
from tests.brokers import fresh_topic
from tests.end_to_end.monitors import MonitorProcess
from tests.records import vigil, write_ward

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster


@pytest.mark.kafka
def test_a_shadow_writes_to_its_own_topic_and_nothing_else(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    frames, alarms = fresh_topic(kafka_cluster), fresh_topic(kafka_cluster, kind="alarms")
    dead, beside = (
        fresh_topic(kafka_cluster, kind="dead"),
        fresh_topic(kafka_cluster, kind="shadow"),
    )
    paths = write_ward(tmp_path, 3, duration_s=30)
    candidate = tmp_path / "candidate"
    candidate.mkdir()
    shutil.copy(model.builtin("beat"), candidate / "same.onnx")
    config = tmp_path / "vigil.toml"
    noted = fresh_topic(kafka_cluster, kind="in-force")
    config.write_text(
        f'[kafka]\ntopic_in_force = "{noted.rpartition("/")[2]}"\n'
        f'[shadow]\nlag_s = 1000.0\ntopic = "{beside.rpartition("/")[2]}"\n'
    )
    urls = ["--from", frames, "--to", alarms, "--dead-to", dead, "--config", str(config)]
    more = ["--group", frames[-9:], "--shadow", str(candidate)]
    with MonitorProcess(tmp_path / "log", *urls, *more) as worker:
        assert vigil("replay", *paths, "--to", frames, "--speed", "max").returncode == 0
        worker.until(lambda: worker.metric("vigil_frames_total") == 90)
        worker.until(lambda: (worker.metric("vigil_shadow_signal_seconds_total") or 0) >= 90)
        assert worker.terminate() == 0

    said = [json.loads(value) for value in past_lines(alarms)]
    shadowed = [json.loads(value) for value in past_lines(beside)]
    heard = [m for m in shadowed if m["schema"] == "vigil.shadow/1"]
    assert {m["id"] for m in said} == {m["id"] for m in shadowed if "id" in m} != set()
    assert sum((m["to"]["sample"] - m["from"]["sample"]) / m["fs"] for m in heard) == 90

    done = vigil(
        "shadow", "report", frames, "--candidate", candidate, "--out", tmp_path / "out", "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["patients"] == 3
    assert told["differences"] == []
    assert told["alarms"]["both"] == len({m["id"] for m in said if m["state"] == "raised"})

    where = ["--alarms", alarms, "--source", frames, "--in-force", noted]
    again = vigil("replay-alarm", said[0]["id"], *where, "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads(again.stdout)["same"] is True
