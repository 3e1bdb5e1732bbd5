"""How often verdicts are wrong where the truth is known, and whether power is as promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairness.cohort import Cohort, Floats, Grouping, Units
from fairness.comparisons import Contrast, contrast_of, pairs, settle
from fairness.confidence import difference
from fairness.declaration import Declaration
from fairness.equivalence import overall
from fairness.estimation import Condition, Figure, Members
from fairness.intervals import share_over_patients
from fairness.power import patients_needed
from fairness.result import Estimate, Verdict
from fairness.simulation import cohorts
from fairness.sufficiency import shortfall

ALPHA = 0.05
POWER = 0.8
_NO_ESTIMATE = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Scenario:
    """Groups of patients whose true sensitivities are known."""

    name: str
    """In words."""
    sensitivities: tuple[float, ...]
    """Of each group; a comparison is of each with the rest, or of the one with the other."""
    patients: int
    """In each group."""
    margin: float
    """Declared."""
    icc: float = 0.3
    """Correlation within a patient."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What audits of a scenario said."""

    scenario: Scenario
    """What was simulated."""
    trials: int
    """Simulated cohorts."""
    failed: float
    """Share of audits with any ``fail``."""
    passed: float
    """Share of audits that passed."""

    def error(self, share: float) -> float:
        """Give the Monte-Carlo standard error of a share."""
        return float(np.sqrt(max(share * (1 - share), 0.01) / self.trials))


SCENARIOS = (
    Scenario("12 groups, no disparity, margin 2 points", (0.9,) * 12, 40, 0.02),
    Scenario("12 groups, no disparity, margin 0.1 points", (0.9,) * 12, 40, 0.001),
    Scenario("12 groups, no disparity, margin 1 point, few patients", (0.95,) * 12, 21, 0.01),
    Scenario("2 groups apart by the margin", (0.9, 0.95), 40, 0.05),
    Scenario("2 groups apart by the margin, many patients", (0.9, 0.95), 150, 0.05),
    Scenario("2 groups apart by the margin, weak correlation", (0.9, 0.95), 40, 0.05, 0.05),
)
"""Where a ``fail`` (no disparity, or one of just the margin) or a ``pass`` (one of just the margin)
would be wrong."""


def declaration_of(margin: float) -> Declaration:
    """Declare the sensitivity by group with a margin, as every scenario does."""
    return Declaration.model_validate(
        {
            "title": "Simulated",
            "metrics": [{"name": "sensitivity", "margin": margin}],
            "groups": [{"attribute": "group"}],
            "alpha": ALPHA,
            "power": POWER,
        }
    )


def simulate(scenario: Scenario, rng: np.random.Generator) -> Cohort:
    """Make a cohort of patients with units that all have the condition."""
    found: list[Floats] = []
    of: list[Floats] = []
    for value in scenario.sensitivities:
        sizes = cohorts.sizes(rng, scenario.patients)
        found.append(cohorts.shares(rng, sizes, value, scenario.icc))
        of.append(sizes)
    hits, total = np.concatenate(found).astype(int), np.concatenate(of).astype(int)
    number = len(total)
    patient = np.repeat(np.arange(number, dtype=np.int32), total)
    place = np.arange(len(patient)) - np.repeat(np.cumsum(total) - total, total)
    called = place < np.repeat(hits, total)
    every = np.ones(len(patient), bool)
    units = Units("all", patient, every, called, None, None, np.zeros(number, np.int64))
    code = np.repeat(np.arange(len(scenario.sensitivities), dtype=np.int32), scenario.patients)
    names = tuple(f"g{group:02d}" for group in range(len(scenario.sensitivities)))
    grouping = Grouping("group", ("group",), names, code, "rest", True)
    patients = tuple(str(one) for one in range(number))
    return Cohort(patients, {"all": units}, (grouping,), (), np.full(number, np.nan))


def contrasts(cohort: Cohort, declaration: Declaration) -> list[Contrast]:
    """Compare a simulated cohort's groups, as the audit does."""
    (metric,), (grouping,) = declaration.metrics, cohort.groupings
    condition = Condition(cohort.units["all"], cohort, (metric.name,))

    def side(members: Members) -> tuple[Figure, str]:
        lacking = shortfall(condition, metric.name, members, declaration)
        return condition.figure(metric.name, members), lacking

    out = []
    for pair in pairs(grouping, np.ones(condition.size, bool)):
        one = side(grouping.code == pair.group)
        other = side(np.isin(grouping.code, pair.others))
        sides, lacking = (one[0], other[0]), (one[1], other[1])
        out.append(contrast_of(metric, grouping, pair, sides, lacking, (_NO_ESTIMATE, ())))
    return out


def judge(scenario: Scenario, trials: int, seed: int) -> Outcome:
    """Audit simulated cohorts and count verdicts.

    Parameters
    ----------
    scenario
        What is simulated.
    trials
        Cohorts.
    seed
        Of all that is drawn.
    """
    declaration = declaration_of(scenario.margin)
    rng = np.random.default_rng([seed, scenario.patients, len(scenario.sensitivities)])
    failed = passed = 0
    for _ in range(trials):
        settled = settle(contrasts(simulate(scenario, rng), declaration), declaration)
        verdict = overall([one.verdict for one in settled])
        failed += verdict is Verdict.FAIL
        passed += verdict is Verdict.PASS
    return Outcome(scenario, trials, failed / trials, passed / trials)


@dataclass(frozen=True, slots=True)
class Promise:
    """A number of patients that was named, and the power that it gave."""

    sensitivities: tuple[float, float]
    """Of the group and its reference."""
    margin: float
    """Declared."""
    icc: float
    """Correlation within a patient."""
    patients: int
    """Patients in each group that the power statement named."""
    settled: float
    """Share of audits of so many patients that gave the right verdict."""
    trials: int
    """Simulated cohorts."""


PROMISES = (
    (0.9, 0.9, 0.05, 0.1),
    (0.9, 0.9, 0.05, 0.3),
    (0.95, 0.9, 0.1, 0.3),
    (0.95, 0.8, 0.05, 0.3),
)
"""Sensitivities of two groups, margin, correlation: three to be passed, one to fail."""


PILOTS = 201
"""Pilots whose median number of patients is simulated."""


def keep(case: tuple[float, float, float, float], trials: int, seed: int) -> Promise:
    """Ask the power statement how many patients are needed, and simulate audits of so many.

    The statement is made from pilots of 40 patients a group, whose differences are put at the
    true one, as if it had been seen; the median of their numbers is what is simulated.

    Parameters
    ----------
    case
        Of :data:`PROMISES`.
    trials
        Cohorts.
    seed
        Of all that is drawn.
    """
    one, other, margin, icc = case
    rng = np.random.default_rng([seed, round(1000 * one), round(1000 * icc)])
    named = []
    for _ in range(PILOTS):
        sides = []
        for value in (one, other):
            of = cohorts.sizes(rng, 40)
            sides.append(share_over_patients(cohorts.shares(rng, of, value, icc), of))
        apart = difference(*sides)
        seen = type(apart)(one - other, apart.quantiles - apart.value + one - other)
        named.append(patients_needed(seen, margin, 40, ALPHA, ALPHA, POWER))
    patients = int(np.median(named))
    outcome = judge(Scenario("", (one, other), patients, margin, icc), trials, seed)
    right = outcome.failed if abs(one - other) > margin else outcome.passed
    return Promise((one, other), margin, icc, patients, right, trials)
