"""Tables of what was judged: the verdicts at a glance, and every comparison."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from fairness.report.numerals import NOT_ESTIMABLE, Style, count, counted, p_value
from fairness.report.panels import Panel, PanelRow
from fairness.report.table import Block, Cell, Column, Table, row
from fairness.result import UNKNOWN, Comparison, Verdict

_ABREAST = 6
_SHORT = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.INSUFFICIENT: "insufficient"}


def glance_tables(panels: Sequence[Panel]) -> Iterator[Table]:
    """Yield tables of the verdict of each group in each primary metric, six metrics abreast."""
    primary = [panel for panel in panels if panel.primary]
    for start in range(0, len(primary), _ABREAST):
        part = primary[start : start + _ABREAST]
        names = dict.fromkeys(
            (r.metric.attribute, r.metric.group)
            for panel in part
            for r in panel.rows
            if r.comparison is not None and r.comparison.primary
        )
        blocks = tuple(
            Block(
                attribute,
                tuple(
                    row(group, *(_glance(panel, attribute, group) for panel in part))
                    for name, group in names
                    if name == attribute
                ),
            )
            for attribute in dict.fromkeys(attribute for attribute, _ in names)
        )
        yield Table(
            f"glance-{start // _ABREAST + 1}",
            "Verdict on each group in each metric that was declared to count.",
            (Column("Group", numeric=False), *(Column(p.title, numeric=False) for p in part)),
            blocks,
        )


def _glance(panel: Panel, attribute: str, group: str) -> Cell:
    found = next((r.comparison for r in panel.of(attribute) if r.metric.group == group), None)
    if found is None or not found.primary:
        return Cell("not compared")
    return Cell(_SHORT[found.verdict], found.verdict)


def comparison_table(panels: Iterable[Panel], ident: str, *, primary: bool) -> Table:
    """Return every comparison, declared or explored, a block a metric."""
    blocks = []
    adjusters: dict[str, None] = {}
    for panel in panels:
        rows = [
            r for r in panel.rows if r.comparison is not None and r.comparison.primary is primary
        ]
        for r in rows:
            adjusters |= dict.fromkeys(r.comparison.adjusted_by if r.comparison else ())
        if rows:
            heading = f"{panel.title}; margin {panel.style.margin(panel.margin)}"
            blocks.append(Block(heading, tuple(_comparison(panel.style, r) for r in rows)))
    kind = "declared to count" if primary else "explored, not counted in the verdict"
    adjusted = f" Adjusted by {', '.join(adjusters)}." if adjusters else " Nothing was adjusted by."
    return Table(
        ident,
        f"Comparisons {kind}: the group less its reference, with its interval.{adjusted} "
        "Patients needed: in the group, to settle it at the declared power.",
        (
            Column("Group", numeric=False),
            Column("Difference"),
            Column("Adjusted"),
            Column("Ratio"),
            Column("p differs"),
            Column("p equal"),
            Column("Verdict", numeric=False),
            Column("Patients needed"),
        ),
        tuple(blocks),
    )


def _comparison(style: Style, shown: PanelRow) -> tuple[Cell, ...]:
    one = shown.comparison
    if one is None:  # pragma: no cover - tells the type checker
        return ()
    return row(
        Cell(f"{one.attribute}: {one.group}", note=f"n = {count(shown.metric.patients)}, against "
             f"{one.reference}"),
        style.difference(one.difference, unit=False),
        style.difference(one.adjusted, unit=False),
        Style("number", 2).bare(one.ratio.value),
        p_value(one.p_differs),
        p_value(one.p_equal),
        Cell(one.verdict, one.verdict),
        _needed(one),
    )  # fmt: skip


def _needed(one: Comparison) -> str:
    if one.patients_needed == 0:
        return "settled"
    return count(one.patients_needed) if one.patients_needed > 0 else "cannot be told"


def silences(panels: Sequence[Panel]) -> list[str]:
    """Return what the audit cannot say of what counts, a sentence a group and reason."""
    judged = [panel.only(panel.counting) for panel in panels if panel.primary]
    told: dict[tuple[str, str, str], list[str]] = {}
    patients: dict[tuple[str, str], int] = {}
    for panel in judged:
        for shown in panel.rows:
            who = shown.metric.attribute, shown.metric.group
            patients[who] = max(shown.metric.patients, patients.get(who, 0))
            if reason := _silence(shown):
                told.setdefault((*who, reason), []).append(panel.title)
    sentences = [
        f"{attribute}, {group} ({counted(patients[attribute, group], 'patient', 'patients')}): "
        f"{reason}, in {_metrics(titles, len(judged))}."
        for (attribute, group, reason), titles in told.items()
    ]
    return sentences + [
        f"{panel.title}: {NOT_ESTIMABLE} from these data."
        for panel in panels
        if panel.overall is None or not math.isfinite(panel.overall.estimate.value)
    ]


def _metrics(titles: Sequence[str], all_of_them: int) -> str:
    return "every metric that counts" if len(titles) == all_of_them else "; ".join(titles)


def _silence(shown: PanelRow) -> str:
    one = shown.comparison
    if shown.metric.group == UNKNOWN:
        return "counted, compared with nobody" if shown.metric.patients else ""
    if shown.metric.shortfall:
        return "too little to judge"
    if one is None or not one.primary or one.verdict is not Verdict.INSUFFICIENT:
        return ""
    return "neither equality nor a difference is shown"
