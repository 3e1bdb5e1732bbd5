"""What each action of ``vigil archive`` does; loads what only the archive needs."""

from __future__ import annotations

import json
import logging
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from deploy.archive_settings import ArchiveSettings, load_archive_settings
from deploy.cli.archive_reading import list_archive, read_archive
from deploy.cli.progress import progress_bar
from ingest.archive import Archive, Plan, forget_stream, maintain
from ingest.archive.rows import utc_ns
from ingest.archive.verify import verify
from ingest.errors import InputError
from ingest.kafka_url import BrokerError, KafkaUrl

FAILED = 1
"""Exit code where the service failed, the archive is damaged, or other maintenance came first."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks of an action."""

    stream: str
    """Stream, empty where none is named."""
    table: str
    """Table."""
    when: tuple[int | None, int | None]
    """Stretch, UTC, ns since 1970."""
    out: Path | None
    """File or folder to write to."""
    form: str
    """Form of records."""
    files: bool
    """Whether paths of files are listed."""
    yes: bool
    """Whether nobody is asked before a stream is erased."""
    as_json: bool
    """Whether JSON is printed."""


def when(start: str | None, stop: str | None) -> tuple[int | None, int | None]:
    """Read the ends of a stretch, ns since 1970.

    Raises
    ------
    InputError
        If one is not a time.
    """
    return None if start is None else utc_ns(start), None if stop is None else utc_ns(stop)


def do(action: str, settings: ArchiveSettings, asked: Asked) -> int:
    """Do all but ``run``; return the exit code.

    Raises
    ------
    InputError
        If it cannot be done.
    """
    keys = settings.archive.keys()
    try:
        opened = Archive(settings.archive.address(), keys)
        if action == "list":
            list_archive(opened, asked.table if asked.files else None, as_json=asked.as_json)
            return 0
        if action == "read":
            read_archive(
                opened, asked.stream, asked.table, asked.when, asked.out, as_json=asked.as_json
            )
            return 0
        if action == "export":
            return _export(opened, asked)
        if action == "verify":
            return _verify(opened, as_json=asked.as_json)
        if action == "compact":
            return _compact(opened, settings, as_json=asked.as_json)
        return _erase(opened, settings, asked)
    except BrokenPipeError:
        return 0  # whoever reads the lines has seen enough
    except OSError as error:
        raise InputError(f"the archive cannot be used: {error}") from error
    finally:
        if keys is not None:
            keys.close()


def archive_settings(
    url: str | None,
    frames: str | None,
    keep_days: int | None,
    config: Path | None,
    http_port: int | None,
) -> ArchiveSettings:
    """Lay the command line above the settings.

    Raises
    ------
    InputError
        If something is not allowed.
    """
    section = {"url": url, "keep_days": keep_days}
    given: dict[str, dict[str, Any]] = {
        "archive": {key: value for key, value in section.items() if value is not None},
        "http": {} if http_port is None else {"port": http_port},
    }
    if frames is not None:
        parsed = KafkaUrl.parse(frames)
        given["kafka"] = {"servers": ",".join(parsed.servers), "topic_frames": parsed.topic}
    return load_archive_settings(config, given)


def run(settings: ArchiveSettings) -> int:
    """Archive until a signal comes."""
    from deploy.services.archive import ArchiveService, collect_seldom

    try:
        made = ArchiveService(settings)
    except BrokerError as error:
        raise InputError(str(error)) from error

    def stop(number: int, _: object) -> None:
        logger.info("%s: leaving", signal.Signals(number).name)
        made.stop()

    collect_seldom()
    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        return 0 if made.run() else FAILED
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _export(opened: Archive, asked: Asked) -> int:
    from deploy.services.archive_export import export

    if asked.out is None:
        raise InputError("export needs --out FOLDER")
    for each in export(opened, asked.stream, asked.out, asked.form, *asked.when):
        told = asdict(each) | {"files": [str(path) for path in each.files]}
        if asked.as_json:
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


def _erase(opened: Archive, settings: ArchiveSettings, asked: Asked) -> int:
    stream = asked.stream
    if not asked.yes and not typer.confirm(
        f"Make all that the archive has of {stream} unreadable?"
    ):
        return FAILED
    keys = settings.archive.keys()
    destroyed = 0
    if keys is not None:
        with keys:
            destroyed = keys.destroy(stream)
    done = forget_stream(opened, stream)
    told = {"keys_destroyed": destroyed, "rows": done.erased_rows, "refused": done.refused}
    if asked.as_json:
        typer.echo(json.dumps(told))
    else:
        typer.echo(f"{destroyed} keys destroyed, {done.erased_rows} rows taken out")
        if done.refused:
            typer.echo("other maintenance came first: ask again to have the rows taken out too")
    return FAILED if done.refused else 0
