"""The command ``vigil watch``: false alarms by group of patients, live."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.until_stopped import stopped_by_signals
from ingest.errors import InputError

if TYPE_CHECKING:
    from fairness.live.reading import Alert


def watch(
    *,
    alarms: Annotated[
        str, typer.Option(help="Alarms: a file of JSON lines, or kafka://HOST:PORT/TOPIC.")
    ],
    feedback: Annotated[
        str | None,
        typer.Option(help="Feedback and hours monitored, the same way; else among the alarms."),
    ] = None,
    subjects: Annotated[
        Path, typer.Option(help="Subjects, CSV or Parquet: patient is the alarms' stream_id.")
    ],
    declaration: Annotated[
        Path, typer.Option(help="TOML: groups, margin, alpha, declared beforehand.")
    ],
    http_port: Annotated[
        int, typer.Option(help="Port of /metrics and /healthz; 0 takes a free one.")
    ] = 9466,
    once: Annotated[
        bool, typer.Option("--once", help="Read what is there and exit with the verdict.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a line.")] = False,
) -> int:
    """Watch the share of false alarms by group of patients, and alert when one drifts.

    Follows alarms and what clinicians say of them, and serves the figures as Prometheus metrics
    without patients' ids; groups of few patients are not shown. An alert means that a group fares
    worse than the rest by more than the declared margin; the chance of any false alert, however
    long the watch goes on, is at most alpha. Runs until SIGTERM or Ctrl-C. With --once the exit
    code is the verdict: 0 nothing shown, 1 an alert, 3 too few patients. Needs the extra audit.

    Examples
    --------
    $ vigil watch --alarms 100.alarms.jsonl --feedback judged.jsonl --subjects people.csv
      --declaration watch.toml --once
    """
    try:
        from deploy.services.audit_verdicts import EXIT
        from deploy.services.watch import WatchPaths, WatchService, alert_object, summary, verdict
    except ModuleNotFoundError as error:
        raise InputError(f"vigil watch needs {error.name}: install vigil-ecg[audit]") from error

    def tell(alert: Alert) -> None:
        if as_json and not once:
            typer.echo(json.dumps(alert_object(alert)))
        elif not as_json:
            typer.echo(in_words(alert))

    paths = WatchPaths(alarms, feedback, subjects, declaration)
    service = WatchService(paths, tell, None if once else http_port, once=once)
    if not once:
        typer.echo(f"serving /metrics on port {service.http_port}", err=True)
    with stopped_by_signals(service.stop):
        service.run()
    if not once:
        return 0
    found = verdict(service.watch)
    typer.echo(json.dumps(summary(service.watch)) if as_json else f"verdict: {found.value}")
    return EXIT[found]


def in_words(alert: Alert) -> str:
    """Say an alert in a sentence."""
    one = alert.reading
    return (
        f"alert: in {one.attribute} {one.group}, {one.false_alarm_share:.0%} of a patient's alarms "
        f"({one.condition}) are false, {one.difference * 100:+.0f} points beside the rest (margin "
        f"{alert.margin * 100:g}); {one.patients} patients"
    )
