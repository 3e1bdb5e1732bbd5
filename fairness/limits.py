"""What an audit cannot say, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fairness.cohort import Cohort, Grouping
from fairness.declaration import Declaration
from fairness.estimation import Condition
from fairness.measures import MEASURES
from fairness.result import OVERALL, UNKNOWN, Comparison, GroupMetric
from fairness.sentences import place
from fairness.sufficiency import NO_TRUE_NEGATIVES

FEW = 50
"""Patients below which an audit says that they are few."""
_UNEQUAL = 1.5
"""Ratio of two groups' shares from which on they are called unequal."""
_WORTH = 0.01
"""Difference of two groups' shares from which on that is worth saying."""


def limits(
    cohort: Cohort,
    declaration: Declaration,
    conditions: dict[str, Condition],
    metrics: list[GroupMetric],
    comparisons: list[Comparison],
) -> tuple[str, ...]:
    """Write what cannot be said, and what should be known before anything is believed."""
    said = [*_patients(cohort), *_unknown(cohort), *_too_small(metrics), *_no_negatives(metrics)]
    for condition in conditions.values():
        if condition.counts.units.max(initial=0) <= 1:
            said.append(
                f"Each patient has one unit at most{place(condition.units.condition)}: how "
                "alike a patient's units are cannot be seen."
            )
        for grouping in cohort.groupings:
            if len(grouping.parts) == 1:
                said += [*_unequal_exclusions(condition, grouping)]
                said += [*_unequal_prevalence(condition, grouping)]
    said += _unadjusted(declaration, comparisons)
    said.append(
        "Groups are those that were declared; disparities within them, or along what was not "
        "recorded, are not seen."
    )
    return (*cohort.notes, *dict.fromkeys(said))


def _patients(cohort: Cohort) -> Iterator[str]:
    number = len(cohort.patients)
    if number < FEW:
        yield (
            f"There are {number} patients in all: only large differences can be shown, and "
            "equality only against wide margins."
        )


def _unknown(cohort: Cohort) -> Iterator[str]:
    for grouping in cohort.groupings:
        if len(grouping.parts) == 1 and grouping.names[-1] == UNKNOWN:
            number = int((grouping.code == len(grouping.names) - 1).sum())
            yield (
                f"{grouping.attribute} is unknown of {number} of {len(cohort.patients)} "
                "patients: they are shown, and compared with nobody."
            )


def _too_small(metrics: list[GroupMetric]) -> Iterator[str]:
    lacking: dict[tuple[str, str, str, str], list[str]] = {}
    for one in metrics:
        if one.shortfall and one.shortfall != NO_TRUE_NEGATIVES and one.attribute != OVERALL:
            key = (one.attribute, one.group, one.condition, one.shortfall)
            lacking.setdefault(key, []).append(MEASURES[one.metric].words)  # type: ignore[index]
    for (attribute, group, condition, why), words in lacking.items():
        if group != UNKNOWN:
            yield (
                f"No verdict on {_listed(words)}{place(condition)} in {attribute} {group}: {why}."
            )


def _no_negatives(metrics: list[GroupMetric]) -> Iterator[str]:
    barred: dict[str, list[str]] = {}
    for one in metrics:
        if one.shortfall == NO_TRUE_NEGATIVES and one.attribute == OVERALL:
            barred.setdefault(one.condition, []).append(MEASURES[one.metric].words)  # type: ignore[index]
    for condition, words in barred.items():
        yield f"{_listed(words).capitalize()}{place(condition)}: {NO_TRUE_NEGATIVES}."


def _unequal_exclusions(condition: Condition, grouping: Grouping) -> Iterator[str]:
    counts = condition.counts
    text = _extremes(counts.excluded, counts.units + counts.excluded, grouping)
    if text:
        yield (
            "Units were left out for their signal unequally by "
            f"{grouping.attribute}{place(condition.units.condition)}: {text}. Figures hold for "
            "what was left."
        )


def _unequal_prevalence(condition: Condition, grouping: Grouping) -> Iterator[str]:
    counts = condition.counts
    if condition.units.is_detection:
        return
    text = _extremes(counts.tp + counts.fn, counts.units, grouping)
    if text:
        yield (
            "The share of units with the condition differs by "
            f"{grouping.attribute}{place(condition.units.condition)}: {text}. Positive "
            "predictivity and the share that is called depend on it."
        )


def _extremes(
    above: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    below: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    grouping: Grouping,
) -> str:
    shares = {}
    for group, name in enumerate(grouping.names):
        members = grouping.code == group
        if name != UNKNOWN and below[members].sum() > 0:
            shares[name] = float(above[members].sum() / below[members].sum())
    if len(shares) < 2:
        return ""
    low, high = min(shares, key=lambda k: shares[k]), max(shares, key=lambda k: shares[k])
    unequal = shares[high] > _UNEQUAL * shares[low] and shares[high] - shares[low] > _WORTH
    return f"{shares[high]:.1%} in {high}, {shares[low]:.1%} in {low}" if unequal else ""


def _unadjusted(declaration: Declaration, comparisons: list[Comparison]) -> list[str]:
    lost = sorted(
        {
            f"{one.attribute} {one.group}"
            for one in comparisons
            if one.primary
            and one.adjusted_by
            and np.isnan(one.adjusted.value)
            and not np.isnan(one.difference.value)
        }
    )
    if not lost:
        return []
    by = ", ".join(declaration.adjust_by)
    return [
        (
            f"No stratum of {by} holds both sides of every comparison of {', '.join(lost)}: "
            "where it says so, attribute and stratum cannot be told apart."
        )
    ]


def _listed(words: list[str]) -> str:
    unique = list(dict.fromkeys(words))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} and {unique[-1]}"
