"""The command ``vigil archive``: streams and messages as Parquet, written, read and kept."""

from __future__ import annotations

import json
import logging
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.archive_settings import ArchiveSettings, load_archive_settings
from deploy.cli.archive_reading import list_archive, read_archive
from deploy.cli.progress import progress_bar
from ingest.archive import Archive, Plan, forget_stream, maintain
from ingest.archive.rows import utc_ns
from ingest.archive.verify import verify
from ingest.errors import InputError
from ingest.kafka_url import BrokerError, KafkaUrl

ACTIONS = ("run", "list", "read", "export", "compact", "erase", "verify")
OF_STREAM = ("read", "export", "erase")
FAILED = 1
"""Exit code where the service failed, the archive is damaged, or other maintenance came first."""

logger = logging.getLogger(__name__)


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
    settings = _settings(url, frames, keep_days, config, http_port)
    if action == "run":
        return _run(settings)
    when = None if start is None else utc_ns(start), None if stop is None else utc_ns(stop)
    keys = settings.archive.keys()
    try:
        opened = Archive(settings.archive.address(), keys)
        if action == "list":
            list_archive(opened, table if files else None, as_json=as_json)
            return 0
        if action == "read":
            read_archive(opened, stream or "", table, when, out, as_json=as_json)
            return 0
        if action == "export":
            return _export(opened, stream or "", out, form, when, as_json=as_json)
        if action == "verify":
            return _verify(opened, as_json=as_json)
        if action == "compact":
            return _compact(opened, settings, as_json=as_json)
        return _erase(opened, settings, stream or "", yes=yes, as_json=as_json)
    except BrokenPipeError:
        return 0  # whoever reads the lines has seen enough
    except OSError as error:
        raise InputError(f"the archive cannot be used: {error}") from error
    finally:
        if keys is not None:
            keys.close()


def _settings(
    url: str | None,
    frames: str | None,
    keep_days: int | None,
    config: Path | None,
    http_port: int | None,
) -> ArchiveSettings:
    """Lay the command line above the settings."""
    section = {"url": url, "keep_days": keep_days}
    given: dict[str, dict[str, Any]] = {
        "archive": {key: value for key, value in section.items() if value is not None},
        "http": {} if http_port is None else {"port": http_port},
    }
    if frames is not None:
        parsed = KafkaUrl.parse(frames)
        given["kafka"] = {"servers": ",".join(parsed.servers), "topic_frames": parsed.topic}
    return load_archive_settings(config, given)


def _run(settings: ArchiveSettings) -> int:
    """Archive until a signal comes."""
    from deploy.services.archive import ArchiveService

    try:
        made = ArchiveService(settings)
    except BrokerError as error:
        raise InputError(str(error)) from error

    def stop(number: int, _: object) -> None:
        logger.info("%s: leaving", signal.Signals(number).name)
        made.stop()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        return 0 if made.run() else FAILED
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _export(
    opened: Archive,
    stream: str,
    out: Path | None,
    form: str,
    when: tuple[int | None, int | None],
    *,
    as_json: bool,
) -> int:
    from deploy.services.archive_export import export

    if out is None:
        raise InputError("export needs --out FOLDER")
    for each in export(opened, stream, out, form, *when):
        told = asdict(each) | {"files": [str(path) for path in each.files]}
        if as_json:
            typer.echo(json.dumps(told))
        else:
            typer.echo(
                f"{each.files[0]}: session {each.session!r} from sample {each.first_sample}, "
                f"{each.n_samples} samples, {each.missing} missing, {each.beats} beats, "
                f"{each.alarms} changes of alarms"
            )
    return 0


def _verify(opened: Archive, *, as_json: bool) -> int:
    n_files = len(opened.state().files)
    with progress_bar("verifying", n_files, quiet=as_json) as advance:
        found = verify(opened, progress=lambda _: advance(1))
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        for fault in found.faults:
            typer.echo(f"fault: {fault}")
        for chain, end in found.ends.items():
            typer.echo(f"{chain}  archived up to offset {end}")
        ratio = found.file_bytes / found.raw_bytes if found.raw_bytes else 0.0
        typer.echo(
            f"{found.files} files, {found.rows} rows, {found.file_bytes} bytes "
            f"({ratio:.3f} of {found.raw_bytes}), {found.leftovers} left over, "
            f"{len(found.faults)} faults"
        )
    return FAILED if found.faults else 0


def _compact(opened: Archive, settings: ArchiveSettings, *, as_json: bool) -> int:
    keys = settings.archive.keys()
    try:
        with progress_bar("compacting", None, quiet=as_json) as advance:
            done = maintain(
                opened, Plan(keep_days=settings.archive.keep_days), keys,
                progress=lambda _: advance(1),
            )  # fmt: skip
    finally:
        if keys is not None:
            keys.close()
    if as_json:
        typer.echo(json.dumps(asdict(done)))
    elif done.refused:
        typer.echo("other maintenance came first; nothing was changed")
    else:
        typer.echo(
            f"{done.merged} files became {done.written}, {done.expired} expired, "
            f"{done.erased_rows} rows of erased streams left out, {done.removed} removed for good"
        )
    return FAILED if done.refused else 0


def _erase(
    opened: Archive, settings: ArchiveSettings, stream: str, *, yes: bool, as_json: bool
) -> int:
    if not yes and not typer.confirm(f"Make all that the archive has of {stream} unreadable?"):
        return FAILED
    keys = settings.archive.keys()
    destroyed = 0
    if keys is not None:
        with keys:
            destroyed = keys.destroy(stream)
    done = forget_stream(opened, stream)
    told = {"keys_destroyed": destroyed, "rows": done.erased_rows, "refused": done.refused}
    if as_json:
        typer.echo(json.dumps(told))
    else:
        typer.echo(f"{destroyed} keys destroyed, {done.erased_rows} rows taken out")
        if done.refused:
            typer.echo("other maintenance came first: ask again to have the rows taken out too")
    return FAILED if done.refused else 0
