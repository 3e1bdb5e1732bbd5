"""The command ``vigil models``: what models there are, and whether they keep their word."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.security.models import SUFFIX, ModelTrust, sign_model
from deploy.services.verify import why_not_batch_invariant
from inference import model
from ingest.errors import InputError

NEGATIVE = 1
"""Exit code where a model failed its verification."""


def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names of shipped models, or paths of ONNX files; all shipped ones."),
    ] = None,
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Also score random input in batches of all sizes.")
    ] = False,
    sign: Annotated[
        Path | None,
        typer.Option(help="Sign the models with this Ed25519 private key (PEM), beside each file."),
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Public key (PEM) whose signatures are believed. May be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object a model.")] = False,
) -> int:
    """List models with what their metadata says, and verify them.

    A model whose metadata does not fit is bad input (exit code 2). --verify
    proves that a stream's scores do not depend on who else is in the batch, bit
    for bit, and with --trust or a signature beside it, that a model ships with Vigil or is
    signed by one of these keys; the exit code is 1 where that is not so.

    vigil models promote, rollback and history change and tell which version of a model is in use;
    each has --help.

    Examples
    --------
    $ vigil models
    $ vigil models beat my_classifier.onnx --verify --json
    $ vigil models my_classifier.onnx --sign key.pem
    $ vigil models my_classifier.onnx --verify --trust public.pem
    """
    paths = [model.find(name) for name in names or model.builtin_names()]
    if sign is not None:
        if not names:
            raise InputError("--sign needs the models to be named")
        for path in paths:
            sign_model(path, sign)
    rule = ModelTrust(trust or ())
    found = [_describe(path, verify, rule, asked=bool(trust)) for path in paths]
    for each in found:
        if as_json:
            typer.echo(json.dumps(each))
        else:
            _show(each)
    return NEGATIVE if any(each.get("verified") is False for each in found) else 0


def _describe(path: Path, verify: bool, rule: ModelTrust, *, asked: bool) -> dict[str, Any]:
    """Return what is known of a model; its trust counts where a key or a signature is there."""
    _, info = model.load(path)
    card = path.with_suffix(".md")
    found: dict[str, Any] = {
        **dataclasses.asdict(info),
        "path": str(path),
        "size_bytes": path.stat().st_size,
        "card": str(card) if card.is_file() else None,
    }
    try:
        found["trust"], refusal = rule.explain(path, path.read_bytes()), None
    except InputError as error:
        found["trust"] = str(error)
        signed = path.with_name(path.name + SUFFIX).is_file()
        refusal = str(error) if asked or signed else None
    if verify:
        reason = refusal or why_not_batch_invariant(path)
        found |= {"verified": reason is None, "why_not": reason}
    return found


def _show(found: dict[str, Any]) -> None:
    """Print one model as a table of keys and values."""
    table = Table.grid(padding=(0, 2))
    for key, value in found.items():
        if value is None or value == "":
            text = "none"
        elif isinstance(value, dict):
            text = ", ".join(f"{name} {number:g}" for name, number in value.items())
        elif isinstance(value, tuple):
            text = " ".join(value)
        else:
            text = str(value)
        table.add_row(key.replace("_", " "), text)
    console = Console()
    console.print(table)
    console.print()
