"""A claim as a TOML file: what ``vigil evaluate --claim FILE`` needs to know beside annotations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ingest.errors import InputError
from training.ec57.summary import BEAT_KINDS, BeatKind
from training.guard.fitted import Fitted
from training.guard.held_out import Look
from training.toml_file import read_toml

LOG_HEAD = "| when (UTC) | model | figures | why |\n|---|---|---|---|\n"


class ClaimFile(BaseModel):
    """What a claim says of a model and of how it was tested."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    """Name of the model or system."""
    look_ahead_s: float
    """How far past a beat it looks, s, as measured."""
    runs: tuple[Path, ...] = ()
    """``run.json`` of every run that made a part of it, from the claim's folder."""
    patients: tuple[str, ...] = ()
    """Further patients that it was made from, such as ``mitdb/101``."""
    reference_test: str = ""
    """Extension of annotations that it made at the reference's R-peaks."""
    kinds: tuple[BeatKind, ...] = BEAT_KINDS
    """Kinds of beats that the headline is about."""
    why: str = ""
    """Why DS2 is looked at, where it is."""
    log: Path = Path("EVALUATIONS.md")
    """Where looks at DS2 are logged, from the claim's folder."""

    @property
    def look(self) -> Look | None:
        """Leave to look at DS2, if a reason is given."""
        return Look(self.why) if self.why else None


def read_claim(path: Path) -> tuple[ClaimFile, Fitted[str]]:
    """Read a claim, and who its model was made from.

    Raises
    ------
    ingest.errors.InputError
        If it cannot be read, a key is not allowed, or nobody is named.
    """
    claim = read_toml(path, ClaimFile)
    made_from = {*claim.patients}
    for run in claim.runs:
        made_from |= _patients(path.parent / run)
    return claim, Fitted(f"model {claim.model}", claim.model, frozenset(made_from))


def _patients(run: Path) -> set[str]:
    """Name everybody that a run learned from or was judged by."""
    try:
        told = json.loads(run.read_text("utf-8"))
        return {*told["training_patients"], *told["validation_patients"]}
    except OSError as error:
        raise InputError(f"cannot read {run}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{run} is not the run.json of a run: {error}") from error


def log_look(log: Path, model: str, figures: str, look: Look) -> None:
    """Add a line about a look at DS2.

    Raises
    ------
    ingest.errors.InputError
        If it cannot be written: a look that is not logged is not to be had.
    """
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    try:
        head = "" if log.exists() else f"# Looks at DS2\n\n{LOG_HEAD}"
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{head}| {when} | {model} | {figures} | {look.why} |\n")
    except OSError as error:
        raise InputError(f"cannot log the look at DS2 in {log}: {error.strerror}") from error
