"""The command ``vigil monitor``: the worker between Kafka topics."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.garbage import keep_what_stands
from deploy.lifeline import end_with_parent
from deploy.ports import free_ports
from deploy.services.command_trail import audit_key
from deploy.services.monitor import Monitor
from deploy.services.refusals import note_refused_start
from deploy.services.supervisor import Supervisor
from deploy.services.waiting import AwayError, made_when_there
from deploy.settings import MonitorSettings, load_settings
from ingest.errors import InputError
from ingest.kafka_url import BrokerError, KafkaUrl

FAILED = 1
"""Exit code where Kafka failed for good: start again, nothing is lost."""

START = "from deploy.cli import main; main()"
"""Runs this command line in another process."""

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
    state_to: Annotated[
        str | None,
        typer.Option(help="Compacted topic of the streams' states, on the same Kafka; else none."),
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
    profile: Annotated[
        str | None,
        typer.Option(help="Whose alarm limits: adult (as without it), paediatric, neonatal."),
    ] = None,
    shadow: Annotated[
        list[str] | None,
        typer.Option(help="Candidate beside them, model or folder; alarms to shadow.topic."),
    ] = None,
    numerics: Annotated[
        bool | None,
        typer.Option(help="Forecast streams of numerics (HR, SpO2 ...) and alarm what strays."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes, of one core each, that share the partitions.")
    ] = 1,
) -> int:
    """Score streams from Kafka and write their alarms: one worker of a group.

    Runs until SIGTERM or Ctrl-C, then finishes its turn, settles it and leaves.
    Alarms, beats, states and offsets go in one transaction. With --state-to (or
    kafka.topic_state) whoever takes a partition over goes on with its streams as if
    nothing had happened. Options stand above the environment (VIGIL_KAFKA__GROUP ...),
    which stands above the file. The exit code is 1 where Kafka failed for good, or did not
    answer for kafka.wait_s at the start: start the worker again, nothing is lost.

    With --workers each is a process of its own with its metrics on a port of its own, the first
    behind --http-port; one that dies is started again. On --http-port all metrics are merged.

    With --numerics streams without an ECG are forecast by the same worker; what is not as forecast,
    gone, or stands still is an alarm of low priority (docs/numerics.md).

    With --shadow a candidate scores beside the models in use in the worker's spare time. What it
    raises goes to shadow.topic (ecg.shadow) and to nobody; behind, it is shed first.

    Examples
    --------
    $ vigil monitor --from kafka://127.0.0.1:9092/ecg.frames --to kafka://127.0.0.1:9092/ecg.alarms
    $ vigil monitor --config vigil.toml --instance-id worker-1 --http-port 9465
    """
    kafka, beats_topic = _kafka_settings(
        {
            "topic_in": from_url,
            "topic_out": to_url,
            "topic_dead": dead_to,
            "topic_state": state_to,
        },
        beats_to,
    )
    kafka |= _given({"group": group, "instance_id": instance_id})
    given: dict[str, dict[str, Any]] = {
        "http": {"port": http_port},
        "patient": {"profile": profile},
        "shadow": {"models": shadow},
        "numerics": {"enabled": numerics},
    }
    told = {table: _given(keys) for table, keys in given.items()}
    settings = load_settings(config, {"kafka": kafka, **told})
    if beats_to is not None and _servers(KafkaUrl.parse(beats_to)) != settings.kafka.servers:
        raise InputError(f"--beats-to must be on the same Kafka, {settings.kafka.servers}")
    if workers > 1:
        topics = {"--from": from_url, "--to": to_url, "--dead-to": dead_to, "--beats-to": beats_to}
        topics["--state-to"] = state_to
        options = {**topics, "--group": group, "--config": config, "--lead": lead}
        models = [word for name in model or () for word in ("--model", name)]
        models += [] if numerics is None else ["--numerics" if numerics else "--no-numerics"]
        models += [word for name in shadow or () for word in ("--shadow", name)]
        words = [word for flag, told in _given(options).items() for word in (flag, str(told))]
        return _supervise(settings, [*words, *models], workers)
    end_with_parent()
    try:
        worker = made_when_there(
            lambda: Monitor(settings, model or [], lead, beats_topic), settings.kafka.wait_s
        )
    except AwayError as error:
        logger.error("given up after %g s: %s", settings.kafka.wait_s, error)
        return FAILED
    except InputError as error:
        note_refused_start(settings.audit.log, audit_key(settings.audit.key_file), error)
        raise
    keep_what_stands()
    with _stopped_by_signals(worker):
        try:
            worker.run()
        except BrokerError as error:
            logger.error("stopped, nothing of the last turn is committed: %s", error)
            return FAILED
    return 0


def _supervise(settings: MonitorSettings, words: Sequence[str], n_workers: int) -> int:
    """Run so many workers with the same options, each under a name and on a port of its own."""
    host, port, instance = settings.http.host, settings.http.port, settings.kafka.instance_id
    ports = [port + 1 + i for i in range(n_workers)] if port else free_ports(n_workers, host)
    level = logging.getLevelName(logging.getLogger().getEffectiveLevel()).lower()
    start = [sys.executable, "-c", START, "--log-level", level, "monitor", *words]
    commands = []
    for i, of_worker in enumerate(ports):
        name = [] if instance is None else ["--instance-id", f"{instance}-{i}"]
        own = ["env", *own_files(settings, i), *start, *name, "--http-port", str(of_worker)]
        commands.append((own, of_worker))
    supervisor = Supervisor(commands, host=host, port=port, security=settings.http.security)
    with _stopped_by_signals(supervisor):
        return supervisor.run()


def own_files(settings: MonitorSettings, number: int) -> list[str]:
    """Give a worker files of its own, as settings of its environment: each has one writer.

    Examples
    --------
    >>> from deploy.settings import AuditSettings
    >>> given = MonitorSettings(audit=AuditSettings(log=Path("/var/lib/vigil/audit.jsonl")))
    >>> own_files(given, 1)
    ['VIGIL_AUDIT__LOG=/var/lib/vigil/audit.1.jsonl']
    """
    named = {
        "AUDIT__LOG": settings.audit.log,
        "ANNUNCIATION__LOG": settings.annunciation.log,
        "NOTIFY__UNDELIVERED": settings.notify.undelivered if settings.notify.webhook else None,
    }
    return [
        f"VIGIL_{key}={path.with_name(f'{path.stem}.{number}{path.suffix}')}"
        for key, path in named.items()
        if path is not None
    ]


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
def _stopped_by_signals(worker: Monitor | Supervisor) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop a worker behind its turn, or all of them."""

    def stop(number: int, _: object) -> None:
        logger.info("%s: finishing the turn", signal.Signals(number).name)
        worker.stop()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
