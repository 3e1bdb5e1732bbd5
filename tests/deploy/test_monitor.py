"""The command ``vigil monitor``: its settings, its start, its end, what its process loads."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.cli.main import run
from tests.brokers import fresh_topic, read_messages
from tests.end_to_end.monitors import MonitorProcess
from tests.records import vigil, write_ward
from tests.test_layout import modules_loaded_by

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

NOWHERE = ["--from", "kafka://127.0.0.1:1/a", "--to", "kafka://127.0.0.1:1/b"]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--from", "a", "--to", "b"], "kafka://HOST:PORT"),
        (["--from", "kafka://a:1/x", "--to", "kafka://b:1/y"], "on the same Kafka"),
        ([*NOWHERE, "--beats-to", "kafka://b:1/y"], "--beats-to must be on the same Kafka"),
        ([*NOWHERE, "--model", "nope"], "no built-in model"),
        ([*NOWHERE, "--config", "none.toml"], "cannot read none.toml"),
        ([*NOWHERE, "--http-port", "99999"], "http.port"),
        ([*NOWHERE, "--group", ""], "kafka.group"),
        ([*NOWHERE, "--profile", "old"], "known are adult, paediatric, neonatal"),
    ],
)
def test_bad_use_exits_2(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["monitor", *argv]) == 2
    assert told in capsys.readouterr().err


def test_limits_of_the_file_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "vigil.toml"
    config.write_text("[limits]\nnope = 3\n")
    assert run(["monitor", *NOWHERE, "--config", str(config)]) == 2
    assert "nope" in capsys.readouterr().err


@pytest.mark.slow
def test_no_broker_exits_1_when_the_time_to_wait_for_one_is_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_KAFKA__WAIT_S", "0")
    assert run(["monitor", *NOWHERE, "--http-port", "0"]) == 1
    told = capsys.readouterr().err
    assert "given up after 0 s" in told
    assert "no Kafka answers" in told


@pytest.mark.kafka
@pytest.mark.parametrize("missing", ["--from", "--to", "--dead-to"])
def test_a_topic_that_is_not_there_exits_2(kafka_cluster: KafkaCluster, missing: str) -> None:
    there = fresh_topic(kafka_cluster)
    urls = {"--from": there, "--to": there, "--dead-to": there}
    urls[missing] = kafka_cluster.url("not.there")
    argv = [word for option in urls.items() for word in option]

    done = vigil("monitor", *argv, "--http-port", 0)

    assert done.returncode == 2, done.stderr
    assert "not.there" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_everything_settled(
    kafka_cluster: KafkaCluster, tmp_path: Path, number: signal.Signals
) -> None:
    frames, alarms = fresh_topic(kafka_cluster, 2), fresh_topic(kafka_cluster, kind="alarms")
    beats, dead = fresh_topic(kafka_cluster, kind="beats"), fresh_topic(kafka_cluster, kind="dead")
    paths = write_ward(tmp_path, 2, duration_s=20)
    urls = ["--from", frames, "--to", alarms, "--dead-to", dead, "--beats-to", beats]
    with MonitorProcess(tmp_path / "log", *urls, "--group", frames[-9:]) as worker:
        assert vigil("replay", *paths, "--to", frames, "--speed", "max").returncode == 0
        worker.until(lambda: worker.metric("vigil_frames_total") == 40)

        worker.process.send_signal(number)

        assert worker.process.wait(30) == 0
    n_beats = len(read_messages(beats, 10, timeout_s=5))
    assert n_beats >= 10
    log = (tmp_path / "log").read_text()
    assert "all settled" in log
    for name in map(Path, paths):
        assert name.name not in log  # no stream's id

    with MonitorProcess(tmp_path / "again", *urls, "--group", frames[-9:]) as worker:
        worker.until(lambda: worker.metric("vigil_partitions") == 2)
        worker.until(lambda: (worker.metric("vigil_lag_seconds") or 0) == 0)
        assert worker.metric("vigil_frames_total") == 0  # all was committed
        assert worker.terminate() == 0


def test_its_process_loads_neither_torch_nor_scipy_nor_pandas() -> None:
    loaded = modules_loaded_by("import deploy.cli.monitor; from deploy.cli.main import run")
    assert "inference.worker" in loaded
    assert not loaded & {"torch", "scipy", "pandas", "wfdb", "matplotlib"}


@pytest.mark.kafka
def test_while_it_works_its_process_has_none_of_them_either(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    frames, out = fresh_topic(kafka_cluster), fresh_topic(kafka_cluster, kind="alarms")
    [path] = write_ward(tmp_path, 1, duration_s=20)
    assert vigil("replay", path, "--to", frames, "--speed", "max").returncode == 0
    code = f"""
import os, signal, threading, sys
from deploy.cli.main import run
threading.Timer(6, os.kill, (os.getpid(), signal.SIGTERM)).start()
argv = ["monitor", "--from", {frames!r}, "--to", {out!r}, "--dead-to", {out!r}]
assert run([*argv, "--group", "g-{frames[-5:]}", "--http-port", "0"]) == 0
"""
    loaded = modules_loaded_by(code)
    assert {"inference.worker", "onnxruntime", "kafka"} <= loaded
    assert not loaded & {"torch", "scipy", "pandas", "wfdb", "matplotlib"}
