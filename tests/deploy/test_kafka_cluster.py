from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from deploy.kafka import broker, jars
from deploy.kafka.cluster import KafkaCluster
from deploy.kafka.node import Ports, settings
from deploy.ports import free_ports
from ingest.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("missing", ["java", "mvn"])
def test_missing_tools_are_named(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == missing else f"/bin/{tool}")
    monkeypatch.setattr(jars, "HERE", tmp_path)

    assert missing in str(jars.why_not())
    with pytest.raises(InputError, match="Java 17 and Maven"):
        jars.jar_folder()


def test_without_java_the_command_says_so_and_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert broker.main([]) == 2
    assert "Java 17" in capsys.readouterr().err


def test_fetched_jars_need_no_maven(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "mvn" else f"/bin/{tool}")
    monkeypatch.setattr(jars, "HERE", tmp_path)
    (tmp_path / "target" / "jars").mkdir(parents=True)
    (tmp_path / "pom.xml").touch()
    (tmp_path / "target" / "fetched").touch()

    assert jars.jar_folder() == tmp_path / "target" / "jars"


def test_ports_are_free_and_differ() -> None:
    ports = free_ports(6)

    assert len(set(ports)) == 6
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", ports[0])) != 0


def test_three_nodes_replicate_thrice_and_one_may_fail(tmp_path: Path) -> None:
    text = settings(2, {i: Ports(100 + i, 200 + i) for i in (1, 2, 3)}, tmp_path)

    assert "default.replication.factor=3\n" in text
    assert "min.insync.replicas=2\n" in text
    assert "node.id=2\n" in text
    assert "controller.quorum.voters=1@127.0.0.1:201,2@127.0.0.1:202,3@127.0.0.1:203\n" in text


@pytest.mark.kafka
@pytest.mark.slow
def test_a_node_may_fail_and_nothing_is_lost(tmp_path: Path) -> None:
    reason = jars.why_not()
    if reason is not None:
        pytest.skip(reason)

    # In a process of its own: kafka-python leaves sockets open with which it called on
    # the killed node, and here a warning of that is an error.
    command = [sys.executable, "-m", "tests.deploy.failing_node", str(tmp_path / "cluster")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)

    assert done.stdout.strip() == "heard 40 of 40, in order", done.stderr[-2000:]


@pytest.mark.kafka
def test_an_id_that_begins_with_a_dash_is_no_option(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if (reason := jars.why_not()) is not None:
        pytest.skip(reason)
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(bytes=b"\xf8" + bytes(15)))

    with KafkaCluster(tmp_path) as cluster:
        cluster.create_topic("ecg.frames", 1)
