"""How often the watch alerts wrongly, and how soon rightly, where the truth is known.

``python -m fairness.live.simulation`` writes ``docs/fairness-watch.md``. Patients come one by one,
each with up to five judged alarms whose truth is correlated within them; after each one every group
is looked at. Beside the watch stands what is often done instead: a two-sample z-test after each
patient.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from fairness.live.drift import Drift

ALPHA, MARGIN, LEAST = 0.05, 0.10, 20
"""As a watch has them by default."""
CORRELATION = 0.3
"""Intraclass correlation of false alarms within a patient."""
BASE = 0.4
"""Share of false alarms of the groups that are not worse."""
PAGE = Path(__file__).parents[2] / "docs" / "fairness-watch.md"
"""Where the figures are written."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A made-up hospital."""

    groups: int
    """Groups, equally large."""
    excess: float
    """How much worse the first group is than the rest, share of false alarms."""
    drifts_at: int = 0
    """Patients, of all groups together, before it becomes so."""
    patients: int = 2000
    """Patients in all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened in many runs."""

    alerted: float
    """Share of runs in which the watch alerted at all."""
    z_alerted: float
    """Share in which the z-test found something at some moment."""
    delay: float
    """Median number of patients of the group from the drift to its alert; ``nan`` where fewer than
    half of the runs found it."""


def figures(rng: np.random.Generator, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw each patient's share of false alarms among one to five alarms.

    Parameters
    ----------
    rng
        Where chance comes from.
    means
        Expected share of each patient, shape (n_patients,).
    """
    size = 1 / CORRELATION - 1
    own = rng.beta(means * size, (1 - means) * size)
    alarms = rng.integers(1, 6, len(means))
    return np.asarray(rng.binomial(alarms, own) / alarms)


def run(scenario: Scenario, rng: np.random.Generator) -> tuple[int, bool]:
    """Follow one hospital.

    Returns
    -------
    int
        Patients of the first group from the drift to the first alert; -1 without one.
    bool
        Whether the z-test found something.
    """
    n, k = scenario.patients, scenario.groups
    group = rng.integers(0, k, n)
    worse = (group == 0) & (np.arange(n) >= scenario.drifts_at)
    shares = figures(rng, np.where(worse, BASE + scenario.excess, BASE))
    drifts = [Drift(MARGIN) for _ in range(k)]
    alert = -1
    for i, (own, share) in enumerate(zip(group.tolist(), shares.tolist(), strict=True)):
        for g, drift in enumerate(drifts):
            drift.add(share, in_group=g == own)
        enough = [d for d in drifts if min(d.group.n, d.rest.n) >= LEAST]
        if any(d.evidence.value >= k / ALPHA for d in enough):
            alert = int(np.count_nonzero(worse[: i + 1]))
            break
    return alert, _z_finds(group, shares, k)


def _z_finds(group: NDArray[np.int64], shares: NDArray[np.float64], k: int) -> bool:
    """Test one-sided after each patient, at alpha over the number of groups."""
    limit = norm.isf(ALPHA / k)
    for g in range(k):
        own = group == g
        parts = []
        for side in (own, ~own):
            n = np.cumsum(side)
            total, squares = np.cumsum(shares * side), np.cumsum(shares**2 * side)
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = total / n
                parts.append((n, mean, (squares / n - mean**2) / (n - 1)))
        (n1, m1, v1), (n2, m2, v2) = parts
        enough = np.minimum(n1, n2) >= LEAST
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (m1 - m2 - MARGIN) / np.sqrt(v1 + v2)
        if np.any(enough & (z >= limit)):
            return True
    return False


def simulate(scenario: Scenario, runs: int, seed: int) -> Outcome:
    """Follow many hospitals."""
    rng = np.random.default_rng([seed, scenario.groups, scenario.drifts_at])
    found = [run(scenario, rng) for _ in range(runs)]
    delays = [delay if delay >= 0 else math.inf for delay, _ in found]
    median = float(np.median(delays))
    return Outcome(
        float(np.mean([delay < math.inf for delay in delays])),
        float(np.mean([z for _, z in found])),
        median if math.isfinite(median) else math.nan,
    )


NULLS = (Scenario(8, 0.0), *(Scenario(k, MARGIN) for k in (2, 4, 8)))
DRIFTS = tuple(
    Scenario(4, excess, at, 4000) for excess in (0.2, 0.3, 0.4) for at in (0, 800)
)  # fmt: skip

HEAD = f"""# What the watch's error rate is, measured

Made by `python -m fairness.live.simulation` ({{runs}} runs a row, seed {{seed}}; do not edit).
Patients come one by one, each with one to five judged alarms, correlated within a patient
({CORRELATION:g}); every group is looked at after each patient. Margin {MARGIN * 100:g} points,
alpha {ALPHA * 100:g} %, {BASE * 100:g} % of the alarms are false where nobody is worse.

Nobody is worse by more than the margin, 2,000 patients: any alert is false. Beside it a z-test of
the same difference, at the same margin and alpha over the number of groups, after each patient.

| groups | excess of the first, points | runs with an alert | with a z-test that finds something |
|---|---|---|---|
"""
BETWEEN = """
One of four groups is worse by more than the margin, from the beginning or later; 4,000 patients.

| excess, points | after patient | runs that alert | its patients from then to the alert, median |
|---|---|---|---|
"""


def page(
    nulls: Iterable[tuple[Scenario, Outcome]],
    drifts: Iterable[tuple[Scenario, Outcome]],
    runs: int,
    seed: int,
) -> str:
    """Write the page."""
    quiet = [
        f"| {s.groups} | {s.excess * 100:g} | {o.alerted:.1%} | {o.z_alerted:.1%} |\n"
        for s, o in nulls
    ]
    found = [
        f"| {s.excess * 100:g} | {s.drifts_at} | {o.alerted:.0%} | "
        + ("–" if math.isnan(o.delay) else f"{o.delay:.0f}")
        + " |\n"
        for s, o in drifts
    ]
    return "".join([HEAD.format(runs=runs, seed=seed), *quiet, BETWEEN, *found])


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="a row (300)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=PAGE)
    arguments = parser.parse_args(argv)
    found = []
    for number, scenario in enumerate((*NULLS, *DRIFTS), 1):
        found.append((scenario, simulate(scenario, arguments.runs, arguments.seed)))
        print(f"{number} of {len(NULLS) + len(DRIFTS)}: {scenario}", flush=True)
    nulls, drifts = found[: len(NULLS)], found[len(NULLS) :]
    arguments.out.write_text(page(nulls, drifts, arguments.runs, arguments.seed), "utf-8")
    print(arguments.out)


if __name__ == "__main__":
    main()
