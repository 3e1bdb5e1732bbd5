"""Read a Dockerfile: its stages, and what each of them does in order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from ingest.errors import InputError

KNOWN = (
    "SHELL", "RUN", "ENV", "WORKDIR", "COPY", "USER", "EXPOSE", "VOLUME", "HEALTHCHECK",
    "ENTRYPOINT", "CMD",
)  # fmt: skip
"""Instructions that are understood beside ``FROM``."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction."""

    name: str
    """Such as ``RUN``."""
    text: str
    """What stands behind it, lines joined."""

    def words(self) -> list[str]:
        """Return the words of its JSON form.

        Raises
        ------
        InputError
            If it is not in that form.
        """
        try:
            words = json.loads(self.text)
        except ValueError:
            words = None
        if not isinstance(words, list):
            raise InputError(f"{self.name} must be written as a JSON list, not {self.text!r}")
        return [str(word) for word in words]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage."""

    name: str
    """What later stages and ``--target`` call it."""
    parent: str
    """Stage or image that it begins with."""
    instructions: list[Instruction] = field(default_factory=list)
    """What it does."""


def read(path: Path) -> dict[str, Stage]:
    """Return the stages of a Dockerfile by their names, in order.

    Raises
    ------
    InputError
        If an instruction is not known, or a stage has no name.
    """
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for name, text in _instructions(path.read_text("utf-8")):
        if name == "FROM":
            found = re.fullmatch(r"(\S+) AS (\S+)", text)
            if found is None:
                raise InputError(f"{path}: FROM {text}: say FROM IMAGE AS NAME")
            stage = stages[found[2]] = Stage(found[2], found[1])
        elif name not in KNOWN or stage is None:
            raise InputError(f"{path}: {name}: known are FROM, then {', '.join(KNOWN)}")
        else:
            stage.instructions.append(Instruction(name, text))
    return stages


def lineage(stages: dict[str, Stage], target: str) -> list[Stage]:
    """Return the stages from the base image to a target, the target last.

    Raises
    ------
    InputError
        If there is no such stage.
    """
    if target not in stages:
        raise InputError(f"no stage {target!r}; there are {', '.join(stages)}")
    found = [stages[target]]
    while found[0].parent in stages:
        found.insert(0, stages[found[0].parent])
    return found


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = [line.partition(" ") for line in joined.splitlines()]
    return [(name.upper(), rest.strip()) for name, _, rest in split]
