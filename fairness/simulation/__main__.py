"""Run the study: ``python -m fairness.simulation``; minutes of one core."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fairness.benchmark import measure
from fairness.simulation import page
from fairness.simulation.coverage import (
    CASES,
    CORRELATIONS,
    HARDER,
    PATIENTS,
    Coverage,
    cover,
)
from fairness.simulation.metrics import FalseDifference, false_differences
from fairness.simulation.peers import Peer, fairlearn_coverage
from fairness.simulation.verdicts import (
    PROMISES,
    SCENARIOS,
    Outcome,
    Promise,
    Scenario,
    judge,
    keep,
)

STORE = "fairness-validation.json"
"""Name of the file that keeps what was found."""
OTHERS = ("verdicts", "metrics", "power", "fairlearn", "speed")
PEERS = 60
"""Cohorts that fairlearn is asked about: its bootstrap takes a second for each."""
VERDICTS = 500
"""Cohorts of each scenario: one of twelve groups takes a tenth of a second."""
_HARD = 0.1, 0.3


def main() -> None:
    """Simulate what is asked for, keep it, and write the page of all that is kept."""
    parser = argparse.ArgumentParser(prog="python -m fairness.simulation", description=__doc__)
    parser.add_argument("--trials", type=int, default=1500, help="cohorts a cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where the page goes")
    parser.add_argument("--only", choices=[*CASES, *HARDER, *OTHERS, "page"], default=None)
    given = parser.parse_args()
    path = given.docs / STORE
    kept: dict[str, list[dict[str, Any]]] = json.loads(path.read_text()) if path.exists() else {}
    parts = [given.only] if given.only else [*CASES, *HARDER, *OTHERS]
    for part in parts:
        if part != "page":
            found = _run(part, given.trials, given.seed)
            kept[part] = [one if isinstance(one, dict) else asdict(one) for one in found]
            path.write_text(json.dumps(kept, indent=1) + "\n")
    speed = kept.get("speed", [None])[0]
    false = [FalseDifference(**one) for one in kept.get("metrics", [])]
    page.write(*_read(kept), false, speed, given.docs)


def _run(part: str, trials: int, seed: int) -> list[Any]:
    print(f"{part}:", end=" ", file=sys.stderr, flush=True)
    found: list[Any] = []
    for one in _cells(part):
        if part == "metrics":
            found += false_differences(min(trials, VERDICTS), seed)
        elif part == "speed":
            found.append(measure(*one))
        elif part == "verdicts":
            found.append(judge(one, min(trials, VERDICTS), seed))
        elif part == "power":
            found.append(keep(one, trials, seed))
        elif part == "fairlearn":
            patients, icc = one
            found.append(fairlearn_coverage(patients, icc, min(trials, PEERS), seed))
        else:
            patients, icc = one
            found.append(cover(part, (CASES | HARDER)[part], patients, icc, trials, seed))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def _cells(part: str) -> list[Any]:
    if part == "verdicts":
        return list(SCENARIOS)
    if part == "power":
        return list(PROMISES)
    if part == "metrics":
        return [None]
    if part == "fairlearn":
        return [(50, 0.3)]
    if part == "speed":
        return [(1_000_000, 2000, 2000, 10)]
    correlations = CORRELATIONS if part in CASES else _HARD
    return [(patients, correlation) for patients in PATIENTS for correlation in correlations]


def _read(
    kept: dict[str, list[dict[str, Any]]],
) -> tuple[list[Coverage], list[Outcome], list[Promise], list[Peer]]:
    coverage = [Coverage(**one) for name in (*CASES, *HARDER) for one in kept.get(name, [])]
    outcomes = []
    for one in kept.get("verdicts", []):
        scenario = one["scenario"]
        values = tuple(scenario.pop("sensitivities"))
        outcomes.append(Outcome(**{**one, "scenario": Scenario(sensitivities=values, **scenario)}))
    promises = [
        Promise(**{**one, "sensitivities": tuple(one["sensitivities"])})
        for one in kept.get("power", [])
    ]
    return coverage, outcomes, promises, [Peer(**one) for one in kept.get("fairlearn", [])]


if __name__ == "__main__":
    main()
