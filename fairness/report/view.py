"""What the page's template is given: pictures, tables and sentences, all made from the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup
from pydantic import ValidationError

from fairness.declaration import Declaration
from fairness.errors import AuditError
from fairness.report.chance import chance_picture, told_gaps
from fairness.report.curves import calibration_picture, delay_picture
from fairness.report.figure_tables import (
    calibration_table,
    cohort_table,
    delay_table,
    gap_table,
    metric_table,
    parity_table,
)
from fairness.report.forest import forest
from fairness.report.palette import KEYS
from fairness.report.panels import Panel, panels_of
from fairness.report.table import Table
from fairness.report.verdict_tables import comparison_table, glance_tables, silences
from fairness.report.words import BURDEN
from fairness.result import OVERALL, AuditResult, CalibrationCurve, DelayCurve, Verdict

Curve = TypeVar("Curve", CalibrationCurve, DelayCurve)

_ROWS = 34
"""Groups a forest plot holds, so that it fits a printed page."""
_CURVES = 5
"""Groups a picture of curves holds beside all patients."""
_GAPS = 28
"""Rows a picture of gaps holds."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its heading."""

    heading: str
    """Heading above it."""
    note: str
    """One sentence on what the metric is."""
    wide: Markup
    """Picture for a page."""
    narrow: Markup | None = None
    """Picture for a phone, where the wide one would be too small to read."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page."""

    result: AuditResult
    """The audit."""
    declaration: Declaration
    """What was declared beforehand."""
    key: str
    """Short name of the verdict."""
    counts: dict[str, int]
    """Primary comparisons by verdict."""
    patients: int
    """Patients in the cohort."""
    units: dict[str, int]
    """Scored units by condition."""
    glance: tuple[Table, ...]
    """Verdicts at a glance."""
    forests: tuple[Figure, ...]
    """Of the comparisons that count."""
    calibration: tuple[Figure, ...]
    """Calibration curves."""
    burden: tuple[Figure, ...]
    """Forest plots of false alarms, delays and exclusions."""
    delays: tuple[Figure, ...]
    """Delay curves."""
    gaps: tuple[Figure, ...]
    """Gaps beside chance."""
    explored: tuple[Figure, ...]
    """Forest plots of what does not count."""
    tables: dict[str, Table]
    """Tables by name; those of which there is nothing to tell have no blocks."""
    silences: tuple[str, ...]
    """What cannot be said, from the data."""


def view_of(result: AuditResult) -> View:
    """Return what the page shows of an audit.

    Raises
    ------
    AuditError
        If the declaration that the audit carries is not one.
    """
    try:
        declaration = Declaration.model_validate(result.declaration)
    except ValidationError as error:
        raise AuditError(f"the audit's declaration cannot be read: {error}") from error
    panels = panels_of(result)
    everyone = [row for row in result.cohort if row.attribute == OVERALL]
    counts = Counter(KEYS[c.verdict] for c in result.comparisons if c.primary)
    return View(
        result=result,
        declaration=declaration,
        key=KEYS[result.verdict],
        counts={key: counts[key] for key in KEYS.values()},
        patients=max((row.patients for row in everyone), default=0),
        units={row.condition: row.units for row in everyone},
        glance=tuple(glance_tables(panels)),
        forests=tuple(_forests([p for p in panels if p.metric not in BURDEN], "f", primary=True)),
        calibration=tuple(_calibration(result)),
        burden=tuple(_burden(panels)),
        delays=tuple(_delays(result)),
        gaps=tuple(_gaps(result, panels)),
        explored=tuple(_forests([p for p in panels if p.metric not in BURDEN], "x", primary=False)),
        tables=_tables(result, panels),
        silences=tuple(silences(panels)),
    )


def headline(verdict: Verdict) -> str:
    """Return what a verdict means, in a sentence.

    Examples
    --------
    >>> headline(Verdict.PASS)
    'In everything that was declared, the groups are shown to be equal within the margins.'
    """
    return {
        Verdict.PASS: "In everything that was declared, the groups are shown to be equal within "
        "the margins.",
        Verdict.FAIL: "At least one group is shown to differ from its reference by more than the "
        "declared margin.",
        Verdict.INSUFFICIENT: "No group is shown to differ by more than the margin, but not all "
        "are shown to be equal either. This is not a pass.",
    }[verdict]


def _forests(panels: Sequence[Panel], prefix: str, *, primary: bool) -> Iterator[Figure]:
    for index, panel in enumerate(panels, start=1):
        rest = set(panel.attributes) - set(panel.counting)
        chosen = panel.only(panel.counting if primary else rest)
        if chosen.rows:
            yield from _cut(chosen, f"{prefix}-{index}")


def _burden(panels: Sequence[Panel]) -> Iterator[Figure]:
    chosen = [panel for panel in panels if panel.metric in BURDEN]
    for index, panel in enumerate(chosen, start=1):
        yield from _cut(panel, f"b-{index}")


def _cut(panel: Panel, ident: str) -> Iterator[Figure]:
    parts: list[list[int]] = [[]]
    for attribute in panel.attributes:
        rows = [i for i, r in enumerate(panel.rows) if r.metric.attribute == attribute]
        while rows:
            if parts[-1] and len(parts[-1]) + len(rows) > _ROWS:
                parts.append([])
            parts[-1] += rows[:_ROWS]
            rows = rows[_ROWS:]
    for index, part in enumerate(parts, start=1):
        cut = panel.with_rows([panel.rows[i] for i in part])
        name = f"{ident}-{index}"
        heading = panel.title if len(parts) == 1 else f"{panel.title} ({index} of {len(parts)})"
        yield Figure(
            heading, panel.words.meaning, forest(cut, name), forest(cut, f"{name}-n", narrow=True)
        )


def _calibration(result: AuditResult) -> Iterator[Figure]:
    for index, (heading, curves) in enumerate(_headed(result.calibration), start=1):
        yield Figure(heading, "", calibration_picture(curves, f"c-{index}"))


def _delays(result: AuditResult) -> Iterator[Figure]:
    for index, (heading, curves) in enumerate(_headed(result.delays), start=1):
        yield Figure(heading, "", delay_picture(curves, f"d-{index}"))


def _headed(curves: Sequence[Curve]) -> Iterator[tuple[str, list[Curve]]]:
    parts = list(_together(curves))
    keys = [(part[-1].condition, part[-1].attribute) for part in parts]
    for index, (part, (condition, attribute)) in enumerate(zip(parts, keys, strict=True)):
        who = "all patients" if attribute == OVERALL else f"by {attribute}"
        heading = who[0].upper() + who[1:] if condition == "all" else f"{condition}, {who}"
        total = keys.count(keys[index])
        nth = keys[: index + 1].count(keys[index])
        yield heading if total == 1 else f"{heading} ({nth} of {total})", part


def _together(curves: Sequence[Curve]) -> Iterator[list[Curve]]:
    keys = dict.fromkeys((c.condition, c.attribute) for c in curves)
    for condition, attribute in keys:
        own = [c for c in curves if (c.condition, c.attribute) == (condition, attribute)]
        all_of_it = [c for c in curves if (c.condition, c.attribute) == (condition, OVERALL)]
        if attribute != OVERALL:
            for start in range(0, len(own), _CURVES):
                yield all_of_it + own[start : start + _CURVES]
        elif not any(c == condition and a != OVERALL for c, a in keys):
            yield own


def _gaps(result: AuditResult, panels: Sequence[Panel]) -> Iterator[Figure]:
    styles = {(p.metric, p.condition): p.style for p in panels}
    shown = told_gaps(result.gaps)
    for start in range(0, len(shown), _GAPS):
        part = shown[start : start + _GAPS]
        drawn = chance_picture(
            part, [styles[g.metric, g.condition] for g in part], f"g-{start // _GAPS + 1}"
        )
        yield Figure("", "", drawn)


def _tables(result: AuditResult, panels: Sequence[Panel]) -> dict[str, Table]:
    by_key = {(p.metric, p.condition): p for p in panels}
    gap_panels = [by_key[g.metric, g.condition] for g in result.gaps]
    return {
        "cohort": cohort_table(result.cohort),
        "declared": comparison_table(panels, "declared-table", primary=True),
        "explored": comparison_table(panels, "explored-table", primary=False),
        "metrics": metric_table(panels, "metric-table"),
        "gaps": gap_table(
            result.gaps, [p.style for p in gap_panels], [p.title for p in gap_panels]
        ),
        "parity": parity_table(result),
        "calibration": calibration_table(result),
        "delays": delay_table(result.delays),
    }
