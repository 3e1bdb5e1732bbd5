"""The command ``vigil archive``: streams and messages as Parquet, written, read and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.errors import InputError

ACTIONS = ("run", "list", "read", "export", "compact", "erase", "verify")
OF_STREAM = ("read", "export", "erase")


def archive(
    action: Annotated[str, typer.Argument(help=", ".join(ACTIONS) + ".")] = "run",
    stream: Annotated[str | None, typer.Argument(help="read, export, erase: the stream.")] = None,
    *,
    url: Annotated[
        str | None, typer.Option(help="The archive: a folder, or an address such as s3://...")
    ] = None,
    frames: Annotated[
        str | None, typer.Option(help="run: topic of the frames, kafka://HOST:PORT/TOPIC.")
    ] = None,
    table: Annotated[
        str, typer.Option(help="list --files, read: frames, beats, alarms, signals, verdicts.")
    ] = "frames",
    files: Annotated[
        bool, typer.Option("--files", help="list: paths of the table's files, for other tools.")
    ] = False,
    start: Annotated[
        str | None, typer.Option("--from", help="read, export: from this time (UTC, ISO 8601).")
    ] = None,
    stop: Annotated[str | None, typer.Option("--to", help="And before this one.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="read: CSV of the signal; export: the folder.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="export: wfdb or edf.")] = "wfdb",
    keep_days: Annotated[int | None, typer.Option(help="compact: let older days (UTC) go.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="erase: do not ask.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings, TOML.")] = None,
    http_port: Annotated[
        int | None, typer.Option(help="run: port of /metrics, /healthz, /readyz; 0: a free one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Keep what Kafka had as Parquet, each message once, and read any stretch of it.

    run archives until SIGTERM or Ctrl-C. list tells what there is of each stream, read one
    stream's signal or messages, export makes WFDB or EDF+ records of it. compact puts small
    files together and lets old days go; erase makes a stream unreadable, for good; verify
    compares all files with the archive's log. docs/archive.md has settings and layout.

    Examples
    --------
    $ vigil archive --url /srv/ecg --frames kafka://127.0.0.1:9092/ecg.frames
    $ vigil archive read bed-7 --url /srv/ecg --from 2026-03-01T10:00:00Z --to 2026-03-01T10:05Z
    $ vigil archive export bed-7 --url /srv/ecg --format edf --out records
    $ vigil archive verify --url s3://ward-3/ecg
    """
    if action not in ACTIONS:
        raise InputError(f"{action!r} is unknown; known are {', '.join(ACTIONS)}")
    if (action in OF_STREAM) != (stream is not None):
        needs = "needs a stream" if action in OF_STREAM else "takes no stream"
        raise InputError(f"archive {action} {needs}")
    try:
        from deploy.cli import archive_actions as actions
    except ModuleNotFoundError as error:
        raise InputError(f"vigil archive needs {error.name}: install vigil-ecg[archive]") from error
    settings = actions.archive_settings(url, frames, keep_days, config, http_port)
    if action == "run":
        return actions.run(settings)
    asked = actions.Asked(
        stream or "", table, actions.when(start, stop), out, form, files=files, yes=yes,
        as_json=as_json,
    )  # fmt: skip
    return actions.do(action, settings, asked)
