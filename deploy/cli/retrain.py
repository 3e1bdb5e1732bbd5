"""The command ``vigil retrain``: a candidate, its gates, a signed record."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ingest.errors import InputError

STOPPED = 1
"""Exit code where a gate was not passed."""


def retrain(
    config: Annotated[Path, typer.Argument(help="TOML file: champion, candidate, locked set.")],
    *,
    sign: Annotated[
        Path, typer.Option(help="Ed25519 private key (PEM) that signs the record and the model.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the record; made where it is not there.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the databases; VIGIL_DATA or ../shared/data.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Judge this run folder of vigil train; train none.")
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(help="Register what passed: address of MLflow, or a SQLite file."),
    ] = None,
    who: Annotated[str, typer.Option(help="Who changes, for the logs: a role.")] = "release",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Train a candidate, judge it by a locked set, and write a signed record of the change.

    The record has the form of a predetermined change control plan: what changed, by which
    protocol, with which impact. A locked set judges each candidate once, and each look is logged.
    What passed is signed and, with --registry, registered as a candidate; vigil models promote
    puts it in use. The exit code is 1 where a gate stopped it. Needs the extras train and audit.

    Examples
    --------
    $ vigil retrain change.toml --sign key.pem --out changes/ward-2026-11
    $ vigil retrain change.toml --sign key.pem --out changes/x --registry models/registry.db
    """
    try:
        from deploy.services.retraining import Retraining
        from training.retrain.models import open_model
    except ModuleNotFoundError as error:
        extras = "vigil-ecg[train,audit]"
        raise InputError(f"vigil retrain needs {error.name}: install {extras}") from error
    folder = data or Path(os.environ.get("VIGIL_DATA", "../shared/data"))
    if not folder.is_dir():
        raise InputError(f"no data folder {folder}: name it with --data or VIGIL_DATA")

    def say(what: str) -> None:
        if not as_json:
            typer.echo(what)

    work = Retraining(folder, sign, who, say)
    done = work.change(config, out, None if run is None else open_model(run))
    if done.passed and registry is not None and done.candidate is not None:
        from deploy.registry.store import ModelRegistry

        info = done.record["description_of_modifications"]["candidate"]
        added = ModelRegistry(registry).add(
            info["name"], done.candidate, done.folder, info["version"], info["sha256"]
        )
        say(f"registered as version {added.number} of {added.name}: candidate")
    if as_json:
        typer.echo(json.dumps(done.record))
    else:
        stopped = ", ".join(done.record["stopped_by"])
        typer.echo("passed" if done.passed else f"stopped by: {stopped}")
        typer.echo(f"record: {done.folder / 'record.html'}")
    return 0 if done.passed else STOPPED
