"""Figures kept as small JSON files, so that pages are made of what commands measured."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference import model
from ingest.errors import InputError

RESULTS = Path(__file__).parents[1] / "results"
"""Folder of the JSON files, committed with the models that they are of."""
LOG = Path(__file__).parents[1] / "EVALUATIONS.md"
"""Every look at DS2, with its reason."""


def keep(name: str, found: dict[str, Any], folder: Path | None = None) -> Path:
    """Write what a command measured, with the time, as ``NAME.json``."""
    folder = folder or RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    made = {"made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), **found}
    path.write_text(json.dumps(_rounded(made), indent=1) + "\n", "utf-8")
    return path


def kept(name: str, folder: Path | None = None) -> dict[str, Any] | None:
    """Read what a command measured; None where it was not run.

    Raises
    ------
    ingest.errors.InputError
        If the file is no JSON object.
    """
    path = (folder or RESULTS) / f"{name}.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} must hold a JSON object, not {type(found).__name__}")
    return found


def model_facts(path: Path) -> dict[str, str]:
    """Say which model it is: name, version, SHA-256."""
    _, info = model.load(path)
    return {"name": info.name, "version": info.version, "digest": info.digest}


def log_look(models: str, scores: tuple[str, str, str], why: str, log: Path | None = None) -> None:
    """Add a line for a look at DS2.

    Parameters
    ----------
    models : str
        First digits of the models' SHA-256.
    scores : tuple of str
        Gross F1 of QRS, VEB and SVEB, percent.
    why : str
        The reason.
    log : Path, optional
        File; ``LOG`` by default.
    """
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    with (log or LOG).open("a", encoding="utf-8") as file:
        file.write(f"| {when} | {models} | {' | '.join(scores)} | {why} |\n")


def _rounded(value: Any) -> Any:
    """Round floats to 4 digits behind the point: more says nothing, and makes noise in diffs."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value
