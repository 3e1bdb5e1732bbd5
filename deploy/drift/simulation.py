"""How often the watch alerts wrongly, and how soon rightly, where the truth is known.

Delays depend on nothing but how far the ranks move: on the chance that a patient's figure behind
the drift is larger than one of the reference. A drift of any figure is so stated by that chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.figures import FIGURES
from deploy.drift.patient import PatientFigures
from deploy.drift.ranks import RankTest
from deploy.drift.watch import DriftWatch

SHIFTS = (0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Shifts of a normal figure, SD."""
MOST_PATIENTS = 600
"""Patients after which a run is given up."""
STATED = 0.9
"""Share of runs that find a drift within the delay that is stated."""


@dataclass(frozen=True, slots=True)
class Delay:
    """How soon a drift is found."""

    by: str
    """``"all"`` or ``"group"``."""
    begins_after: int
    """Patients behind the reference before it begins."""
    larger: float
    """Chance that a figure behind the drift is larger than one of the reference."""
    median: float
    """Patients from its beginning until it is found, median."""
    stated: float
    """Patients within which 90 of 100 find it; infinite where fewer do."""


def null_lives(lives: int, patients: int, seed: int, declaration: DriftDeclaration) -> int:
    """Return how many of so many lives without drift alert at all.

    Every figure of a patient is made, correlated through one common factor, skewed and with ties
    as counts have them; two devices and two leads.
    """
    alerted = 0
    for life in range(lives):
        rng = np.random.default_rng([seed, life])
        watch = DriftWatch(declaration)
        for i in range(patients):
            watch.add(made_patient(f"{seed}-{life}-{i}", rng))
            if watch.alerts:
                alerted += 1
                break
    return alerted


def made_patient(name: str, rng: np.random.Generator) -> PatientFigures:
    """Draw a patient with all figures."""
    common = rng.normal()
    figures: dict[str, float | str] = {}
    for figure, told in FIGURES.items():
        own = 0.6 * common + 0.8 * rng.normal()
        if told.is_label:
            figures[figure] = "II" if rng.random() < 0.8 else "V1"
        elif told.family == "burden":
            figures[figure] = float(rng.poisson(np.exp(own) / 2))
        else:
            figures[figure] = float(np.exp(own)) if told.family == "scores" else own
    return PatientFigures(name, 0.0, figures, device="AB"[rng.integers(2)])


def delay(
    by: str, begins_after: int, shift: float, runs: int, seed: int, told: DriftDeclaration
) -> Delay:
    """Measure how soon a shift of a normal figure is found."""
    reference = told.reference if by == "all" else told.group_reference
    limit, found = told.limit(by), []
    for run in range(runs):
        rng = np.random.default_rng([seed, run, begins_after, round(shift * 100)])
        test = RankTest(False, reference)
        for figure in rng.normal(size=reference + begins_after):
            test.add(float(figure), rng.random())
        n = 0
        while n < MOST_PATIENTS and (n == 0 or test.value < limit):
            test.add(float(rng.normal() + shift), rng.random())
            n += 1
        found.append(float(n) if test.value >= limit else np.inf)
    sorted_found = np.sort(found)
    stated = sorted_found[int(np.ceil(STATED * runs)) - 1]
    larger = float(norm.cdf(shift / np.sqrt(2)))
    return Delay(by, begins_after, larger, float(np.median(found)), float(stated))


def delays(runs: int, seed: int, told: DriftDeclaration) -> list[Delay]:
    """Measure every shift, of all and of a group, at once and late."""
    return [
        delay(by, late, shift, runs, seed, told)
        for by in ("all", "group")
        for late in (0, 100)
        for shift in SHIFTS
    ]


def stated_delay(found: list[Delay], by: str, larger: float) -> float:
    """Return the delay that is stated for a drift: that of the next smaller shift simulated.

    Parameters
    ----------
    found : list of Delay
        What :func:`delays` gave.
    by : str
        ``"all"`` or ``"group"``.
    larger : float
        Chance that a figure behind the drift is larger; 0.1 counts as 0.9.

    Examples
    --------
    >>> one = [Delay("all", 0, 0.76, 36, 54), Delay("all", 0, 0.92, 20, 22)]
    >>> stated_delay(one, "all", 0.8), stated_delay(one, "all", 0.05), stated_delay(one, "all", 0.6)
    (54, 22, inf)
    """
    far = max(larger, 1 - larger)
    own = [each for each in found if each.by == by and each.begins_after == 0]
    return min((each.stated for each in own if each.larger <= far), default=float("inf"))
