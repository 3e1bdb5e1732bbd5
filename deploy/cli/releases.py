"""The commands ``vigil models promote``, ``rollback`` and ``history``."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import InputError

if TYPE_CHECKING:
    from deploy.registry.release import Releases
    from deploy.registry.store import Version

Name = Annotated[str, typer.Argument(help="Name of the model, such as beat.")]
Models = Annotated[
    Path, typer.Option("--models", help="Folder of models in use: MODELS/NAME/champion/NAME.onnx.")
]
Registry = Annotated[
    str | None,
    typer.Option(help="MLflow's address, or a SQLite file; MODELS/registry.db by default."),
]
Trust = Annotated[
    list[Path] | None, typer.Option(help="Public key (PEM) that is believed. May be repeated.")
]
Who = Annotated[str, typer.Option(help="Who acts, for the audit log: a role.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print objects.")]


def promote(
    name: Name,
    *,
    models: Models,
    trust: Trust = None,
    number: Annotated[
        int | None, typer.Option("--version", help="Version; else the candidate or the shadow.")
    ] = None,
    to: Annotated[str, typer.Option(help="champion or shadow.")] = "champion",
    first: Annotated[
        Path | None, typer.Option(help="File of a first champion, which has no record.")
    ] = None,
    registry: Registry = None,
    who: Who = "release",
    as_json: AsJson = False,
) -> None:
    """Put a model in use that passed its gates: its signed record says so.

    Refused are models without a record that passed, of another file, or judged beside another
    champion. The model is installed whole or not at all at MODELS/NAME/champion/NAME.onnx, with
    its signature and record; each action goes into MODELS/audit.jsonl.

    Examples
    --------
    $ vigil models promote beat --models models --trust public.pem --first beat.onnx
    $ vigil models promote beat --models models --trust public.pem --to shadow
    $ vigil models promote beat --models models --trust public.pem --version 3
    """
    from deploy.registry.store import Stage

    if to not in (Stage.CHAMPION, Stage.SHADOW):
        raise InputError(f"--to is champion or shadow, not {to!r}")
    with ExitStack() as opened:
        releases = _releases(opened, models, registry, trust, who)
        if first is not None:
            done = releases.begin(name, first)
        else:
            done = releases.promote(name, number, Stage(to))
    _show([done], as_json=as_json)


def rollback(
    name: Name,
    *,
    models: Models,
    trust: Trust = None,
    registry: Registry = None,
    who: Who = "release",
    as_json: AsJson = False,
) -> None:
    """Put the champion before in use again, at once.

    Examples
    --------
    $ vigil models rollback beat --models models --trust public.pem
    """
    with ExitStack() as opened:
        done = _releases(opened, models, registry, trust, who).rollback(name)
    _show([done], as_json=as_json)


def history(
    name: Name, *, models: Models, registry: Registry = None, as_json: AsJson = False
) -> None:
    """List the versions of a model with their stages, the newest first.

    Examples
    --------
    $ vigil models history beat --models models
    """
    from deploy.registry.store import ModelRegistry

    address = registry or str(models / "registry.db")
    if "://" not in address and not Path(address).is_file():
        raise InputError(f"there is no registry {address}")
    _show(ModelRegistry(address).versions(name), as_json=as_json)


def _releases(
    opened: ExitStack, models: Path, registry: str | None, trust: list[Path] | None, who: str
) -> Releases:
    from deploy.audit_log import AuditLog
    from deploy.registry.release import Releases
    from deploy.registry.shelf import Shelf
    from deploy.registry.store import ModelRegistry

    if not trust:
        raise InputError("--trust is missing: whose records are believed")
    models.mkdir(parents=True, exist_ok=True)
    log = opened.enter_context(AuditLog(models / "audit.jsonl"))
    store = ModelRegistry(registry or str(models / "registry.db"))
    return Releases(store, Shelf(models), trust, log, who)


def _show(versions: list[Version], *, as_json: bool) -> None:
    for one in versions:
        if as_json:
            typer.echo(json.dumps(one.to_dict()))
            continue
        of = "" if one.before is None else f", after {one.before}"
        told = "no record" if one.record is None else f"record {one.record}"
        what = f"{one.version}, {one.sha256[:16]}{of}, {told}"
        typer.echo(f"{one.name} {one.number}: {one.stage.value}, {what}")
