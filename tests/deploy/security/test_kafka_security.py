"""Who does not belong is refused by a real Kafka, is told why, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.audit_log import read
from deploy.cli.main import run
from deploy.kafka.jars import why_not
from ingest.errors import InputError
from ingest.kafka import KafkaSource
from ingest.kafka_security import KafkaSecurity
from ingest.kafka_topics import require_topics
from ingest.kafka_url import BrokerError
from tests.certificates import Authority
from tests.deploy.security.secure_kafka import ADMIN, PASSWORDS, SecureKafka, secure_kafka
from tests.end_to_end.monitors import MonitorProcess
from tests.records import vigil, write_ward

TOPICS = ("frames", "alarms", "dead")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with secure_kafka(tmp_path_factory.mktemp("secure")) as found:
        for topic in TOPICS:
            found.cluster.create_topic(topic)
        yield found


def monitor_argv(secure: SecureKafka, config: Path, host: str = "127.0.0.1") -> list[str]:
    urls = [secure.cluster.url(topic).replace("127.0.0.1", host) for topic in TOPICS]
    options = zip(("--from", "--to", "--dead-to"), urls, strict=True)
    words = [word for option in options for word in option]
    return ["monitor", *words, "--config", str(config), "--http-port", "0", "--group", "ward"]


@pytest.mark.kafka
def test_another_authority_is_refused_at_once(
    secure: SecureKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Authority(tmp_path / "other", "another authority")
    config = secure.config(tmp_path / "c.toml", ca=other.ca)
    assert run(monitor_argv(secure, config)) == 2
    told = capsys.readouterr().err
    assert "is not trusted" in told
    assert "unable to get local issuer certificate" in told


@pytest.mark.kafka
def test_another_host_name_is_refused_at_once(
    secure: SecureKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = secure.config(tmp_path / "c.toml")
    assert run(monitor_argv(secure, config, host="localhost")) == 2
    assert "certificate is not valid for 'localhost'" in capsys.readouterr().err


@pytest.mark.kafka
def test_no_permission_is_refused_and_loses_nothing(
    secure: SecureKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, log = secure.config(tmp_path / "c.toml"), tmp_path / "audit.jsonl"
    config.write_text(f"{config.read_text()}[audit]\nlog = '{log}'\n")
    argv = monitor_argv(secure, config)
    frames = secure.cluster.url("frames")
    [path] = write_ward(tmp_path, 1, duration_s=20)
    sending = "replay", path, "--to", frames, "--speed", "max", "--config", config

    def refusal(command: list[str]) -> str:
        assert run(command) == 2
        told = capsys.readouterr().err
        assert PASSWORDS["worker"] not in told
        return told

    told = refusal(argv)
    assert "no topic 'frames', 'alarms', 'dead'" in told
    assert "let this user see it" in told
    secure.allow(("WRITE", "TOPIC", "frames"), *(("DESCRIBE", "TOPIC", t) for t in TOPICS))
    assert vigil(*sending).returncode == 0
    assert "not allowed to use 'frames' (READ), 'alarms' (WRITE), 'dead' (WRITE)" in refusal(argv)
    secure.allow(
        ("READ", "TOPIC", "frames"), ("WRITE", "TOPIC", "alarms"), ("WRITE", "TOPIC", "dead")
    )
    assert "not allowed to use the group 'ward'" in refusal(argv)
    secure.allow(("READ", "GROUP", "ward"))
    assert "TransactionalIdAuthorizationFailed" in refusal([*argv, "--instance-id", "w"])
    refused = [str(each.details["why"]) for each in read(log) if each.what == "start.refused"]
    assert len(refused) == 4
    assert "not allowed to use 'frames' (READ)" in refused[1]
    assert "not allowed to use the group 'ward'" in refused[2]
    secure.allow(("WRITE", "TRANSACTIONAL_ID", "ward.w"))
    words = [word for word in argv[1:] if word not in ("--http-port", "0")]
    with MonitorProcess(tmp_path / "log", *words, "--instance-id", "w") as worker:
        worker.until(lambda: worker.metric("vigil_frames_total") == 20)
        assert worker.terminate() == 0
        assert PASSWORDS["worker"] not in worker.log.read_text()


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"password": "another"}, "user or password refused|are user and password right"),
        ({"certificate": None}, "alert bad certificate|certificate required"),
        ({"protocol": "PLAINTEXT", "ca": None, "certificate": None}, "set kafka.security"),
    ],
    ids=["another password", "no client certificate", "no TLS"],
)
def test_whoever_cannot_show_who_it_is_is_told_why(
    secure: SecureKafka, changed: dict[str, object], told: str
) -> None:
    right = secure.security(ADMIN)
    keys = {"protocol": right.protocol, "ca": right.ca, "certificate": right.certificate}
    if changed.get("protocol") != "PLAINTEXT":
        keys |= {"user": ADMIN, "password": PASSWORDS[ADMIN]}
    options = KafkaSecurity(**(keys | changed)).options()  # type: ignore[arg-type]
    options["bootstrap_timeout_ms"] = 3000
    with pytest.raises((InputError, BrokerError), match=told) as refused:
        require_topics([secure.cluster.url("frames")], options)
    assert PASSWORDS[ADMIN] not in str(refused.value)


@pytest.mark.kafka
def test_readers_need_the_same(secure: SecureKafka) -> None:
    with pytest.raises(InputError, match="no topic"):
        KafkaSource(secure.cluster.url("nothing"), "g", options=secure.security(ADMIN).options())


def test_what_does_not_go_together_is_refused() -> None:
    for keys, told in (
        ({"protocol": "TLS"}, "allowed are PLAINTEXT, SSL"),
        ({"protocol": "SASL_SSL"}, "needs user and a password"),
        ({"user": "u"}, "no use with protocol PLAINTEXT"),
        ({"ca": Path("x")}, "no use with protocol PLAINTEXT"),
        ({"protocol": "SSL", "key": Path("x")}, "key needs certificate"),
        ({"protocol": "SSL", "ca": Path("/none")}, "ca /none cannot be used"),
        ({"protocol": "SASL_SSL", "mechanism": "PLAIN"}, "allowed are SCRAM"),
    ):
        with pytest.raises(InputError, match=told):
            KafkaSecurity(**keys).options()  # type: ignore[arg-type]
    assert "geheim" not in repr(KafkaSecurity("SASL_SSL", user="u", password="geheim"))


def test_secrets_stand_in_the_environment_or_in_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from deploy.settings import load_settings

    config = tmp_path / "c.toml"
    config.write_text("[kafka.security]\npassword = 'geheim'\n")
    with pytest.raises(InputError, match="password must not stand in") as refused:
        load_settings(config)
    assert "VIGIL_KAFKA__SECURITY__PASSWORD" in str(refused.value)
    assert "geheim" not in str(refused.value)
    monkeypatch.setenv("VIGIL_KAFKA__SECURITY__PASSWORD", "geheim")
    monkeypatch.setenv("VIGIL_KAFKA__SECURITY__USER", "u")
    monkeypatch.setenv("VIGIL_KAFKA__SECURITY__PROTOCOL", "SASL_PLAINTEXT")
    settings = load_settings()
    assert settings.kafka.security.options()["sasl_plain_password"] == "geheim"
    assert "geheim" not in repr(settings)
    assert "geheim" not in settings.model_dump_json()
