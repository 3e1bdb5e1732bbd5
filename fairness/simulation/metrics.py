"""How often each metric is said to differ between groups that are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairness.benchmark import declare, tables
from fairness.build import build_cohort
from fairness.confidence import difference
from fairness.equivalence import p_differs
from fairness.estimation import Condition
from fairness.measures import MEASURES

ALPHA = 0.05
PATIENTS = (24, 86)
"""Patients of the two groups: unequal, since that is where biased figures would show."""
TESTED = tuple(name for name in MEASURES if name != "exclusion_rate")
"""Metrics that are tested: these cohorts have nothing left out."""
_UNITS = 35
_NO_MARGIN = 1e-9


@dataclass(frozen=True, slots=True)
class FalseDifference:
    """How often a metric was said to differ where it does not."""

    metric: str
    """Which."""
    said: float
    """Share of cohorts with a p-value of at most 5 %, against a margin of nothing."""
    trials: int
    """Simulated cohorts in which it could be estimated."""


def false_differences(trials: int, seed: int) -> list[FalseDifference]:
    """Simulate two groups of patients that are alike, and test every metric for a difference.

    Parameters
    ----------
    trials
        Cohorts.
    seed
        Of all that is drawn.
    """
    said = dict.fromkeys(TESTED, 0)
    known = dict.fromkeys(TESTED, 0)
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial])
        number = sum(PATIENTS)
        predictions, subjects = tables(_UNITS * number, number, int(rng.integers(1 << 31)))
        subjects["sex"] = rng.permutation(np.repeat(["F", "M"], PATIENTS))
        cohort = build_cohort(predictions, subjects, declare(TESTED, 200))
        condition = Condition(cohort.units["VEB"], cohort, TESTED)
        code = cohort.groupings[0].code
        for name in TESTED:
            one, other = (condition.figure(name, code == group).compared for group in (0, 1))
            p = p_differs(difference(one, other), _NO_MARGIN)
            known[name] += not np.isnan(p)
            said[name] += p <= ALPHA
    return [
        FalseDifference(name, said[name] / known[name], known[name])
        for name in TESTED
        if known[name]
    ]
