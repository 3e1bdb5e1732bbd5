"""Figures and verdicts in words that a clinician can read."""

from __future__ import annotations

import math

from fairness.declaration import MetricName
from fairness.measures import MEASURES, distance_from_ideal
from fairness.result import Comparison, Estimate, Verdict

REST = "the rest"


def signed(name: MetricName, value: float) -> str:
    """Write a difference in the metric's unit, with its sign.

    Examples
    --------
    >>> signed("sensitivity", -0.0312), signed("false_alarms_per_h", 0.5)
    ('−3.1', '+0.50')
    """
    if math.isnan(value):
        return "?"
    text = _number(name, abs(value))
    return ("−" if value < 0 else "+") + text


def amount(name: MetricName, value: float) -> str:
    """Write the size of a difference with its unit.

    Examples
    --------
    >>> amount("sensitivity", -0.0312), amount("mean_delay_s", 2.0)
    ('3.1 points', '2.0 s')
    """
    return f"{_number(name, abs(value))} {MEASURES[name].unit}".strip()


def _number(name: MetricName, size: float) -> str:
    if MEASURES[name].unit == "points":
        return f"{100 * size:.1f}"
    return f"{size:.2f}" if size < 1 else f"{size:.1f}"


def margin_text(name: MetricName, margin: float) -> str:
    """Write a margin.

    Examples
    --------
    >>> margin_text("sensitivity", 0.05), margin_text("calibration_slope", 0.2)
    ('5 points', '0.2')
    """
    points = MEASURES[name].unit == "points"
    return f"{100 * margin if points else margin:g} {MEASURES[name].unit}".strip()


def place(condition: str) -> str:
    """Write for which condition, unless there is one only.

    Examples
    --------
    >>> place("VEB"), place("all")
    (' for VEB', '')
    """
    return "" if condition == "all" else f" for {condition}"


def difference_text(
    name: MetricName, condition: str, where: tuple[str, str, str], apart: Estimate, level: float
) -> str:
    """Write a difference between two groups with its interval.

    Parameters
    ----------
    name, condition
        What is compared.
    where
        Attribute, group and reference.
    apart
        Group less reference.
    level
        Of the interval.

    Examples
    --------
    >>> difference_text("sensitivity", "VEB", ("sex", "F", "M"), Estimate(-.031, -.07, .008), .95)
    'Sensitivity for VEB in sex F is 3.1 points below M (95 % interval −7.0 to +0.8)'
    """
    attribute, group, reference = where
    subject = MEASURES[name].words
    subject = subject[0].upper() + subject[1:] + place(condition)
    against = REST if reference == "rest" else reference
    if math.isnan(apart.value):
        return f"{subject} in {attribute} {group} cannot be compared with {against}"
    side = "above" if apart.value > 0 else "below"
    verb = "are" if name == "false_alarms_per_h" else "is"
    interval = "no interval"
    if not math.isnan(apart.low):
        interval = (
            f"{100 * level:g} % interval {signed(name, apart.low)} to {signed(name, apart.high)}"
        )
    if not float(_number(name, abs(apart.value))):
        return f"{subject} in {attribute} {group} {verb} practically as in {against} ({interval})"
    return (
        f"{subject} in {attribute} {group} {verb} {amount(name, apart.value)} {side} {against} "
        f"({interval})"
    )


def harmed(name: MetricName, one: float, other: float, group: str, reference: str) -> str:
    """Name who is worse off.

    Examples
    --------
    >>> harmed("sensitivity", 0.8, 0.9, "F", "M"), harmed("fnr", 0.1, 0.2, "F", "rest")
    ('F', 'the rest')
    """
    worse = distance_from_ideal(name, one) > distance_from_ideal(name, other)
    loser = group if worse else reference
    return REST if loser == "rest" else loser


def conclusion(
    verdict: Verdict, name: MetricName, margin: float, shortfall: str, loser: str, needed: int
) -> str:
    """Write what follows from a comparison.

    Parameters
    ----------
    verdict, name, margin
        The comparison's.
    shortfall
        Why there are too few to judge; empty where there are enough.
    loser
        Who is worse off.
    needed
        Patients in the group that would settle it, or -1.

    Examples
    --------
    >>> conclusion(Verdict.PASS, "sensitivity", 0.05, "", "F", 0)
    'shown to be within the margin of 5 points'
    """
    text = margin_text(name, margin)
    if shortfall:
        return f"insufficient evidence: {shortfall}"
    if verdict is Verdict.PASS:
        return f"shown to be within the margin of {text}"
    if verdict is Verdict.FAIL:
        harm = "" if name == "selection_rate" else f", to the disadvantage of {loser}"
        return f"shown to be beyond the margin of {text}{harm}"
    if needed > 0:
        return (
            f"insufficient evidence against a margin of {text}; if the difference is as seen, "
            f"about {needed} patients in the group, its reference growing alike, would settle it"
        )
    return (
        f"insufficient evidence against a margin of {text}; the difference is too close to it, or "
        "too uncertain, to say how many patients would settle it"
    )


def summary(comparisons: list[Comparison], alpha: float) -> tuple[str, ...]:
    """Write the verdict over all primary comparisons, the weightiest first."""
    primary = [one for one in comparisons if one.primary]
    if not primary:
        return ("No comparison was declared primary: everything here is explored.",)
    by = {
        verdict: [one for one in primary if one.verdict is verdict]
        for verdict in (Verdict.FAIL, Verdict.INSUFFICIENT, Verdict.PASS)
    }
    failed, unsettled, passed = by.values()
    head = (
        f"Of {len(primary)} primary comparisons {len(passed)} are shown to lie within their "
        f"margin, {len(failed)} beyond it, and {len(unsettled)} are not settled."
    )
    tail = f"Chance of any false “beyond” among them: at most {100 * alpha:g} %."
    return (head + " " + tail, *(one.reason for one in [*failed, *unsettled, *passed]))
