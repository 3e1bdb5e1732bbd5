"""Audits that look like real ones, drawn from simple simulated cohorts, for tests and for looking.

``python -m tests.fairness.report.audits FOLDER`` writes the report of each.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairness.declaration import Declaration
from fairness.result import (
    OVERALL,
    UNKNOWN,
    AuditResult,
    CalibrationBin,
    CalibrationCurve,
    CohortRow,
    Comparison,
    DelayCurve,
    Estimate,
    Gap,
    GroupMetric,
    Parity,
    Provenance,
    Verdict,
)

NAN = math.nan
NOTHING = Estimate(NAN, NAN, NAN)
LEVEL = {
    "sensitivity": 0.95,
    "ppv": 0.93,
    "specificity": 0.99,
    "auroc": 0.97,
    "false_alarms_per_h": 0.35,
    "median_delay_s": 4.2,
    "exclusion_rate": 0.03,
    "ece": 0.03,
}
UNBOUNDED = ("false_alarms_per_h", "median_delay_s")


@dataclass(frozen=True)
class Group:
    attribute: str
    name: str
    patients: int
    shift: float = 0.0
    """Added to each metric's level, in shares of it."""


@dataclass(frozen=True)
class Scenario:
    title: str
    groups: tuple[Group, ...]
    metrics: tuple[tuple[str, str, float, bool], ...]
    """Name, condition, margin, primary."""
    intersections: tuple[tuple[str, ...], ...] = ()
    spread: float = 0.25
    """Of a patient's own figure, relative to its distance from perfect."""
    scores: bool = True
    delays: bool = True
    seed: int = 7


def comparable(group: Group, least: int) -> str:
    if group.name == UNKNOWN:
        return "not known: counted, never compared"
    if group.patients < least:
        return f"too few patients: {group.patients}, and {least} are wanted"
    return ""


class Drawn:
    """One audit, drawn from a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.rng = np.random.default_rng(scenario.seed)
        names = list(dict.fromkeys(g.attribute for g in scenario.groups))
        self.declaration = Declaration(
            title=scenario.title,
            metrics=[
                {"name": n, "condition": c, "margin": m, "primary": p}
                for n, c, m, p in scenario.metrics
            ],
            groups=[{"attribute": n, "primary": " × " not in n} for n in names if " × " not in n],
            intersections=scenario.intersections,
            adjust_by=("database",),
        )
        self.total = sum(g.patients for g in scenario.groups if g.attribute == names[0])
        self.conditions = list(dict.fromkeys(c for _, c, _, _ in scenario.metrics))

    def estimate(self, metric: str, patients: int, shift: float) -> Estimate:
        """An estimate of the metric over that many patients."""
        if patients == 0:
            return NOTHING
        level = LEVEL[metric]
        room = level if metric in UNBOUNDED else 1 - level
        spread = (self.scenario.spread * 4 * room + 0.002) / math.sqrt(patients)
        value = level * (1 + shift) + spread * float(self.rng.standard_normal())
        low, high = value - 1.96 * spread, value + 1.96 * spread
        if metric not in UNBOUNDED:
            value, low, high = (float(np.clip(v, 0, 1)) for v in (value, low, high))
        return Estimate(value, max(low, 0.0), high)

    def metric(self, name: str, condition: str, group: Group) -> GroupMetric:
        units = group.patients * 2000
        estimate = self.estimate(name, group.patients, group.shift)
        ratio = name in ("sensitivity", "ppv", "specificity", "exclusion_rate") and units > 0
        return GroupMetric(
            condition, name, group.attribute, group.name, group.patients,
            numerator=float(round(units * estimate.value)) if ratio else NAN,
            denominator=float(units) if ratio else NAN,
            estimate=estimate, pooled=estimate,
            mean_over_patients=estimate.value * 0.995,
            shortfall=comparable(group, self.declaration.min_patients),
        )  # fmt: skip

    def metrics(self) -> Iterator[GroupMetric]:
        for name, condition, _, _ in self.scenario.metrics:
            yield self.metric(name, condition, Group(OVERALL, OVERALL, self.total))
            for group in self.scenario.groups:
                yield self.metric(name, condition, group)

    def comparisons(self, metrics: list[GroupMetric]) -> Iterator[Comparison]:
        declared = {(n, c): (m, p) for n, c, m, p in self.scenario.metrics}
        for one in metrics:
            if one.attribute == OVERALL or one.group == UNKNOWN:
                continue
            rest = [
                m for m in metrics
                if (m.metric, m.condition) == (one.metric, one.condition)
                and m.attribute == one.attribute
                and m.group not in (one.group, UNKNOWN) and m.patients
            ]  # fmt: skip
            margin, primary = declared[one.metric, one.condition]
            yield self.comparison(one, rest, margin, primary and " × " not in one.attribute)

    def comparison(
        self, one: GroupMetric, rest: list[GroupMetric], margin: float, primary: bool
    ) -> Comparison:
        difference = NOTHING
        if one.patients and rest:
            weights = [m.patients for m in rest]
            other = float(np.average([m.estimate.value for m in rest], weights=weights))
            half = (one.estimate.high - one.estimate.low) / 2 * 1.2
            value = one.estimate.value - other
            difference = Estimate(value, value - half, value + half)
        verdict, reason = Verdict.INSUFFICIENT, "the interval reaches beyond the margin"
        if one.shortfall:
            reason = one.shortfall
        elif difference.low > margin or difference.high < -margin:
            verdict, reason = Verdict.FAIL, "the whole interval lies beyond the margin"
        elif -margin <= difference.low and difference.high <= margin:
            verdict, reason = Verdict.PASS, "the whole interval lies within the margin"
        known = math.isfinite(difference.value)
        return Comparison(
            one.condition, one.metric, one.attribute, one.group, "rest", difference,
            ratio=Estimate(1.0 + difference.value, NAN, NAN) if known else NOTHING,
            adjusted=difference, adjusted_by=("database",) if known else (),
            margin=margin,
            p_differs=0.0004 if verdict is Verdict.FAIL else 0.41 if known else NAN,
            p_equal=0.01 if verdict is Verdict.PASS else 0.2 if known else NAN,
            primary=primary, verdict=verdict, reason=reason,
            patients_needed=0 if verdict is not Verdict.INSUFFICIENT
            else max(4 * one.patients, 60) if one.patients else -1,
        )  # fmt: skip

    def gaps(self, metrics: list[GroupMetric]) -> Iterator[Gap]:
        for name, condition, _, _ in self.scenario.metrics:
            for attribute in dict.fromkeys(g.attribute for g in self.scenario.groups):
                fit = [
                    m for m in metrics
                    if (m.metric, m.condition, m.attribute) == (name, condition, attribute)
                    and not m.shortfall and math.isfinite(m.estimate.value)
                ]  # fmt: skip
                if len(fit) < 2:
                    yield Gap(condition, name, attribute, NAN, NAN, "", "", NAN, NAN, NAN)
                    continue
                fit.sort(key=lambda m: m.estimate.value)
                low, high = fit[0].estimate.value, fit[-1].estimate.value
                null = float(np.mean([m.estimate.high - m.estimate.low for m in fit]))
                yield Gap(
                    condition, name, attribute, high - low, low / high, fit[-1].group,
                    fit[0].group, null * 0.4, null * 0.9,
                    p_value=0.0005 if high - low > null * 0.9 else 0.3,
                )  # fmt: skip

    def cohort(self) -> Iterator[CohortRow]:
        everyone = (Group(OVERALL, OVERALL, self.total), *self.scenario.groups)
        for condition in self.conditions:
            for g in everyone:
                n = g.patients
                yield CohortRow(
                    g.attribute, g.name, condition, n, n * 2100, n * 3 // 4, n, n * 140, n * 60,
                    n * 0.5 if g.attribute == OVERALL or n % 2 else NAN,
                )  # fmt: skip

    def parity(self) -> Iterator[Parity]:
        for condition in self.conditions:
            for attribute in dict.fromkeys(g.attribute for g in self.scenario.groups):
                yield Parity(
                    condition, attribute, Estimate(0.021, 0.004, 0.05),
                    Estimate(0.024, 0.006, 0.06), NOTHING,
                )  # fmt: skip

    def curves(self) -> Iterator[CalibrationCurve]:
        for condition in self.conditions:
            for g in (Group(OVERALL, OVERALL, self.total), *self.scenario.groups):
                if g.patients == 0 or " × " in g.attribute:
                    continue
                slope = 1 + 2 * g.shift
                bins = []
                for p in np.linspace(0.05, 0.95, 8):
                    seen = float(np.clip(p**slope + self.rng.normal(0, 0.02), 0, 1))
                    half = 0.4 / math.sqrt(g.patients)
                    bounds = max(seen - half, 0.0), min(seen + half, 1.0)
                    bins.append(CalibrationBin(float(p), Estimate(seen, *bounds), g.patients * 9))
                yield CalibrationCurve(
                    condition, g.attribute, g.name, tuple(bins),
                    Estimate(0.1, -0.2, 0.4), Estimate(slope, slope - 0.2, slope + 0.2),
                    Estimate(0.031, 0.02, 0.05),
                )  # fmt: skip

    def delay_curves(self) -> Iterator[DelayCurve]:
        quantiles = tuple(float(q) for q in np.linspace(0.05, 0.95, 19))
        for condition in self.conditions:
            for g in (Group(OVERALL, OVERALL, self.total), *self.scenario.groups):
                if g.patients and " × " not in g.attribute:
                    scale = 4 * (1 - 2 * g.shift)
                    delay_s = tuple(scale * (0.3 - math.log(1 - q)) for q in quantiles)
                    yield DelayCurve(condition, g.attribute, g.name, g.patients, quantiles, delay_s)

    def result(self) -> AuditResult:
        metrics = list(self.metrics())
        comparisons = sorted(self.comparisons(metrics), key=lambda c: not c.primary)
        primary = [c.verdict for c in comparisons if c.primary]
        verdict = (
            Verdict.FAIL if Verdict.FAIL in primary
            else Verdict.INSUFFICIENT if Verdict.INSUFFICIENT in primary
            else Verdict.PASS
        )  # fmt: skip
        weight = [Verdict.FAIL, Verdict.INSUFFICIENT, Verdict.PASS]
        worst = sorted((c for c in comparisons if c.primary), key=lambda c: weight.index(c.verdict))
        return AuditResult(
            title=self.scenario.title,
            verdict=verdict,
            reasons=tuple(
                f"{c.metric} of {c.condition}, {c.attribute} {c.group} against {c.reference}: "
                f"{c.verdict}, {c.reason}."
                for c in worst[:5]
            ),
            declaration=self.declaration.model_dump(mode="json"),
            provenance=Provenance(
                "a1" * 32, "b2" * 32, "c3" * 32, "beat 2.0.0", "d4" * 32, "0.1.0",
                "A simulated cohort; nobody's recordings.",
            ),
            cohort=tuple(self.cohort()),
            metrics=tuple(metrics),
            comparisons=tuple(comparisons),
            gaps=tuple(self.gaps(metrics)),
            parity=tuple(self.parity()),
            calibration=tuple(self.curves()) if self.scenario.scores else (),
            delays=tuple(self.delay_curves()) if self.scenario.delays else (),
            limits=(
                "Posture was not recorded in 31 patients.",
                "Nothing is known of skin tone, so nothing is said on it.",
            ),
            methods=(
                "Intervals: 2,000 bootstrap draws of patients, all units of one together, seed 1.",
                "Verdicts: two one-sided tests against the declared margin, Holm-corrected.",
            ),
        )  # fmt: skip


SEX = (Group("sex", "female", 290), Group("sex", "male", 272), Group("sex", UNKNOWN, 3))
AGE = tuple(
    Group("age", name, n)
    for name, n in (("<40", 120), ("40–59", 180), ("60–79", 210), (">=80", 52), (UNKNOWN, 3))
)
QRS = (("sensitivity", "QRS", 0.02, True), ("ppv", "QRS", 0.02, True))
EVERY = (
    *((m, c, 0.05, True) for c in ("VEB", "SVEB") for m in ("sensitivity", "ppv")),
    ("false_alarms_per_h", "VEB", 0.25, True),
    ("median_delay_s", "VEB", 2.0, True),
    ("auroc", "VEB", 0.05, False),
    ("exclusion_rate", "VEB", 0.02, False),
)
LONG = "history of myocardial infarction with reduced ejection fraction, two leads only"
TWELVE = tuple(
    Group("site", f"hospital {i}", n)
    for i, n in enumerate((90, 80, 75, 60, 55, 50, 45, 40, 33, 22, 12, 0), start=1)
)
CROSSED = tuple(
    Group("sex × age", f"{s} × {a}", n)
    for s in ("female", "male")
    for a, n in (("<40", 60), ("40–59", 90), ("60–79", 105), (">=80", 14))
)
SCENARIOS = {
    "pass": Scenario("R-peak detection by sex and age", (*SEX, *AGE), QRS, spread=0.04,
                     scores=False, delays=False),
    "fail": Scenario(
        "Beat classes by sex, age and cardiac history",
        (*SEX, Group("age", "<40", 150, -0.12), *AGE[1:], *CROSSED,
         Group("history", LONG, 240), Group("history", "none", 322)),
        EVERY, intersections=(("sex", "age"),), spread=0.1,
    ),
    "few": Scenario(
        "Beat classes, all of mitdb by leave-patients-out",
        (Group("sex", "female", 22), Group("sex", "male", 25), Group("age", "<40", 9),
         Group("age", "40–59", 12), Group("age", "60–79", 19), Group("age", ">=80", 5),
         Group("age", UNKNOWN, 2)),
        EVERY[:4], delays=False,
    ),
    "empty": Scenario(
        "Cells without anybody",
        (Group("sex", "female", 0), Group("sex", "male", 40), Group("sex", UNKNOWN, 12)),
        (("sensitivity", "VF", 0.05, True),), scores=False, delays=False,
    ),
    "twelve": Scenario("Twelve hospitals", TWELVE, EVERY, spread=0.15),
    "hostile": Scenario(
        'Names <script>alert("1")</script> & worse',
        (Group("sex", "<script>alert(1)</script>", 60), Group("sex", 'a"b|c\n`d`', 60),
         Group("site & ward", "</svg></style>", 50), Group("site & ward", "=1+1", 70)),
        QRS,
    ),
}  # fmt: skip
"""What the audits are about, by name."""


def draw(name: str) -> AuditResult:
    """Return the audit of that name."""
    return Drawn(SCENARIOS[name]).result()


if __name__ == "__main__":
    from fairness.report.write import write_report

    for scenario in sys.argv[2:] or SCENARIOS:
        for path in write_report(draw(scenario), Path(sys.argv[1]) / scenario):
            print(path)
