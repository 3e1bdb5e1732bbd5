"""The command ``vigil replay``: which streams it sends, and what it refuses."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from deploy.cli.main import run
from deploy.cli.replay import start_unix_ns
from deploy.services.replay import cycle_recordings, replay_to
from ingest.codec import decode
from ingest.simulator import demo_ward
from ingest.source import MemorySink
from ingest.wfdb_replay import ReplaySource
from tests.brokers import fresh_topic, read_messages
from tests.records import vigil, write_ward

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

WARD = {patient.name: patient.as_recording() for patient in demo_ward(2, duration_s=10.0)}


@pytest.mark.parametrize("n_frames", [1, 4, 100])
def test_messages_hold_frames_of_one_stream_in_order(n_frames: int) -> None:
    sink = MemorySink()
    seconds: list[float] = []

    n_messages = replay_to(
        ReplaySource(WARD, speed=None), sink, frames_per_message=n_frames, advance=seconds.append
    )

    assert n_messages == len(sink.messages) == 2 * -(-10 // n_frames)
    assert sum(seconds) == 20.0
    for name, recording in WARD.items():
        sent = [f for key, value in sink.messages if key == name for f in decode(value)]
        assert {f.stream_id for f in sent} == {name}
        assert [f.last for f in sent] == [False] * 9 + [True]
        samples = np.concatenate([f.samples for f in sent], axis=1)
        assert np.array_equal(samples, recording.samples)


def test_going_round_gives_each_stream_an_id_of_its_own() -> None:
    streams = cycle_recordings(WARD, 5)
    assert len(streams) == 5
    assert streams["heron-3"] is WARD["heron"]


def test_start_is_read_as_utc() -> None:
    assert start_unix_ns("record") is None
    assert start_unix_ns("2024-05-01T12:00:00") == 1_714_564_800 * 10**9
    assert start_unix_ns("2024-05-01T14:00:00+02:00") == 1_714_564_800 * 10**9
    assert abs((start_unix_ns("now") or 0) - time.time_ns()) < 60 * 10**9


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--speed", "fast"], "--speed"),
        (["--speed", "0"], "speed"),
        (["--patients", "0"], "--patients"),
        (["--chunk-s", "0"], "chunk_s"),
        (["--frames-per-message", "0"], "--frames-per-message"),
        (["--start", "soon"], "--start"),
        (["--leads", "V9"], "no lead 'V9'"),
    ],
)
def test_bad_use_exits_2(
    argv: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [path] = write_ward(tmp_path, 1, duration_s=5)
    assert run(["replay", path, "--to", "kafka://127.0.0.1:1/t", *argv]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("url", ["nowhere", "kafka://127.0.0.1/t"])
def test_a_malformed_address_exits_2(url: str, tmp_path: Path) -> None:
    [path] = write_ward(tmp_path, 1, duration_s=5)
    assert run(["replay", path, "--to", url]) == 2


def test_two_records_of_one_name_are_refused(tmp_path: Path) -> None:
    [path] = write_ward(tmp_path, 1, duration_s=5)
    assert run(["replay", path, f"{path}.hea", "--to", "kafka://127.0.0.1:1/t"]) == 2


@pytest.mark.kafka
def test_streams_come_out_of_kafka_as_they_went_in(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    paths = write_ward(tmp_path, 2, duration_s=5)
    url = fresh_topic(kafka_cluster, n_partitions=3)

    done = vigil("replay", *paths, "--to", url, "--speed", "max", "--patients", 5,
                 "--start", "2024-05-01T12:00:00Z", "--json")  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"streams": 5, "signal_s": 25.0, "messages": 25}
    messages = read_messages(url, 26, timeout_s=4)
    assert len(messages) == 25
    for key, value in messages:
        [frame] = decode(value)
        assert frame.stream_id == key
        seconds = frame.first_sample / 250
        assert frame.start_unix_ns == (1_714_564_800 + round(seconds)) * 10**9


@pytest.mark.kafka
def test_a_topic_that_is_not_there_exits_2(kafka_cluster: KafkaCluster, tmp_path: Path) -> None:
    [path] = write_ward(tmp_path, 1, duration_s=5)
    done = vigil("replay", path, "--to", kafka_cluster.url("not.there"))
    assert done.returncode == 2
    assert "not.there" in done.stderr
