"""The command ``vigil models``: what models there are, and whether they keep their word."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.services.verify import why_not_batch_invariant
from inference import model

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
    as_json: Annotated[bool, typer.Option("--json", help="Print one object a model.")] = False,
) -> int:
    """List models with what their metadata says, and verify them.

    A model whose metadata does not fit is bad input (exit code 2). --verify
    proves that a stream's scores do not depend on who else is in the batch, bit
    for bit; the exit code is 1 where they do.

    Examples
    --------
    $ vigil models
    $ vigil models beat my_classifier.onnx --verify --json
    """
    found = [_describe(model.find(name), verify) for name in names or model.builtin_names()]
    for each in found:
        if as_json:
            typer.echo(json.dumps(each))
        else:
            _show(each)
    return NEGATIVE if any(each.get("verified") is False for each in found) else 0


def _describe(path: Path, verify: bool) -> dict[str, Any]:
    """Return what is known of a model."""
    _, info = model.load(path)
    card = path.with_suffix(".md")
    found: dict[str, Any] = {
        **dataclasses.asdict(info),
        "path": str(path),
        "size_bytes": path.stat().st_size,
        "card": str(card) if card.is_file() else None,
    }
    if verify:
        reason = why_not_batch_invariant(path)
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
