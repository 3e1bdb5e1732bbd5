from __future__ import annotations

from pathlib import Path

import pytest

from deploy.cli.main import run
from deploy.gateway_settings import Key, LocalAlarms, load_gateway_settings
from ingest.errors import InputError
from ingest.gateway.database import Sync

TCP = {"tcp": {"enabled": True}}


def test_file_environment_and_command_line_stand_above_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "g.toml"
    config.write_text(
        "[gateway]\nname = 'ward-3'\n[store]\nsync = 'normal'\nmax_hours = 6\n"
        "[uplink]\nkey = 'gateway'\n[local]\nalarms = 'always'\n[tcp]\nenabled = true\n"
    )
    monkeypatch.setenv("VIGIL_STORE__MAX_HOURS", "7")
    monkeypatch.setenv("VIGIL_MQTT__HOST", "broker")

    settings = load_gateway_settings(config, {"mqtt": {"host": "other"}})

    assert settings.store.sync is Sync.NORMAL
    assert settings.store.max_hours == 7
    assert settings.mqtt.host == "other"
    assert settings.uplink.key is Key.GATEWAY
    assert settings.local.alarms is LocalAlarms.ALWAYS


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "enable an input"),
        ({**TCP, "store": {"sync": "no"}}, "store.sync"),
        ({**TCP, "store": {"max_bytes": 5}}, "store.max_bytes"),
        ({**TCP, "uplink": {"key": "bed"}}, "uplink.key"),
        ({**TCP, "uplink": {"nope": 1}}, "allowed are servers"),
        ({"tcp": {"enabled": True, "tls_key": "k"}}, "tls_key needs"),
        ({"mqtt": {"enabled": True, "password_file": "p"}}, "password_file needs"),
        ({"mqtt": {"enabled": True, "tls_cert": "c"}}, "tls_cert needs"),
        ({"mqtt": {"enabled": True, "prefix": "a/#"}}, "mqtt.prefix"),
    ],
)
def test_wrong_settings_are_named(told: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_gateway_settings(overrides=told)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "enable an input"),
        (["--tcp", "9470"], "--tcp must be HOST:PORT"),
        (["--mqtt", "host:port"], "--mqtt must be HOST:PORT"),
        (["--tcp", "127.0.0.1:1", "--to", "kafka:9092"], "kafka://HOST:PORT"),
        (["--tcp", "127.0.0.1:1", "--local-alarms", "often"], "local.alarms"),
        (["--tcp", "127.0.0.1:0", "--store", "/proc/nope"], "store.folder"),
        (["--tcp", "203.0.113.1:9470", "--store", "{}"], "cannot listen"),
    ],
)
def test_bad_use_exits_2(
    argv: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("{}", str(tmp_path)) for word in argv]
    assert run(["gateway", *words, "--http-port", "0"]) == 2
    assert told in capsys.readouterr().err
