"""Tables of what was measured: the cohort, figures by group, gaps, parity, calibration, delays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from fairness.report.numerals import NOT_ESTIMABLE, Style, count, p_value
from fairness.report.panels import Panel
from fairness.report.table import Block, Cell, Column, Table, row
from fairness.result import (
    OVERALL,
    AuditResult,
    CohortRow,
    DelayCurve,
    Gap,
    GroupMetric,
)

_GROUP = Column("Group", numeric=False)


def cohort_table(rows: Sequence[CohortRow]) -> Table:
    """Return who was in the cohort, with denominators; a block a condition and attribute."""
    keys = dict.fromkeys((r.condition, r.attribute) for r in rows)
    everyone = {r.condition: r.patients for r in rows if r.attribute == OVERALL}
    blocks = tuple(
        Block(
            _heading(condition, attribute),
            tuple(
                _cohort_row(r, everyone.get(condition, 0))
                for r in rows
                if (r.condition, r.attribute) == (condition, attribute)
            ),
        )
        for condition, attribute in keys
    )
    return Table(
        "cohort-table",
        "Who was in the cohort. Patients with an unknown attribute are a group of their own.",
        (
            _GROUP,
            Column("Patients (share)"),
            Column("with / without the condition"),
            Column("Units"),
            Column("Positives (share)"),
            Column("Excluded units (share)"),
            Column("Hours monitored"),
        ),
        blocks,
    )


def _heading(condition: str, attribute: str) -> str:
    who = "All patients" if attribute == OVERALL else f"By {attribute}"
    return who if condition == "all" else f"{who}; condition {condition}"


def _cohort_row(r: CohortRow, everyone: int) -> tuple[Cell, ...]:
    return row(
        "all" if r.group == OVERALL else r.group,
        f"{count(r.patients)} ({_share(r.patients, everyone)})",
        f"{count(r.patients_with)} / {count(r.patients_without)}",
        count(r.units),
        f"{count(r.positives)} ({_share(r.positives, r.units)})",
        f"{count(r.excluded)} ({_share(r.excluded, r.units + r.excluded)})",
        f"{r.monitored_h:,.1f}" if math.isfinite(r.monitored_h) else "not known",
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "of none"


def metric_table(panels: Iterable[Panel], ident: str) -> Table:
    """Return every figure by group with its numerator and denominator, a block a metric."""
    return Table(
        ident,
        "Every figure by group. Counted: numerator of denominator. Pooled: drawn towards the "
        "attribute's mean. Mean over patients: each patient counts the same.",
        (
            _GROUP,
            Column("Patients"),
            Column("Counted"),
            Column("Figure (interval)"),
            Column("Pooled (interval)"),
            Column("Mean over patients"),
        ),
        tuple(
            Block(
                panel.title,
                tuple(_metric_row(panel.style, m) for m in _figures(panel)),
            )
            for panel in panels
        ),
    )


def _figures(panel: Panel) -> Iterable[GroupMetric]:
    if panel.overall is not None:
        yield panel.overall
    yield from (shown.metric for shown in panel.rows)


def _metric_row(style: Style, m: GroupMetric) -> tuple[Cell, ...]:
    ratio = math.isfinite(m.denominator) and math.isfinite(m.numerator)
    counted = f"{_amount(m.numerator)} of {_amount(m.denominator)}" if ratio else "no ratio"
    name = "All patients" if m.attribute == OVERALL else f"{m.attribute}: {m.group}"
    return row(
        Cell(name, note="too little to judge" if m.shortfall else ""),
        count(m.patients),
        counted,
        style.interval(m.estimate),
        style.interval(m.pooled),
        style.value(m.mean_over_patients),
    )


def _amount(number: float) -> str:
    return count(number) if float(number).is_integer() else f"{number:,.1f}"


def gap_table(gaps: Sequence[Gap], styles: Sequence[Style], names: Sequence[str]) -> Table:
    """Return the largest gap of each metric within each attribute, beside chance."""
    blocks = []
    for name in dict.fromkeys(names):
        own = [(g, s) for g, s, n in zip(gaps, styles, names, strict=True) if n == name]
        rows = [_gap_row(gap, style) for gap, style in own if math.isfinite(gap.largest)]
        without = [gap.attribute for gap, _ in own if not math.isfinite(gap.largest)]
        if without:
            rows.append(row(", ".join(without), NOT_ESTIMABLE, *[""] * 6))
        blocks.append(Block(name, tuple(rows)))
    return Table(
        "gap-table",
        "Largest gap between any two groups with enough patients, beside the gaps that come about "
        "when groups are dealt to patients at random. Not estimable: fewer than two such groups.",
        (
            Column("Attribute", numeric=False),
            Column("Largest gap"),
            Column("Best group", numeric=False),
            Column("Worst group", numeric=False),
            Column("Smallest / largest"),
            Column("Chance: median"),
            Column("Chance: high"),
            Column("p"),
        ),
        tuple(blocks),
    )


def _gap_row(gap: Gap, style: Style) -> tuple[Cell, ...]:
    return row(
        gap.attribute,
        f"{style.bare(gap.largest)}{style.step_unit}",
        gap.best_group,
        gap.worst_group,
        Style("number", 3).bare(gap.ratio),
        style.bare(gap.null_median),
        style.bare(gap.null_high),
        p_value(gap.p_value),
    )


def parity_table(result: AuditResult) -> Table:
    """Return the summary differences that the fairness literature names."""
    style = Style("share", 1)
    return Table(
        "parity-table",
        "Largest differences between groups with enough patients, in percentage points, by the "
        "names of the literature. They are never negative, so chance alone puts them above 0.",
        (
            Column("Attribute", numeric=False),
            Column("Equal opportunity: sensitivity"),
            Column("Equalized odds: sensitivity, false-positive rate"),
            Column("Demographic parity: share called"),
        ),
        tuple(
            Block(
                "" if condition == "all" else f"Condition {condition}",
                tuple(
                    row(
                        p.attribute,
                        style.interval(p.equal_opportunity_difference).replace(" %", ""),
                        style.interval(p.equalized_odds_difference).replace(" %", ""),
                        style.interval(p.demographic_parity_difference).replace(" %", ""),
                    )
                    for p in result.parity
                    if p.condition == condition
                ),
            )
            for condition in dict.fromkeys(p.condition for p in result.parity)
        ),
    )


def calibration_table(result: AuditResult) -> Table:
    """Return intercept, slope and error of calibration by group."""
    two, three = Style("number", 2), Style("number", 3)
    keys = dict.fromkeys((c.condition, c.attribute) for c in result.calibration)
    return Table(
        "calibration-table",
        "Calibration by group: ideal are intercept 0, slope 1 and error 0.",
        (_GROUP, Column("Units"), Column("Intercept"), Column("Slope"), Column("ECE")),
        tuple(
            Block(
                _heading(condition, attribute),
                tuple(
                    row(
                        "all" if c.group == OVERALL else c.group,
                        count(sum(b.units for b in c.bins)),
                        two.interval(c.intercept),
                        two.interval(c.slope),
                        three.interval(c.ece),
                    )
                    for c in result.calibration
                    if (c.condition, c.attribute) == (condition, attribute)
                ),
            )
            for condition, attribute in keys
        ),
    )


def delay_table(curves: Sequence[DelayCurve]) -> Table:
    """Return the median and the slow tail of times to alarm by group."""
    keys = dict.fromkeys((c.condition, c.attribute) for c in curves)
    return Table(
        "delay-table",
        "Time from onset to alarm by group, of the alarms that came.",
        (_GROUP, Column("Patients"), *(Column(f"{q:.0%} within") for q in (0.25, 0.5, 0.75, 0.9))),
        tuple(
            Block(
                _heading(condition, attribute),
                tuple(
                    row(
                        "all" if c.group == OVERALL else c.group,
                        count(c.patients),
                        *(_quantile(c, q) for q in (0.25, 0.5, 0.75, 0.9)),
                    )
                    for c in curves
                    if (c.condition, c.attribute) == (condition, attribute)
                ),
            )
            for condition, attribute in keys
        ),
    )


def _quantile(curve: DelayCurve, wanted: float) -> str:
    if not curve.quantiles or not curve.quantiles[0] <= wanted <= curve.quantiles[-1]:
        return NOT_ESTIMABLE
    return Style("seconds", 1).value(float(np.interp(wanted, curve.quantiles, curve.delay_s)))
