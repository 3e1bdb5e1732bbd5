"""What a worker does with durable alarms: signals, commands, notifiers, and what may fail there."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from deploy.notify import Notice
from deploy.services.announcing import Announcer, make_announcer, make_desk
from deploy.settings import MonitorSettings, load_settings
from inference.annunciation import Desk, Policy
from inference.limits import Limits
from ingest.errors import InputError
from ingest.frames import Frame, Lead
from ingest.kafka_url import BrokerError
from ingest.source import MemorySink
from tests.brokers import fresh_topic, read_messages
from tests.deploy.interop.alarms import some_alarms
from tests.deploy.notify.receiver import Receiver
from tests.end_to_end.monitors import MonitorProcess
from tests.records import vigil, write_ward

ALARMS = [json.dumps(alarm).encode() for alarm in some_alarms()]


def command(name: str, stream_id: str = "p1", **more: Any) -> bytes:
    told = {"schema": "vigil.command/1", "stream_id": stream_id, "command": name, "who": "n 7"}
    return json.dumps({**told, **more}).encode()


class Inbox:
    """Commands that were put in by hand."""

    def __init__(self, *texts: bytes) -> None:
        self.texts, self.closed, self.broken = list(texts), False, False

    def poll(self) -> list[bytes]:
        if self.broken:
            raise BrokerError("gone")
        texts, self.texts = self.texts, []
        return texts

    def close(self) -> None:
        self.closed = True


class Ear:
    """A notifier that keeps what it is offered."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.counts: dict[str, int] = {}

    def offer(self, notice: Notice) -> None:
        self.keys.append(notice.key)

    def close(self, timeout_s: float) -> None:
        self.keys.append(f"closed in {timeout_s:g} s")


class Bench:
    """An announcer with everything in memory."""

    def __init__(self) -> None:
        self.ms = 1000
        self.ear, self.inbox, self.sink = Ear(), Inbox(), MemorySink()
        self.desk = Desk(lambda: self.ms)
        self.registry = CollectorRegistry()
        self.announcer = Announcer(self.desk, [self.ear], self.inbox, self.sink, self.registry)

    def signals(self) -> list[str]:
        told = [json.loads(value) for _, value in self.sink.messages]
        self.sink.messages.clear()
        return [f"{each['kind']} {each['condition']}".strip() for each in told]


def test_alarms_become_signals_and_notices() -> None:
    bench = Bench()
    bench.announcer.hear(ALARMS[:2])
    assert bench.signals()[:2] == ["on asystole", "sound"]
    assert [key.split(".")[1] for key in bench.ear.keys] == ["raised", "raised"]


def test_a_device_that_falls_silent_is_told_as_a_signal_and_found_again() -> None:
    bench = Bench()
    frame = Frame("p1", "a", 0, 0, 250.0, (Lead("II"),), np.zeros((1, 250), np.int16))
    bench.announcer.heard([frame])
    bench.ms += 9_000
    bench.announcer.turn()
    assert bench.signals() == []
    bench.ms += 2_000
    bench.announcer.turn()
    assert bench.signals() == ["on device_lost", "sound"]
    bench.announcer.heard([replace(frame, first_sample=2750, start_unix_ns=11 * 10**9)])
    bench.ms += 60_000
    bench.announcer.turn()
    assert "off device_lost" in bench.signals()


def test_a_clock_that_runs_backwards_is_refused_and_counted() -> None:
    bench = Bench()
    frame = Frame("p1", "a", 0, 0, 250.0, (Lead("II"),), np.zeros((1, 250), np.int16))
    bench.announcer.heard([frame])
    bench.ms -= 500
    bench.announcer.heard([frame])
    refused = {"what": "time", "reason": "refused"}
    assert bench.registry.get_sample_value("vigil_announcing_refused_total", refused) == 1


def test_commands_are_done_and_what_nobody_acknowledges_is_told_again() -> None:
    bench = Bench()
    bench.announcer.hear(ALARMS[:1])
    bench.signals()
    bench.ms += 61_000
    bench.announcer.turn()
    assert bench.signals() == ["escalated asystole"]
    assert bench.ear.keys[-1].endswith(".escalated.61000")
    bench.inbox.texts = [command("acknowledge")]
    bench.announcer.turn()
    assert bench.signals() == ["acknowledged asystole", "sound"]
    assert bench.desk.beds["p1"].phase("asystole") == "acknowledged"


def test_what_is_refused_is_logged_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.announcer.hear(ALARMS[:1])
    sent = [b"nonsense", command("resume"), command("acknowledge")]
    bench.inbox.texts = list(sent)
    bench.announcer.turn()
    assert bench.desk.beds["p1"].phase("asystole") == "acknowledged"
    told = [r.getMessage() for r in caplog.records if "refused" in r.getMessage()]
    names = [hashlib.sha256(text).hexdigest()[:16] for text in sent[:2]]
    assert told == [
        f"a command was refused: SHA-256 {name}; its dead letter says why" for name in names
    ]
    told = {"what": "a command", "reason": "refused"}
    assert bench.registry.get_sample_value("vigil_announcing_refused_total", told) == 2
    acknowledged = bench.registry.get_sample_value(
        "vigil_alarm_signals_total", {"kind": "acknowledged"}
    )
    assert acknowledged == 1


def test_notices_are_counted_by_what_became_of_them() -> None:
    bench = Bench()
    bench.ear.counts = {"delivered": 3, "retried": 1}
    bench.announcer.turn()
    bench.ear.counts = {"delivered": 5, "retried": 1}
    bench.announcer.turn()
    value = bench.registry.get_sample_value
    assert value("vigil_notices_total", {"outcome": "delivered"}) == 5
    assert value("vigil_notices_total", {"outcome": "retried"}) == 1


def test_a_broker_that_is_gone_stops_nothing() -> None:
    bench = Bench()
    bench.inbox.broken = True
    bench.announcer.turn()
    bench.announcer.hear(ALARMS[:1])
    assert bench.signals()[0] == "on asystole"
    bench.announcer.close(2.0)
    assert bench.inbox.closed
    assert bench.ear.keys[-1] == "closed in 2 s"


def test_a_desk_goes_on_from_its_log(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    first = Announcer(make_desk(Policy(), Limits(), log), commands=Inbox(command("acknowledge")))
    first.hear(ALARMS[:1])
    first.turn()
    first.close(0)
    assert first.desk is not None
    assert first.desk.beds["p1"].phase("asystole") == "acknowledged"
    again = Announcer(make_desk(Policy(), Limits(), log), commands=Inbox(command("resume")))
    assert again.desk is not None
    assert again.desk.beds["p1"].phase("asystole") == "quiet"  # known, and its engine is gone
    again.hear(ALARMS[:1])
    assert again.desk.beds["p1"].phase("asystole") == "on"
    again.close(0)
    third = Announcer(make_desk(Policy(), Limits(), log))
    assert third.desk is not None
    assert third.desk.beds["p1"].phase("asystole") == "latched"  # nobody had acknowledged
    third.close(0)


def test_what_another_worker_has_now_is_over_here_and_lethal_alarms_latch() -> None:
    bench = Bench()
    bench.announcer.hear([a for a in ALARMS if json.loads(a)["state"] == "raised"][:2])
    bench.signals()
    bench.announcer.lose({"p1", "never heard"})
    bench.ms += 5_000
    bench.announcer.turn()
    assert bench.signals() == ["latched asystole", "off lead_off"]


def test_alarms_that_stand_in_streams_taken_over_are_told_by_who_has_them_now() -> None:
    bench = Bench()
    raised = [a for a in ALARMS if json.loads(a)["state"] == "raised"][:2]
    asystole, lead_off = map(json.loads, raised)
    latched = json.dumps({**asystole, "state": "latched"}).encode()
    vetoed = json.dumps({**lead_off, "id": "v", "state": "vetoed"}).encode()

    bench.announcer.resume([latched, raised[1], vetoed])

    assert "latched asystole" in bench.signals()
    assert bench.desk.beds["p1"].phase("asystole") == "latched"
    ids = [f"{asystole['id']}.raised", f"{asystole['id']}.latched", f"{lead_off['id']}.raised"]
    assert bench.ear.keys == ids  # keys by which whoever heard them before knows them
    bench.announcer.resume([latched, raised[1]])
    assert bench.desk.beds["p1"].phase("asystole") == "latched"


def test_a_flood_of_alarms_waits_for_the_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    announcer = Announcer(make_desk(Policy(), Limits(), tmp_path / "a.jsonl"))
    monkeypatch.setattr("inference.annunciation.log.os.fsync", synced.append)
    announcer.hear(ALARMS)
    assert len(synced) == 1
    announcer.turn()
    assert len(synced) == 1
    announcer.close(0)
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert len(lines) == 1 + len(ALARMS)


def settings(tmp_path: Path, text: str) -> MonitorSettings:
    path = tmp_path / "vigil.toml"
    path.write_text(text)
    return load_settings(path)


def test_nothing_asked_for_is_nothing_made() -> None:
    assert make_announcer(load_settings(), Limits()) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[annunciation]\nlog = "a"', "annunciation.enabled must be true"),
        ("[annunciation]\nenabled = true\npolicy = {volume = 1}", "'volume' is unknown"),
        ('[notify]\nwebhook = "https://a/x"', "notify.webhook needs notify.secret_file"),
        ('[notify]\nwebhook = "https://a/x"\nsecret_file = "none"', "secret_file none: No such"),
    ],
)
def test_settings_that_do_not_fit_are_told_at_start(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make_announcer(settings(tmp_path, text), Limits())


@pytest.mark.parametrize(
    ("text", "told"),
    [('profile = "old"', "profile 'old' is unknown"), ("profil = 1", "no such key; allowed are p")],
)
def test_a_profile_that_is_none_exits_2(
    tmp_path: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from deploy.cli.main import run

    (tmp_path / "vigil.toml").write_text(f"[patient]\n{text}\n")
    assert run(["monitor", "--config", str(tmp_path / "vigil.toml")]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("policy", "told"),
    [("{volume = 1}", "'volume' is unknown"), ("{timings = {high = {refractory_s = 9}}}", "high")],
)
def test_a_policy_that_cannot_be_exits_2_before_kafka_is_asked(
    tmp_path: Path, policy: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from deploy.cli.main import run

    (tmp_path / "vigil.toml").write_text(f"[annunciation]\nenabled = true\npolicy = {policy}\n")
    assert run(["monitor", "--config", str(tmp_path / "vigil.toml")]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.kafka
def test_a_worker_tells_signals_takes_commands_and_posts_alarms(
    kafka_cluster: Any, tmp_path: Path
) -> None:
    from ingest.kafka import KafkaSink

    frames, alarms = fresh_topic(kafka_cluster), fresh_topic(kafka_cluster, kind="alarms")
    signals, dead = fresh_topic(kafka_cluster, kind="signals"), fresh_topic(kafka_cluster)
    commands = fresh_topic(kafka_cluster, kind="commands")
    (tmp_path / "secret").write_text("sixteen bytes or more\n")
    with Receiver(204) as receiver:
        config = tmp_path / "vigil.toml"
        config.write_text(
            f'[patient]\nprofile = "neonatal"\n[annunciation]\nenabled = true\n'
            f'log = "{tmp_path / "signals.jsonl"}"\n'
            f'topic_commands = "{commands.rpartition("/")[2]}"\n'
            f'topic_signals = "{signals.rpartition("/")[2]}"\n'
            f'[notify]\nwebhook = "{receiver.url}"\nsecret_file = "{tmp_path / "secret"}"\n'
            f'undelivered = "{tmp_path / "left.jsonl"}"\n'
        )
        urls = ["--from", frames, "--to", alarms, "--dead-to", dead, "--config", config]
        paths = write_ward(tmp_path, 1, duration_s=30)
        with MonitorProcess(tmp_path / "log", *urls, "--group", frames[-9:]) as worker:
            worker.until(lambda: worker.get("/readyz")[0] == 200)
            assert vigil("replay", *paths, "--to", frames, "--speed", "max").returncode == 0
            # A newborn's limits: an adult's rhythm is a bradycardia.
            stream, first = read_messages(alarms, 1, timeout_s=30)[0]
            told = json.loads(first)
            assert (told["condition"], told["profile"]) == ("bradycardia", "neonatal")
            sink = KafkaSink(commands)
            sink.write(stream, command("audio_pause", stream_id=stream))
            sink.flush()
            sink.close()
            paused = 'vigil_alarm_signals_total{kind="audio_paused"}'
            worker.until(lambda: worker.metric(paused) == 1)
            heard = read_messages(signals, 3, timeout_s=30)
            assert worker.terminate() == 0
            time.sleep(0.2)
    kinds = [json.loads(value)["kind"] for _, value in heard]
    assert kinds[:2] == ["on", "sound"]
    assert "audio_paused" in kinds
    posted = {headers["idempotency-key"] for headers, _ in receiver.requests}
    assert f"{told['id']}.raised" in posted
    assert (tmp_path / "left.jsonl").read_text() == ""
    lines = (tmp_path / "signals.jsonl").read_text().splitlines()
    assert [json.loads(line).get("command") for line in lines].count("audio_pause") == 1


def test_limits_that_a_command_selects_are_followed_and_those_of_the_log_again_after_a_restart(
    tmp_path: Path,
) -> None:
    log, followed = tmp_path / "a.jsonl", []
    chosen = command("set_limits", why="fit", limits={"bradycardia_bpm": 42})
    refused = command("set_limits", why="fit", limits={"bradycardia_bpm": 42, "pause_s": 4.5})
    first = Announcer(make_desk(Policy(), Limits(), log), commands=Inbox(refused, chosen))
    first.follow_limits(lambda stream_id, limits: followed.append((stream_id, limits)))
    first.turn()
    first.close(0)
    assert followed == [("p1", Limits(bradycardia_bpm=42))]
    again = Announcer(make_desk(Policy(), Limits(), log))
    again.follow_limits(lambda stream_id, limits: followed.append((stream_id, limits)))
    again.close(0)
    assert followed[1:] == followed[:1]
