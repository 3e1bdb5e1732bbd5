"""How many inputs each reader has of an overnight run, and what was fed to it so far.

A reader that takes ten microseconds has tens of millions, one that opens files and parses them
in other people's Python has at least :data:`LEAST`. Counts are kept in a file, so that a run
goes on where another stopped, with other inputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.target import Outcome

LEAST = 200_000
"""Least inputs of the slowest readers in an overnight run."""

SHARES: Mapping[str, int] = {
    "codec": 30_000_000,
    "mqtt": 15_000_000,
    "sequence": 10_000_000,
    "command": 10_000_000,
    "device-line": 10_000_000,
    "dead-letter": 5_000_000,
    "address": 5_000_000,
    "device-hello": 5_000_000,
    "alarm": 5_000_000,
    "http": 2_000_000,
    "state": 2_000_000,
    "keys": 1_000_000,
    "audit-log": 500_000,
    "signal-log": 500_000,
    "edf": 500_000,
    "config": 500_000,
    "console-api": LEAST,
    "wfdb-header": LEAST,
    "wfdb-signals": LEAST,
}
"""Inputs of an overnight run by target; together something over 100 million."""

OVERNIGHT = 100_000_000
"""Inputs of an overnight run, at least."""


def share(name: str, n_inputs: int) -> int:
    """Return how many of so many inputs are one target's.

    Examples
    --------
    >>> share("codec", OVERNIGHT), share("codec", 1000), share("wfdb-header", 1000)
    (30000000, 300, 2)
    """
    return max(1, SHARES.get(name, LEAST) * n_inputs // OVERNIGHT)


@dataclass(slots=True)
class Total:
    """What came of all the inputs of one target."""

    inputs: int = 0
    """Inputs that were read."""
    refused: int = 0
    """Those that were refused."""
    outcomes: int = 0
    """Kinds of outcome in the piece that saw the most."""
    seconds: float = 0.0
    """How long the processor was busy, s."""
    slowest_s: float = 0.0
    """The longest that one input took by the clock, s."""
    grown_bytes: int = 0
    """The most that the process grew in one turn."""
    faults: list[str] = field(default_factory=list)
    """Kinds of fault."""

    def add(self, found: Outcome) -> None:
        """Take in one turn."""
        self.inputs += found.n_inputs
        self.refused += found.n_refused
        self.seconds = round(self.seconds + found.seconds, 2)
        self.slowest_s = round(max(self.slowest_s, found.slowest_s), 4)
        self.grown_bytes = max(self.grown_bytes, found.grown_bytes)
        self.outcomes = max(self.outcomes, len(found.reasons))
        self.faults = sorted({*self.faults, *found.faults})


@dataclass(slots=True)
class Piece:
    """One process that fed inputs."""

    seed: int
    """What its inputs were made from; each turn took the next."""
    turns: int = 0
    """Turns of targets."""
    inputs: int = 0
    """Inputs."""
    settled_mb: float = 0.0
    """Memory of the process once every target had had a turn, MB."""
    last_mb: float = 0.0
    """Memory at its last turn, MB."""


@dataclass(slots=True)
class Ledger:
    """What was fed so far, in all pieces."""

    totals: dict[str, Total]
    """By target."""
    pieces: list[Piece]
    """Processes, in order."""

    @property
    def n_inputs(self) -> int:
        """Inputs of all targets."""
        return sum(total.inputs for total in self.totals.values())

    @property
    def n_faults(self) -> int:
        """Kinds of fault of all targets."""
        return sum(len(total.faults) for total in self.totals.values())

    @classmethod
    def read(cls, path: Path | None, names: Iterable[str]) -> Ledger:
        """Go on with what a file tells; begin anew where there is none."""
        held: dict[str, Any] = {}
        if path is not None and path.exists():
            held = json.loads(path.read_text())
        totals = {name: Total(**keys) for name, keys in held.get("targets", {}).items()}
        for name in names:
            totals.setdefault(name, Total())
        return cls(totals, [Piece(**keys) for keys in held.get("pieces", [])])

    def write(self, path: Path) -> None:
        """Keep all of it; a process that dies meanwhile leaves the file as it was."""
        told = {
            "inputs": self.n_inputs,
            "targets": {name: _fields(total) for name, total in self.totals.items()},
            "pieces": [_fields(piece) for piece in self.pieces],
        }
        aside = path.with_name(f"{path.name}.new")
        aside.write_text(json.dumps(told, indent=1) + "\n")
        aside.replace(path)


def _fields(told: Total | Piece) -> dict[str, Any]:
    return {name: getattr(told, name) for name in told.__slots__}
