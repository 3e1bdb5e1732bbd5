"""The command ``python -m tests.fuzz``: inputs by the million, at every reader or some.

Overnight: ``python -m tests.fuzz --inputs 100000000 --report fuzzing.json --out faults`` shares
so many among all readers by their speed (:mod:`tests.fuzz.plan`); stopped and started again, it
goes on where it was. The exit code is 1 where anything but a refusal came of an input.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.fuzz import console, files, network, targets
from tests.fuzz.page import page
from tests.fuzz.plan import Ledger, Piece, share
from tests.fuzz.run import fuzz, rss_bytes
from tests.fuzz.target import Outcome, Target

MAKERS: tuple[Callable[[], Target], ...] = (
    targets.codec, targets.sequence, targets.command, targets.dead_letter, targets.config,
    targets.address, files.wfdb_header, files.wfdb_signals, files.edf, files.keys,
    files.audit_log, files.annunciation_log, files.state, network.http, network.mqtt,
    network.device_hello, network.device_line, network.alarm, console.api,
)  # fmt: skip
"""Every target."""

GROWN_BYTES = 64 << 20
"""A run that grows by more has a leak."""
ROUND_S = 20.0
"""Time of one target before the next has its turn, s."""
FIRST_S = 2.0
"""Time of one target in the first round, s: soon all have been tried."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run targets in turns until the inputs or the time are used up; return the exit code."""
    chosen = _arguments(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    made = {target.name: target for target in (make() for make in MAKERS)}
    unknown = set(chosen.targets) - set(made)
    if unknown:
        print(f"no target {', '.join(sorted(unknown))}; there are {', '.join(made)}")
        return 2
    wanted = [made[name] for name in made if not chosen.targets or name in chosen.targets]
    goals = {target.name: share(target.name, chosen.inputs) for target in wanted}
    if chosen.targets:  # all of the inputs are theirs
        goals = {name: chosen.inputs // len(wanted) for name in goals}
    ledger = Ledger.read(chosen.report, [target.name for target in wanted])
    _feed(wanted, goals, ledger, chosen)
    ledger.pieces = [piece for piece in ledger.pieces if piece.turns]
    return _end(ledger, chosen)


def _feed(
    wanted: Sequence[Target], goals: dict[str, int], ledger: Ledger, chosen: argparse.Namespace
) -> None:
    """Give every target its turns, until each has what is its own or the time is over."""
    piece = Piece(chosen.seed + sum(piece.turns for piece in ledger.pieces))
    ledger.pieces.append(piece)
    pools = {target.name: list(target.seeds) for target in wanted}
    end_s = time.monotonic() + chosen.seconds
    round_s = FIRST_S
    while needy := [t for t in wanted if ledger.totals[t.name].inputs < goals[t.name]]:
        for target in needy:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return
            left = goals[target.name] - ledger.totals[target.name].inputs
            seconds = min(left_s, round_s)
            found = fuzz(target, left, piece.seed + piece.turns, seconds, pools[target.name])
            ledger.totals[target.name].add(found)
            piece.turns += 1
            piece.inputs += found.n_inputs
            piece.last_mb = round(rss_bytes() / 2**20, 1)
            _keep(found, chosen.out)
            _report(ledger, chosen)
        piece.settled_mb = piece.settled_mb or piece.last_mb
        round_s = ROUND_S


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="readers, by name; else all")
    parser.add_argument("--inputs", type=int, default=100_000, help="in all (default 100000)")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="at most (default: no end)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other inputs")
    parser.add_argument("--out", type=Path, help="folder for inputs that caused faults")
    parser.add_argument(
        "--report", type=Path, help="JSON file of counts, gone on with and kept after every turn"
    )
    parser.add_argument("--page", type=Path, help="page of the counts, written at the end")
    return parser.parse_args(arguments)


def _keep(found: Outcome, out: Path | None) -> None:
    """Write the inputs that caused faults."""
    for kind, content in found.faults.items():
        print(f"{found.name}: {kind}: {content[:120]!r}", file=sys.stderr, flush=True)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256(kind.encode()).hexdigest()[:12]
            (out / f"{found.name}-{digest}.bin").write_bytes(content)


def _report(ledger: Ledger, chosen: argparse.Namespace) -> None:
    if chosen.report is not None:
        ledger.write(chosen.report)


def _end(ledger: Ledger, chosen: argparse.Namespace) -> int:
    """Print what came of it, and write the page."""
    _report(ledger, chosen)
    if chosen.page is not None:
        chosen.page.write_text(page(ledger))
    print(f"{'target':14}{'inputs':>12}{'a second':>10}{'refused':>9}{'outcomes':>9}"
          f"{'slowest':>10}{'grown':>9}{'faults':>7}")  # fmt: skip
    bad = False
    for name, total in ledger.totals.items():
        bad |= total.grown_bytes > GROWN_BYTES or bool(total.faults)
        print(
            f"{name:14}{total.inputs:>12}{total.inputs / max(total.seconds, 1e-9):>10.0f}"
            f"{total.refused / max(total.inputs, 1):>9.1%}{total.outcomes:>9}"
            f"{total.slowest_s * 1000:>8.1f}ms{total.grown_bytes / 2**20:>6.1f}MB"
            f"{len(total.faults):>7}"
        )
    seconds = sum(total.seconds for total in ledger.totals.values())
    print(f"{ledger.n_inputs} inputs in {seconds:.0f} s of one core; 100 million at this rate: "
          f"{seconds / max(ledger.n_inputs, 1) * 1e8 / 3600:.1f} h")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
