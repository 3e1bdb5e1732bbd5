"""The command ``python -m tests.fuzz``: inputs by the million, at every reader or some.

Overnight: ``python -m tests.fuzz --inputs 100000000 --out faults`` shares so many among all
readers by their speed. The exit code is 1 where anything but a refusal came of an input.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.fuzz import files, network, targets
from tests.fuzz.run import fuzz
from tests.fuzz.target import Outcome, Target

MAKERS: tuple[Callable[[], Target], ...] = (
    targets.codec, targets.sequence, targets.command, targets.dead_letter, targets.config,
    targets.address, files.wfdb_header, files.wfdb_signals, files.edf, files.keys,
    files.audit_log, files.annunciation_log, files.state, network.http, network.device_hello,
    network.device_line, network.alarm,
)  # fmt: skip
"""Every target."""

GROWN_BYTES = 64 << 20
"""A run that grows by more has a leak."""
ROUND_S = 20.0
"""Time of one target before the next has its turn, s."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run targets in turns until the inputs or the time are used up; return the exit code."""
    chosen = _arguments(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    made = [make() for make in MAKERS]
    names = [target.name for target in made]
    unknown = set(chosen.targets) - set(names)
    if unknown:
        print(f"no target {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        return 2
    wanted = [target for target in made if not chosen.targets or target.name in chosen.targets]
    pools = {target.name: list(target.seeds) for target in wanted}
    totals = {target.name: Outcome(target.name) for target in wanted}
    started, turn = time.monotonic(), 0
    while True:
        for target in wanted:
            left_s = chosen.seconds - (time.monotonic() - started)
            left = chosen.inputs - sum(total.n_inputs for total in totals.values())
            if left <= 0 or left_s <= 0:
                return _end(list(totals.values()), chosen)
            seconds = min(left_s, ROUND_S if turn else min(ROUND_S, 2.0))
            found = fuzz(target, left, chosen.seed + turn, seconds, pools[target.name])
            _add(totals[target.name], found)
            _keep(found, chosen.out)
        turn += 1
        _report(list(totals.values()), chosen)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="readers, by name; else all")
    parser.add_argument("--inputs", type=int, default=100_000, help="in all (default 100000)")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="at most (default: no end)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other inputs")
    parser.add_argument("--out", type=Path, help="folder for inputs that caused faults")
    parser.add_argument("--report", type=Path, help="JSON file, written after every round")
    return parser.parse_args(arguments)


def _add(total: Outcome, found: Outcome) -> None:
    total.n_inputs += found.n_inputs
    total.n_refused += found.n_refused
    total.seconds += found.seconds
    total.slowest_s = max(total.slowest_s, found.slowest_s)
    total.grown_bytes = max(total.grown_bytes, found.grown_bytes)
    total.reasons.update(found.reasons)
    for kind, content in found.faults.items():
        total.faults.setdefault(kind, content)


def _keep(found: Outcome, out: Path | None) -> None:
    """Write the inputs that caused faults."""
    for kind, content in found.faults.items():
        print(f"{found.name}: {kind}: {content[:120]!r}", file=sys.stderr, flush=True)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{found.name}-{abs(hash(kind)):x}.bin").write_bytes(content)


def _report(totals: Sequence[Outcome], chosen: argparse.Namespace) -> None:
    if chosen.report is None:
        return
    rows = [
        {
            "target": total.name, "inputs": total.n_inputs, "refused": total.n_refused,
            "outcomes": len(total.reasons), "seconds": round(total.seconds, 1),
            "slowest_s": round(total.slowest_s, 4), "grown_bytes": total.grown_bytes,
            "faults": sorted(total.faults),
        }
        for total in totals
    ]  # fmt: skip
    chosen.report.write_text(json.dumps(rows, indent=1) + "\n")


def _end(totals: Sequence[Outcome], chosen: argparse.Namespace) -> int:
    """Print what came of it."""
    _report(totals, chosen)
    print(f"{'target':14}{'inputs':>12}{'a second':>10}{'refused':>9}{'outcomes':>9}"
          f"{'slowest':>10}{'grown':>9}{'faults':>7}")  # fmt: skip
    bad = False
    for total in totals:
        leaks = total.grown_bytes > GROWN_BYTES
        bad |= leaks or bool(total.faults)
        print(
            f"{total.name:14}{total.n_inputs:>12}{total.n_inputs / max(total.seconds, 1e-9):>10.0f}"
            f"{total.n_refused / max(total.n_inputs, 1):>9.1%}{len(total.reasons):>9}"
            f"{total.slowest_s * 1000:>8.1f}ms{total.grown_bytes / 2**20:>6.1f}MB"
            f"{len(total.faults):>7}"
        )
    n_inputs = sum(total.n_inputs for total in totals)
    seconds = sum(total.seconds for total in totals)
    print(f"{n_inputs} inputs in {seconds:.0f} s of one core; 100 million at this rate: "
          f"{seconds / max(n_inputs, 1) * 1e8 / 3600:.1f} h")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
