"""The command ``vigil update``: signed releases of models, taken, watched and taken back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import InputError

if TYPE_CHECKING:
    from deploy.update import Outcome, Updater

NEGATIVE = 1
"""Exit code where a release was taken back, or its place does not answer."""


def update(
    source: Annotated[
        str | None, typer.Argument(help="Folder or https://HOST/FOLDER of the newest release.")
    ] = None,
    *,
    into: Annotated[Path | None, typer.Option(help="Folder that keeps this machine's.")] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Public key (PEM) whose releases are believed. May be repeated."),
    ] = None,
    restart: Annotated[str, typer.Option(help="Command that starts the service anew.")] = "",
    ready: Annotated[str, typer.Option(help="Its address of readiness, http://…/readyz.")] = "",
    limit_s: Annotated[
        float, typer.Option(min=1, max=3600, help="Until then it must be ready, s.")
    ] = 60.0,
    settle_s: Annotated[
        float, typer.Option(min=0, max=600, help="So long it must stay ready, s.")
    ] = 5.0,
    ca: Annotated[
        Path | None, typer.Option(help="Authorities (PEM) of the server; else the system's.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="Bearer token for the server.")] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Use the release before again, now.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Tell what is in use.")] = False,
    publish: Annotated[
        Path | None, typer.Option(help="Make a release of --model in this folder instead.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Model to publish, name or path. May be repeated.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Private key (PEM) to sign it with.")] = None,
    number: Annotated[int, typer.Option(min=1, help="Number of the release.")] = 1,
    days: Annotated[float, typer.Option(help="How long it may be taken, days.")] = 30.0,
    note: Annotated[str, typer.Option(help="What changed.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> int:
    """Take a signed release of models, or go back to the one before.

    The manifest's signature, number and end are checked, then every file's digest, then the
    models: batch invariance and a run over simulated patients. Only then the link
    FOLDER/current is switched, which services name as models.folder. With --restart and
    --ready the service is started anew and watched; where it does not become ready the release
    before is used again, and this one is never taken again. Exits 0 for installed, nothing new or
    held, 1 for taken back or no answer, 2 for refused. docs/update.md tells the rest.

    Examples
    --------
    $ vigil update --publish out --model beat.onnx --key key.pem --number 7 --note "better S"
    $ vigil update https://models.example/ward --into /var/lib/vigil-models --trust public.pem
    $ vigil update --rollback --into /var/lib/vigil-models
    """
    from deploy.update import Releases, Updater
    from deploy.update.checks import Service

    if publish is not None:
        return _publish(publish, model or [], key, number, days, note, as_json=as_json)
    if into is None:
        raise InputError("vigil update needs --into, the folder that keeps this machine's releases")
    updater = Updater(
        Releases(into), tuple(trust or ()), Service(restart, ready, limit_s, settle_s)
    )
    if status:
        told = {"current": updater.releases.current, **dataclasses.asdict(updater.releases.state)}
        _say(told, "\n".join(f"{name} {value}" for name, value in told.items()), as_json=as_json)
        return 0
    outcome = updater.roll_back() if rollback else _take(updater, source, ca, token_file)
    _say(dataclasses.asdict(outcome), _words(outcome), as_json=as_json)
    return 0 if outcome.is_good or (rollback and outcome.result == "rolled-back") else NEGATIVE


def _take(updater: Updater, place: str | None, ca: Path | None, token: Path | None) -> Outcome:
    """Take what a place offers."""
    from deploy.update import Outcome, open_source
    from deploy.update.source import UnreachableError

    if place is None:
        raise InputError("vigil update needs a folder or https address (or --rollback, --status)")
    if not updater.keys:
        raise InputError("vigil update needs --trust: without a key nothing is believed")
    try:
        return updater.update(open_source(place, ca, token))
    except UnreachableError as error:
        return Outcome("unreachable", updater.releases.current, why=str(error))


def _publish(
    folder: Path,
    names: list[str],
    key: Path | None,
    number: int,
    days: float,
    note: str,
    *,
    as_json: bool,
) -> int:
    """Make a release."""
    from deploy.update import publish
    from inference.model import find

    if key is None:
        raise InputError("--publish needs --key")
    path = publish(folder, [find(name) for name in names], key, number, days=days, note=note)
    told = {"release": number, "manifest": str(path), "models": names}
    _say(told, f"release {number}: {path}", as_json=as_json)
    return 0


def _words(outcome: Outcome) -> str:
    """Tell an outcome in words."""
    use = f"release {outcome.current}" if outcome.current else "the models that ship"
    text = f"{outcome.result}: {use} in use"
    if outcome.offered not in (None, outcome.current):
        text += f", {outcome.offered} is not"
    return f"{text}: {outcome.why}" if outcome.why else text


def _say(told: dict[str, object], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(told) if as_json else text)
