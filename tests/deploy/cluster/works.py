"""Parts of work for the tests, where workers of other processes can import them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from deploy.cluster.executor import Advance
from deploy.services.score_jobs import Outcome, _score_part
from deploy.services.scoring import ScoreOptions
from ingest.errors import InputError


def square(number: int, advance: Advance) -> tuple[int, int]:
    """Tell a square, and which process worked it out."""
    advance(1)
    return number * number, os.getpid()


def refuse(number: int, advance: Advance) -> int:
    """Refuse one number."""
    if number == 2:
        raise InputError("not 2")
    return number


def die_once(number: int, folder: Path, advance: Advance) -> int:
    """Die by a signal at the first try, in the midst of what is written."""
    with (folder / f"begun-{number}").open("a") as begun:
        begun.write("x")
    if number == 1 and (folder / "begun-1").read_text() == "x":
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def always_die(number: int, advance: Advance) -> None:
    """Die by a signal at each try."""
    os.kill(os.getpid(), signal.SIGKILL)


def score_and_die(
    part: list[tuple[int, str]], out: Path, options: ScoreOptions, folder: Path, advance: Advance
) -> dict[int, Outcome]:
    """Score as ``vigil score`` does; the first worker dies behind its first record."""
    found: dict[int, Any] = {}
    for number, outcome in _score_part(part, out, options, advance):
        found[number] = outcome
        try:
            (folder / "killed").touch(exist_ok=False)
        except FileExistsError:
            continue
        os.kill(os.getpid(), signal.SIGKILL)
    return found
