"""``docs/drift.md``'s measured part, out of what a trial found."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.figures import FIGURES
from deploy.drift.simulation import Delay
from deploy.drift.trial import AFTER, Trial

HEAD = """\
## Measured

Made by `python -m deploy.drift` (seed {seed}), never by hand; all between here and the end of the
page.

### False alerts, simulated

{lives} lives of {patients} patients without drift, {figures} figures each, correlated, skewed and
with ties, two devices and two leads: **{alerted} of {lives} alert at all ({share:.1%})**; at most
{alpha:.0%} was promised. Bets over many beginnings and many tests are timid.

### Delay, simulated

Patients from the beginning of a drift until it is found, {runs} runs a row. *Larger* is the chance
that a figure behind the drift is larger than one before it (0.5: no drift; 0.76: one standard
deviation of a normal figure). *Stated* is the delay within which 90 of 100 runs find it, and what
is promised below. A reference of {reference} patients for all, {group_reference} for a group.

| of | begins behind the reference | larger | median | stated |
|---|---|---|---|---|
"""
REAL = """
### Planted into real recordings

{patients} patients ({databases};
none of the held-out records), each by the first {minutes:g} minutes, scored as `vigil score` does,
as they are and with each drift planted into the signal itself (scores: into the probabilities).
{orders} times a row patients are drawn from these with replacement, {after} behind the reference,
and watched until the drift is found. *Larger* is measured over all patients for the figure that
moves most among those the plant is of; the stated delay follows from the table above, before
anything is watched. Behind a colon: medians, and means.

| planted | figure that moves most | larger | stated | found within it | found at all | median |
|---|---|---|---|---|---|---|
"""
NULL = """
Nothing planted: **{share:.1%} of {orders} such runs alert** ({told}); at most {half:.1%} of lives
may by figures of all patients, at most {alpha:.0%} by all and groups together.

What had alerted until then, in which share of the runs (5 % and more):

"""
LIMITS = """
### What this does not show

- Patients here are drawn by chance: on a ward they are not (night and day, seasons, wards that
  move). Such a change is found as a drift, rightly, but it is none of the monitor.
- {patients} recordings of five databases differ more among each other than patients of one hospital
  do: a drift of the same size in microvolts moves the ranks there further, and is found sooner.
- A patient counts once. A drift is found by new patients; of those who lie there when a device
  changes, nothing is learned. That is the price of an error rate that holds.
"""


def simulated(
    found: Sequence[Delay],
    alerted: int,
    lives: int,
    patients: int,
    runs: int,
    seed: int,
    told: DriftDeclaration,
) -> str:
    """Write the simulated part."""
    head = HEAD.format(
        seed=seed,
        lives=lives,
        patients=patients,
        figures=len(FIGURES),
        alerted=alerted,
        share=alerted / lives,
        alpha=told.alpha,
        runs=runs,
        reference=told.reference,
        group_reference=told.group_reference,
    )
    rows = [
        f"| {'all' if d.by == 'all' else 'a group'} | {d.begins_after} patients | {d.larger:.2f} "
        f"| {_patients(d.median)} | {_patients(d.stated)} |\n"
        for d in found
    ]
    return head + "".join(rows)


def real(
    trials: Sequence[Trial],
    null: Trial,
    patients: int,
    databases: Sequence[str],
    minutes: float,
    told: DriftDeclaration,
) -> str:
    """Write the part on real recordings."""
    head = REAL.format(
        patients=patients,
        databases=", ".join(databases),
        minutes=minutes,
        orders=null.orders,
        after=AFTER,
    )
    said = ", ".join(f"{name} {share:.1%}" for name, share in null.told) or "none"
    quiet = NULL.format(
        share=null.found, orders=null.orders, told=said, half=told.alpha / 2, alpha=told.alpha
    )
    lines = [f"- {_name(one)}: {_told(one)}.\n" for one in trials]
    return "".join([head, *map(_row, trials), quiet, *lines, LIMITS.format(patients=patients)])


def _row(one: Trial) -> str:
    if one.effect is None:
        raise ValueError("the null has no row")
    moved = one.effect
    unit = FIGURES[moved.figure].unit
    within = "–" if math.isnan(one.within) else f"{one.within:.0%}"
    return (
        f"| {_name(one)} | `{moved.figure}`: {moved.before:.3g} → {moved.after:.3g} {unit}, "
        f"{moved.means[0]:.3g} → {moved.means[1]:.3g} "
        f"| {moved.larger:.2f} | {_patients(one.stated)} | {within} | {one.found:.0%} "
        f"| {_patients(one.median)} |\n"
    )


def _name(one: Trial) -> str:
    where = ", of one of two devices" if one.device_only else ""
    return f"{one.plant.name}: {one.plant.text}{where}"


def _told(one: Trial) -> str:
    often = [f"{name} {share:.0%}" for name, share in one.told if share >= 0.05]
    return ", ".join(often) or "nothing"


def _patients(n: float) -> str:
    return f"{n:.0f}" if math.isfinite(n) else "not found"
