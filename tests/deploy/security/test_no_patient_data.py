"""A whole session with names planted wherever somebody may put them: no output tells one."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from deploy import audit_log
from deploy.cli.main import run
from deploy.services.dead_letters import Choice, read_letters
from ingest.codec import encode
from ingest.frames import Frame, Lead
from ingest.kafka import KafkaSink
from tests.brokers import fresh_topic
from tests.end_to_end.monitors import MonitorProcess
from tests.records import vigil, write_ward

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

NAME = "Marianne"
"""Stands, with a number, wherever a name might."""


def planted(number: int) -> str:
    return f"{NAME}{number:02d}"


def bad_messages() -> list[bytes]:
    """Messages on the frames' topic that cannot be used, each in another way."""
    samples = np.zeros((1, 250), np.int16)
    good = encode([Frame("bed", "s", 0, 0, 250.0, (Lead("II"),), samples)])
    return [
        planted(1).encode() * 20,
        good[:40] + planted(2).encode() + good[40:],
        good.replace(b"\x02II", bytes([10]) + planted(3).encode()),
        encode([Frame("bed-2", "s", 0, 0, 250.0, (Lead(planted(4), planted(5)),), samples)]),
    ]


def commands() -> list[bytes]:
    """Commands, of which only the last is good."""
    head = {"schema": "vigil.command/1", "stream_id": "bed-2", "who": "nurse 7"}
    wrong: list[dict[str, object]] = [
        {"command": planted(10)},
        {"command": "standby", "why": {"name": planted(11)}},
        {"command": "standby", "why": "x", planted(12): 1},
        {"command": "alarm_off", "condition": planted(13), "why": planted(14)},
        {"command": "set_limits", "why": "x", "limits": {planted(15): 5}},
        {"command": ["resume", planted(16)]},
        {"command": "set_limits", "why": "x", "limits": {"tachycardia_bpm": planted(17)}},
    ]
    made = [json.dumps(head | each).encode() for each in wrong]
    made += [b'{"' + planted(18).encode(), b"\xff" + planted(19).encode()]
    good = {"command": "standby", "why": f"{planted(20)} is in the bath"}
    return [*made, json.dumps(head | good).encode()]


@pytest.mark.kafka
@pytest.mark.slow
def test_no_output_tells_a_name(kafka_cluster: KafkaCluster, tmp_path: Path) -> None:
    kinds = ("frames", "alarms", "dead", "commands")
    urls = {kind: fresh_topic(kafka_cluster, kind=kind) for kind in kinds}
    [record] = write_ward(tmp_path, 1, duration_s=20)
    header = Path(f"{record}.hea")
    header.write_text(header.read_text() + f"# Name: {planted(30)}, born 1950-01-02\n")
    config = tmp_path / "vigil.toml"
    config.write_text(
        "[annunciation]\nenabled = true\n"
        f"topic_commands = '{urls['commands'].rpartition('/')[2]}'\n"
        f"[audit]\nlog = '{tmp_path / 'audit.jsonl'}'\n[notify]\nconsole = true\n"
    )
    words = ["--from", urls["frames"], "--to", urls["alarms"], "--dead-to", urls["dead"]]
    log = tmp_path / "log"
    words += ["--config", str(config), "--group", urls["frames"][-9:]]
    with MonitorProcess(log, *words, level="debug", style="json") as worker:
        worker.until(lambda: worker.get("/readyz")[0] == 200)
        done = vigil("replay", record, "--to", urls["frames"], "--speed", "max")
        assert done.returncode == 0
        send(urls["frames"], bad_messages())
        send(urls["commands"], commands())
        n_refused = len(commands()) - 1
        worker.until(lambda: refused(worker) == n_refused)
        worker.until(lambda: (worker.metric("vigil_frames_total") or 0) >= 20)
        ask(worker.port, f"/{planted(40)}")
        outputs = {"metrics": worker.get("/metrics")[1], "health": worker.get("/healthz")[1]}
        assert worker.terminate() == 0
    outputs |= {"log": log.read_text(), "replay": done.stdout + done.stderr}
    outputs["audit log"] = (tmp_path / "audit.jsonl").read_text()
    letters = read_letters(urls["dead"], Choice(reason="command"))
    assert sorted(each.letter.payload for each in letters) == sorted(commands()[:-1])
    assert {each.letter.offset for each in letters} == set(range(n_refused))
    for name, text in outputs.items():
        assert NAME not in text, f"{name}: ...{around(text)}..."
    entries = [entry.what for entry in audit_log.read(tmp_path / "audit.jsonl")]
    assert entries.count("command.refused") == n_refused
    assert "command.standby" in entries


def send(url: str, messages: list[bytes]) -> None:
    sink = KafkaSink(url)
    for message in messages:
        sink.write("bed-2", message)
    sink.close()


def refused(worker: MonitorProcess) -> float | None:
    name = 'vigil_announcing_refused_total{reason="refused",what="a command"}'
    return worker.metric(name)


def ask(port: int, path: str) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    request.add_header("Authorization", f"Bearer {planted(41)}")
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(request, timeout=10)
    with answer.value as error:
        assert NAME not in error.read().decode()


def around(text: str) -> str:
    at = text.index(NAME)
    return text[max(0, at - 300) : at + 100]


def test_no_error_of_the_command_line_tells_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.hea"
    path.write_text(f"r 1 360 10\nr.dat 16 200 11 0 0 0 0 II\n# {planted(50)}\n")
    (tmp_path / "alarms.jsonl").write_text(f'{{"name": "{planted(51)}"}}\n')
    for words in (
        ["score", str(tmp_path / "r"), "--out", str(tmp_path)],
        ["alarms", str(tmp_path / "alarms.jsonl"), "--to", "hl7"],
    ):
        assert run(words) == 2
        told = capsys.readouterr()
        assert NAME not in told.out + told.err
