"""Who is compared with whom, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairness.cohort import Grouping
from fairness.confidence import Confidence, difference, ratio
from fairness.declaration import Declaration, MetricDeclaration
from fairness.equivalence import judge, p_differs, p_equal
from fairness.estimation import Figure, Members
from fairness.multiplicity import benjamini_hochberg, holm
from fairness.power import CANNOT_TELL, patients_needed
from fairness.result import UNKNOWN, Comparison, Estimate, Verdict
from fairness.sentences import conclusion, difference_text, harmed


@dataclass(frozen=True, slots=True)
class Pair:
    """A group and its reference."""

    group: int
    """Group, an index into the grouping's names."""
    reference: str
    """``rest``, or a group's name."""
    others: tuple[int, ...]
    """Groups that the reference is made of."""


def pairs(grouping: Grouping, counted: Members) -> list[Pair]:
    """List who is compared with whom; the unknown never are.

    Where two groups only have patients, each is the other's rest: that is one comparison, of the
    smaller group with the larger, and not two.

    Parameters
    ----------
    grouping
        Attribute.
    counted
        Patients that have anything to count; shape (n_patients,).

    Examples
    --------
    >>> sex = Grouping("sex", ("sex",), ("F", "M"), np.array([0, 1, 1]), "rest", True)
    >>> pairs(sex, np.ones(3, bool))
    [Pair(group=0, reference='M', others=(1,))]
    """
    known = [group for group, name in enumerate(grouping.names) if name != UNKNOWN]
    sizes = np.bincount(grouping.code[counted], minlength=len(grouping.names))
    present = [group for group in known if sizes[group]]
    if not present:
        return []
    largest = max(present, key=lambda group: (sizes[group], -group))
    if grouping.reference == "rest" and len(present) > 2:
        return [Pair(g, "rest", tuple(o for o in present if o != g)) for g in known]
    reference = largest
    if grouping.reference not in {"rest", "largest"}:
        reference = grouping.names.index(grouping.reference)
    name = grouping.names[reference]
    return [Pair(group, name, (reference,)) for group in known if group != reference]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A comparison before it is known how many others there are."""

    metric: MetricDeclaration
    """What is compared."""
    grouping: Grouping
    """By which attribute."""
    pair: Pair
    """Who."""
    one: Figure
    """Of the group."""
    other: Figure
    """Of the reference."""
    apart: Confidence
    """Their difference."""
    shortfall: str
    """Why it cannot be judged; empty where it can."""
    patients: int
    """Patients of the group that contribute."""
    adjusted: Estimate
    """Difference within strata."""
    adjusted_by: tuple[str, ...]
    """Columns that the strata are made of."""

    @property
    def primary(self) -> bool:
        """Whether the verdict rests on it."""
        return self.metric.primary and self.grouping.primary and len(self.grouping.parts) == 1

    @property
    def p_differs(self) -> float:
        """Uncorrected; ``nan`` where it cannot be judged."""
        return float("nan") if self.shortfall else p_differs(self.apart, self.metric.margin)

    @property
    def p_equal(self) -> float:
        """``nan`` where it cannot be judged."""
        return float("nan") if self.shortfall else p_equal(self.apart, self.metric.margin)


def contrast_of(
    metric: MetricDeclaration,
    grouping: Grouping,
    pair: Pair,
    figures: tuple[Figure, Figure],
    shortfalls: tuple[str, str],
    adjusted: tuple[Estimate, tuple[str, ...]],
) -> Contrast:
    """Put a comparison together from the figures of its two sides."""
    one, other = figures
    apart = difference(one.compared, other.compared)
    lacks = [shortfalls[0]] if shortfalls[0] else []
    if shortfalls[1] and shortfalls[1] != shortfalls[0]:
        lacks.append(f"in {pair.reference}, {shortfalls[1]}")
    if not lacks and np.isnan(apart.quantiles).any():
        lacks.append("nothing to count, or no interval, in one of the two")
    return Contrast(
        metric, grouping, pair, one, other, apart, "; ".join(lacks), one.patients, *adjusted
    )


def settle(contrasts: list[Contrast], declaration: Declaration) -> list[Comparison]:
    """Correct for multiplicity and judge: Holm among the primary, else Benjamini-Hochberg."""
    settled: list[Comparison] = []
    for primary in (True, False):
        chosen = [one for one in contrasts if one.primary is primary]
        raw = np.array([one.p_differs for one in chosen])
        corrected = holm(raw) if primary else benjamini_hochberg(raw)
        tests = max(int((~np.isnan(raw)).sum()), 1) if primary else 1
        settled += [
            _settle(one, float(p), tests, declaration)
            for one, p in zip(chosen, corrected, strict=True)
        ]
    return settled


def _settle(one: Contrast, differs: float, tests: int, declaration: Declaration) -> Comparison:
    metric, level, alpha = one.metric, declaration.confidence, declaration.alpha
    verdict = judge(one.p_equal, differs, alpha)
    needed = 0
    if verdict is Verdict.INSUFFICIENT:
        needed = _needed(one, tests, declaration)
    group, reference = one.grouping.names[one.pair.group], one.pair.reference
    apart = one.apart.estimate(level)
    sides = one.one.compared.value, one.other.compared.value
    loser = harmed(metric.name, *sides, group, reference)
    where = (one.grouping.attribute, group, reference)
    said = difference_text(metric.name, metric.condition, where, apart, level)
    end = conclusion(verdict, metric.name, metric.margin, one.shortfall, loser, needed)
    quotient = Estimate(float("nan"), float("nan"), float("nan"))
    if not metric.name.startswith("calibration"):
        quotient = ratio(one.one.compared, one.other.compared, level)
    return Comparison(
        condition=metric.condition,
        metric=metric.name,
        attribute=one.grouping.attribute,
        group=group,
        reference=reference,
        difference=apart,
        ratio=quotient,
        adjusted=one.adjusted,
        adjusted_by=one.adjusted_by,
        margin=metric.margin,
        p_differs=differs,
        p_equal=one.p_equal,
        primary=one.primary,
        verdict=verdict,
        reason=f"{said}: {end}{_turned(one, apart)}.",
        patients_needed=needed,
    )


def _needed(one: Contrast, tests: int, declaration: Declaration) -> int:
    number = patients_needed(
        one.apart,
        one.metric.margin,
        one.patients,
        declaration.alpha,
        declaration.alpha / tests,
        declaration.power,
    )
    if number == CANNOT_TELL or not one.shortfall:
        return number
    return max(number, declaration.min_patients)


def _turned(one: Contrast, apart: Estimate) -> str:
    """Say where a difference turns round within strata (Simpson's paradox)."""
    inside = one.adjusted
    if np.isnan(inside.low) or inside.value * apart.value >= 0:
        return ""
    if not (inside.low > 0 or inside.high < 0 or apart.low > 0 or apart.high < 0):
        return ""
    by = ", ".join(one.adjusted_by)
    return f"; but it turns round among patients of the same {by}"
