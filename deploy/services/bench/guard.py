"""The guard against regressions: compares ratios of two runs, never seconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.services.bench.figure import Figure
from ingest.errors import InputError

TOLERANCE = 0.35
"""How much worse a ratio may be; what a busy machine does to ratios stays below it."""
MORE_IS_BETTER = ("patients", "GFLOP/s")
"""What units of rates begin with; of all others less is better."""


@dataclass(frozen=True, slots=True)
class Worse:
    """A figure that is worse than it was."""

    name: str
    """What was measured."""
    peer: str
    """Beside what."""
    before: float
    """Ratio that was kept."""
    now: float
    """Ratio of this run."""


def compare(figures: Sequence[Figure], kept: Path, tolerance: float = TOLERANCE) -> list[Worse]:
    """Return what is worse than in a run that was kept; what only one of them has is left out.

    Raises
    ------
    InputError
        If the file is not one that ``vigil bench --report`` or ``--json`` wrote, or has no
        figure of this run.
    """
    try:
        told = json.loads(kept.read_text())["figures"]
        before = {(one["name"], one["peer"]): float(one["ratio"]) for one in told}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{kept}: not a run of vigil bench: {error}") from error
    both = [one for one in figures if (one.name, one.peer) in before]
    if not both:
        raise InputError(f"{kept}: has none of the figures that were measured")
    found = []
    for one in both:
        then = before[one.name, one.peer]
        better = one.unit.startswith(MORE_IS_BETTER)
        worse_by = then / one.ratio if better else one.ratio / then
        if worse_by > 1 + tolerance:
            found.append(Worse(one.name, one.peer, then, one.ratio))
    return found
