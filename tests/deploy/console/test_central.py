"""``vigil console`` over Apache Kafka: what workers write is seen, what people do is sent."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from deploy.console.commands import LocalDesk
from deploy.console.hub import Hub
from deploy.console.topics import TopicFeed, Topics
from deploy.kafka.cluster import KafkaCluster
from deploy.ports import free_ports
from inference.alarm_json import canonical
from inference.annunciation import Acknowledge
from ingest.codec import encode
from ingest.dead_letters import encode_dead_letter
from ingest.errors import InputError
from ingest.kafka import KafkaSink
from ingest.source import DeadLetter
from tests.brokers import fresh_topic, read_messages
from tests.deploy.console.consoles import PASSWORD, alarm, beat, frame, numerics, sign_in
from tests.records import command, one_core

LIMIT_S = 120.0


def write(url: str, key: str, *values: bytes) -> None:
    sink = KafkaSink(url)
    for value in values:
        sink.write(key, value)
    sink.close()


def test_topics_must_be_different_and_on_one_kafka() -> None:
    with pytest.raises(InputError, match="same Kafka"):
        Topics("kafka://a:1/x", "kafka://b:1/y").given()
    with pytest.raises(InputError, match="different"):
        Topics("kafka://a:1/x", "kafka://a:1/x").given()


@pytest.mark.kafka
def test_what_stands_on_the_topics_is_seen(kafka_cluster: KafkaCluster) -> None:
    urls = {k: fresh_topic(kafka_cluster, 2, k) for k in ("frames", "alarms", "beats", "dead")}
    write(urls["alarms"], "p", alarm("p", "asystole"))
    write(urls["frames"], "p", encode([frame("p", 0)]))
    hub = Hub()
    desk = LocalDesk(hub.signal)
    feed = TopicFeed(Topics(**urls), hub, desk)
    write(urls["frames"], "p", encode([frame("p", 50)]), b"junk", encode([frame("p", 100)]))
    write(urls["beats"], "p", beat("p", 60, "V"))
    letter = DeadLetter(b"junk", "not-protobuf", "no", "ecg.frames", 0, 1)
    write(urls["dead"], "p", encode_dead_letter(letter), b"no letter")
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        feed.turn()
        patient = hub.patients.get("p")
        if patient and patient.end == 150 and patient.beats and hub.dead and patient.board.lines:
            break
    feed.close()
    assert patient is not None
    assert patient.begin == 50, "frames of the past are not read"
    assert patient.beats[0]["aami"] == "V"
    assert patient.board.lines["asystole"].phase == "on", "alarms of the past are"
    assert hub.dead[0]["reason"] == "not-protobuf"
    desk.desk.command("p", Acknowledge("n"))


@pytest.mark.kafka
def test_the_command_serves_sends_and_publishes(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    kinds = ("frames", "alarms", "signals", "commands", "feedback")
    urls = {kind: fresh_topic(kafka_cluster, 1, kind) for kind in kinds}
    data = ["--data", str(tmp_path / "data")]
    added = subprocess.run(
        command("console", "--add-account", "nurse", "--role", "clinician", *data),
        input=PASSWORD + "\n",
        text=True,
        capture_output=True,
        check=True,
        env=one_core(),
        timeout=LIMIT_S,
    )
    assert "nurse" in added.stdout
    (tmp_path / "beds.csv").write_text("stream_id,bed\np,7\np-n,7\n")
    options = ["--from", urls["frames"], "--beds", str(tmp_path / "beds.csv")]
    for kind in kinds[1:]:
        options += [f"--{kind}", urls[kind]]
    (port,) = free_ports(1)
    running = subprocess.Popen(
        command("console", *options, *data, "--port", str(port), "--json"),
        stdout=subprocess.PIPE,
        text=True,
        env=one_core(),
    )
    try:
        assert running.stdout is not None
        where = json.loads(running.stdout.readline())["address"]
        told = alarm("p", "asystole")
        raised = {"stream_id": "p", "kind": "on", "condition": "asystole", "priority": "high"}
        write(urls["frames"], "p", encode([frame("p", 0)]))
        write(urls["frames"], "p-n", encode([numerics("p-n", 0)]))
        write(urls["alarms"], "p", told)
        write(urls["signals"], "p", canonical({**raised, "alarm_id": json.loads(told)["id"]}))
        with httpx.Client(base_url=where, timeout=60.0) as client:
            sign_in(client, "nurse")
            end_s = time.monotonic() + LIMIT_S
            while time.monotonic() < end_s:
                seen = client.get("/api/patients/p")
                known = seen.json() if seen.is_success else {}
                if known and known["board"]["lines"] and known["alarms"] and known["numerics"]:
                    break
                time.sleep(0.05)
            assert (known["bed"], known["vitals"][3][0][0]) == ("7", "SpO₂")
            assert client.get("/api/patients/p-n").json()["of"] == "p"
            sent = client.post("/api/patients/p/commands", json={"command": "acknowledge"})
            assert sent.json() == {"state": "sent"}
            said = {"verdict": "true", "why": "seen", "alarm_id": json.loads(told)["id"]}
            assert client.post("/api/patients/p/feedback", json=said).status_code == 201
        ((key, given),) = read_messages(urls["commands"], 1)
        assert key == "p"
        assert json.loads(given)["who"] == "nurse"
        ((_, kept),) = read_messages(urls["feedback"], 1)
        assert json.loads(kept)["verdict"] == "true"
        running.send_signal(signal.SIGTERM)
        assert running.wait(LIMIT_S) == 0
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
