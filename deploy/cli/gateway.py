"""The command ``vigil gateway``: devices to Kafka, with a disk between."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.gateway_settings import load_gateway_settings
from deploy.services.gateway import Gateway
from ingest.errors import InputError
from ingest.kafka_url import KafkaUrl

FAILED = 1
"""Exit code where a part failed that it cannot do without: start it again."""

logger = logging.getLogger(__name__)


def gateway(
    *,
    to: Annotated[
        str | None, typer.Option(help="Topic of frames, kafka://HOST:PORT/TOPIC.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Folder where frames wait.")] = None,
    mqtt: Annotated[str | None, typer.Option(help="MQTT broker to listen to, HOST:PORT.")] = None,
    tcp: Annotated[
        str | None, typer.Option(help="Where the line protocol is listened to, HOST:PORT.")
    ] = None,
    local_alarms: Annotated[
        str | None, typer.Option(help="Alarms of the gateway's own: never, cut (default), always.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings, TOML.")] = None,
    http_port: Annotated[
        int | None, typer.Option(help="Port of /metrics, /healthz and /readyz; 0 takes a free one.")
    ] = None,
) -> int:
    """Take frames of devices, by MQTT 5 or as lines, and bring them to Kafka.

    A frame is acknowledged to its device when it is durable on the disk. While Kafka is
    away frames wait there, and alarms are told here; afterwards all of them go, once, each
    stream in order. Runs until SIGTERM or Ctrl-C. Options stand above the environment
    (VIGIL_STORE__FOLDER ...), which stands above the file. docs/gateway.md has the rest.

    Examples
    --------
    $ vigil gateway --to kafka://127.0.0.1:9092/ecg.frames --tcp 0.0.0.0:9470 --store frames
    $ vigil gateway --config gateway.toml --mqtt 127.0.0.1:1883
    """
    given: dict[str, dict[str, Any]] = {
        "uplink": _uplink(to),
        "store": {"folder": store},
        "mqtt": _address(mqtt, "--mqtt"),
        "tcp": _address(tcp, "--tcp"),
        "local": {"alarms": local_alarms},
        "http": {"port": http_port},
    }
    told = {
        table: {key: value for key, value in keys.items() if value is not None}
        for table, keys in given.items()
    }
    made = Gateway(load_gateway_settings(config, told))

    def stop(number: int, _: object) -> None:
        logger.info("%s: leaving", signal.Signals(number).name)
        made.stop()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        return 0 if made.run() else FAILED
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _uplink(to: str | None) -> dict[str, Any]:
    if to is None:
        return {}
    url = KafkaUrl.parse(to)
    return {"servers": ",".join(url.servers), "topic_frames": url.topic}


def _address(text: str | None, option: str) -> dict[str, Any]:
    """Turn ``HOST:PORT`` into settings of an input that is enabled."""
    if text is None:
        return {}
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit()):
        raise InputError(f"{option} must be HOST:PORT, not {text!r}")
    return {"enabled": True, "host": host.strip("[]"), "port": int(port)}
