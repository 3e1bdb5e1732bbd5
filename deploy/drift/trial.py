"""Drifts planted into real recordings: whether each is found within the delay that is stated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import rankdata

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.figures import FIGURES
from deploy.drift.patient import PatientFigures
from deploy.drift.plants import Plant
from deploy.drift.simulation import Delay, stated_delay
from deploy.drift.watch import Cell, DriftWatch

AFTER = 400
"""Patients behind the reference."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How far one figure moves by a plant."""

    figure: str
    """Its name."""
    larger: float
    """Chance that a figure with the plant is larger than one without, ties counted half."""
    before: float
    """Median without."""
    after: float
    """Median with."""
    means: tuple[float, float]
    """Means without and with."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One plant in many random orders of the patients."""

    plant: Plant
    """What was planted."""
    device_only: bool
    """True where only every second patient, of one device, has it."""
    effect: Effect | None
    """The figure that moves most, of the families that the plant is of; None of the null."""
    stated: float
    """Patients within which it is to be found; infinite where none is stated."""
    orders: int
    """Orders tried."""
    found: float
    """Share of orders in which a drift of these families was found at all."""
    within: float
    """Share in which it was found within the stated delay."""
    median: float
    """Median patients until then, of all orders."""
    told: tuple[tuple[str, float], ...]
    """Figures that alerted, and in which share of orders."""


def effect(plain: Sequence[PatientFigures], planted: Sequence[PatientFigures], name: str) -> Effect:
    """Measure how far a figure moves, over all patients."""
    x, y = (
        np.array([float(one.figures[name]) for one in part if name in one.figures])
        for part in (plain, planted)
    )
    ranks = rankdata(np.concatenate([x, y]))[len(x) :]
    larger = (ranks.sum() - len(y) * (len(y) + 1) / 2) / (len(x) * len(y))
    means = (float(np.mean(x)), float(np.mean(y)))
    return Effect(name, float(larger), float(np.median(x)), float(np.median(y)), means)


def strongest(
    plain: Sequence[PatientFigures], planted: Sequence[PatientFigures], families: Sequence[str]
) -> Effect:
    """Return the figure of some families that moves most."""
    names = [f.name for f in FIGURES.values() if f.family in families and not f.is_label]
    found = [effect(plain, planted, name) for name in names]
    return max(found, key=lambda one: abs(one.larger - 0.5))


def try_plant(
    plant: Plant,
    plain: Sequence[PatientFigures],
    planted: Sequence[PatientFigures],
    found: list[Delay],
    orders: int,
    seed: int,
    told: DriftDeclaration,
    *,
    device_only: bool = False,
) -> Trial:
    """Let patients come by chance, the later ones with the plant, and watch until it is found.

    Patients are drawn from the real ones with replacement, which keeps them exchangeable. The
    reference is of patients as they are, and so it is of the device: all that come behind it have
    the plant, or every second one, those of the device ``B``.
    """
    moved = strongest(plain, planted, plant.families) if plant.families else None
    by = "device" if device_only else "all"
    stated = stated_delay(found, "group" if device_only else "all", moved.larger) if moved else 0.0

    def is_sought(cell: Cell) -> bool:
        return cell.by == by and FIGURES[cell.figure].family in plant.families

    delays_found: list[float] = []
    alerted: dict[str, int] = {}
    for order in range(orders):
        rng = np.random.default_rng([seed, order])
        alerts = one_order(rng, plain, planted, told, device_only=device_only, until=is_sought)
        own = [each for each in alerts if is_sought(each)] if moved else alerts
        delays_found.append(min((float(a.found_after) for a in own), default=np.inf))
        for name in {
            f"{a.figure}{'' if a.by == 'all' else f' ({a.by} {a.group})'}" for a in alerts
        }:
            alerted[name] = alerted.get(name, 0) + 1
    at = np.array(delays_found)
    told_of = sorted(((name, n / orders) for name, n in alerted.items()), key=lambda x: -x[1])
    return Trial(
        plant,
        device_only,
        moved,
        stated,
        orders,
        float(np.isfinite(at).mean()),
        float((at <= stated).mean()) if np.isfinite(stated) else float("nan"),
        float(np.median(at)),
        tuple(told_of),
    )


def one_order(
    rng: np.random.Generator,
    plain: Sequence[PatientFigures],
    planted: Sequence[PatientFigures],
    told: DriftDeclaration,
    *,
    device_only: bool,
    until: Callable[[Cell], bool],
) -> list[Cell]:
    """Watch patients drawn with replacement; return what was found until it was what is sought."""
    watch = DriftWatch(told)
    n_before = 2 * told.group_reference if device_only else told.reference
    n_after = 2 * AFTER if device_only else AFTER
    for i, at in enumerate(rng.integers(len(plain), size=n_before + n_after).tolist()):
        device = "AB"[i % 2] if device_only else ""
        has_it = i >= n_before and device != "A"
        one = (planted if has_it else plain)[at]
        name = f"{i}-{rng.integers(1 << 60)}"
        if any(until(cell) for cell in watch.add(replace(one, stream_id=name, device=device))):
            break
    return watch.alerts
