"""The gateway as a process: to real Kafka through kills and cuts, and on a disk that is full."""

from __future__ import annotations

import json
import re
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.kafka.cluster import KafkaCluster
from deploy.kafka.jars import why_not as no_kafka
from deploy.mqtt.mosquitto import MOSQUITTO
from deploy.trials.devices import LineDevice, Signal
from deploy.trials.gateway import TOPICS, Plan, Trial
from deploy.trials.gateway_process import GatewayProcess
from deploy.trials.gateway_reading import read_topic
from ingest.gateway.store import Store
from ingest.recording import Recording
from ingest.simulator import demo_ward
from ingest.simulator.record import simulate
from ingest.simulator.script import Script, asystole, sinus
from tests.brokers import fresh_topic

NOWHERE = "kafka://127.0.0.1:1/ecg.frames"


def recordings(n: int = 2, duration_s: float = 60.0) -> list[Recording]:
    return [patient.as_recording() for patient in demo_ward(n, seed=3, duration_s=duration_s)]


def until(condition: Callable[[], object], timeout_s: float = 120.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(condition())


def settings(folder: Path, text: str) -> list[str]:
    path = folder / "gateway.toml"
    path.write_text(text)
    return ["--config", str(path)]


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again_through_a_cut_it_brings_all_once_and_in_order(
    tmp_path: Path,
) -> None:
    """The trial of docs/gateway-trial.md, in a short form: minutes of signal, ten kills."""
    for reason in (no_kafka(), MOSQUITTO.why_not()):
        if reason is not None:
            pytest.skip(reason)
    with KafkaCluster(tmp_path / "kafka") as cluster:
        for topic in TOPICS:
            cluster.create_topic(topic, 2)
        plan = Plan(hours=0.05, line_devices=1, mqtt_devices=1, kills=10, longest_life_s=0.3)
        outcome = Trial(plan, recordings(), tmp_path, cluster).run()

    assert outcome.faults == []
    assert outcome.kills == 10
    assert outcome.backlog_frames == 2 * 180
    assert outcome.messages["replay"] > 0


def test_while_kafka_is_away_alarms_are_told_here_and_marked_local(tmp_path: Path) -> None:
    """A heart that stops: raised by the gateway itself, to its notifiers and its own topic."""
    script = Script("bed-9", (sinus(25), asystole(20), sinus(15)))
    recording = simulate(script, 250.0, 60.0, seed=1).as_recording()
    words = settings(
        tmp_path,
        "[local]\nalarms = 'cut'\n[uplink]\ncut_after_s = 0.2\ntimeout_s = 1\n"
        "[notify]\nconsole = true\n",
    )
    gateway = GatewayProcess(tmp_path, [*words, "--to", NOWHERE])
    gateway.start()
    device = LineDevice(Signal("bed-9", recording, 60), gateway.tcp_port)
    device.start()
    try:
        device.allowed = 5
        assert until(lambda: "uplink-cut raised" in gateway.log.read_text()), (
            gateway.log.read_text()
        )
        device.allowed = 60
        assert until(lambda: device.done)
        assert until(lambda: re.search(r"high +bed-9: \w+ raised", gateway.log.read_text()))
        metrics = gateway.metrics()
        assert metrics["vigil_gateway_stored_now_frames"] == 60
        assert metrics["vigil_gateway_uplink_up"] == 0
        assert until(lambda: gateway.metrics()["vigil_gateway_notes"] > 2)
    finally:
        device.stop()
        assert gateway.stop() == 0
    store = Store(gateway.store / "outbox.db")
    notes = [note for _, note in store.notes(1000)]
    store.close()
    assert {note.topic for note in notes} == {"ecg.gateway"}  # none for the topic of alarms
    alarms = [json.loads(note.value) for note in notes if note.key == "bed-9"]
    assert {one["schema"] for one in alarms} == {"vigil.local-alarm/1"}
    assert "high" in {one["alarm"]["priority"] for one in alarms}
    notices = [json.loads(note.value) for note in notes if note.key == "gateway"]
    assert ("uplink-cut", "raised") in {(one["condition"], one["state"]) for one in notices}


@pytest.mark.kafka
def test_on_a_full_disk_live_frames_still_reach_kafka_and_it_is_told(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    """The kernel refuses to let the store grow (RLIMIT_FSIZE), as a full disk does."""
    topic = fresh_topic(kafka_cluster)
    words = settings(tmp_path, "[local]\nalarms = 'never'\n")
    gateway = GatewayProcess(tmp_path, [*words, "--to", topic])
    gateway.limits = ((resource.RLIMIT_FSIZE, 260_000),)
    gateway.start()
    [recording] = recordings(1)
    device = LineDevice(Signal("bed-1", recording, 400), gateway.tcp_port)
    device.allowed = 400
    device.start()
    try:
        assert until(lambda: device.done), gateway.log.read_text()[-3000:]
        assert "disk-full raised" in gateway.log.read_text()
        assert gateway.running
    finally:
        device.stop()
        gateway.stop()

    heard = read_topic(topic).streams["bed-1"]
    assert heard.digest == device.signal.digest()
    assert heard.gap_samples == 0
