"""The command ``vigil monitor``: the worker between Kafka topics."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.services.monitor import Monitor
from deploy.settings import load_settings
from ingest.errors import InputError
from ingest.kafka_url import BrokerError, KafkaUrl

FAILED = 1
"""Exit code where Kafka failed for good: start again, nothing is lost."""

logger = logging.getLogger(__name__)


def monitor(
    *,
    from_url: Annotated[
        str | None, typer.Option("--from", help="Topic of frames, kafka://HOST:PORT/TOPIC.")
    ] = None,
    to_url: Annotated[
        str | None, typer.Option("--to", help="Topic of alarms, on the same Kafka.")
    ] = None,
    dead_to: Annotated[
        str | None, typer.Option(help="Topic of what cannot be read, on the same Kafka.")
    ] = None,
    beats_to: Annotated[
        str | None, typer.Option(help="Topic of every beat, on the same Kafka; else none.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Consumer group; its workers share the streams.")
    ] = None,
    instance_id: Annotated[
        str | None, typer.Option(help="This worker's name across restarts (static membership).")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings, TOML.")] = None,
    http_port: Annotated[
        int | None, typer.Option(help="Port of /metrics, /healthz and /readyz; 0 takes a free one.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Model by name or path, as in vigil score. May be repeated."),
    ] = None,
    lead: Annotated[
        str | None,
        typer.Option(help="Lead to score, or two with a comma, as in vigil score; else the best."),
    ] = None,
) -> int:
    """Score streams from Kafka and write their alarms: one worker of a group.

    Runs until SIGTERM or Ctrl-C, then finishes its turn, settles it and leaves.
    Alarms and offsets go in one transaction. Options stand above the environment
    (VIGIL_KAFKA__GROUP ...), which stands above the file. The exit code is 1 where
    Kafka failed for good: start the worker again, nothing is lost.

    Examples
    --------
    $ vigil monitor --from kafka://127.0.0.1:9092/ecg.frames --to kafka://127.0.0.1:9092/ecg.alarms
    $ vigil monitor --config vigil.toml --instance-id worker-1 --http-port 9465
    """
    kafka, beats_topic = _kafka_settings(
        {"topic_in": from_url, "topic_out": to_url, "topic_dead": dead_to}, beats_to
    )
    kafka |= _given({"group": group, "instance_id": instance_id})
    settings = load_settings(config, {"kafka": kafka, "http": _given({"port": http_port})})
    if beats_to is not None and _servers(KafkaUrl.parse(beats_to)) != settings.kafka.servers:
        raise InputError(f"--beats-to must be on the same Kafka, {settings.kafka.servers}")
    worker = Monitor(settings, model or [], lead, beats_topic)
    with _stopped_by_signals(worker):
        try:
            worker.run()
        except BrokerError as error:
            logger.error("stopped, nothing of the last turn is committed: %s", error)
            return FAILED
    return 0


def _kafka_settings(
    urls: Mapping[str, str | None], beats_to: str | None
) -> tuple[dict[str, Any], str | None]:
    """Turn addresses into settings, and see that they are all on one Kafka.

    A transaction takes in alarms and offsets of one cluster only.
    """
    parsed = {key: KafkaUrl.parse(url) for key, url in urls.items() if url is not None}
    servers = {_servers(url) for url in parsed.values()}
    if len(servers) > 1:
        raise InputError(
            f"{' and '.join(sorted(servers))}: all topics must be given on the same Kafka, "
            "written in the same way"
        )
    found: dict[str, Any] = {key: url.topic for key, url in parsed.items()}
    if servers:
        found["servers"] = servers.pop()
    return found, None if beats_to is None else KafkaUrl.parse(beats_to).topic


def _servers(url: KafkaUrl) -> str:
    return ",".join(url.servers)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the command line did not say."""
    return {key: value for key, value in options.items() if value is not None}


@contextmanager
def _stopped_by_signals(worker: Monitor) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop the worker behind its turn."""

    def stop(number: int, _: object) -> None:
        logger.info("%s: finishing the turn", signal.Signals(number).name)
        worker.stop()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
