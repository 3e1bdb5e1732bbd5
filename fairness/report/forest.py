"""Forest plots: each group's figure, and its difference from its reference beside the margin."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from fairness.report.axis import Axis, span
from fairness.report.markers import marker, verdict_marker
from fairness.report.numerals import NOT_ESTIMABLE, count
from fairness.report.panels import Panel, PanelRow
from fairness.report.svg import element, line, paint, path, picture, rect, text, wrap
from fairness.result import Estimate, Verdict

WIDTH = 800.0
"""Of the wide plot, px; the narrow one is for a phone."""
NARROW = 348.0
_ROW, _HEAD, _TOP, _FOOT = 22.0, 22.0, 44.0, 34.0
_STACK = 66.0


@dataclass(frozen=True, slots=True)
class _Columns:
    label: float
    patients: float
    level: tuple[float, float]
    level_text: float
    difference: tuple[float, float]
    difference_text: float


_WIDE = _Columns(4, 210, (224, 346), 358, (502, 642), 652)


def forest(panel: Panel, ident: str, *, narrow: bool = False) -> Markup:
    """Draw a panel: wide with two plots and the figures in columns, or narrow with one below."""
    axis = _difference_axis(panel, (8.0, NARROW - 8) if narrow else _WIDE.difference)
    body, height = _narrow(panel, axis) if narrow else _wide(panel, axis)
    width = NARROW if narrow else WIDTH
    return picture(ident, f"{panel.title} by group", summary(panel), width, height, *body)


def summary(panel: Panel) -> str:
    """Tell a panel's figures in sentences, for those who do not see it."""
    parts = []
    if panel.overall is not None:
        parts.append(
            f"All {count(panel.overall.patients)} patients: "
            f"{panel.style.interval(panel.overall.estimate)}."
        )
    if math.isfinite(panel.margin):
        parts.append(f"Margin {panel.style.margin(panel.margin)}.")
    for row in panel.rows:
        told = f"{row.metric.attribute}, {row.metric.group}, {count(row.metric.patients)} patients"
        told += f": {panel.style.interval(row.metric.estimate)}"
        if row.comparison is not None and row.known:
            told += (
                f"; difference from {row.comparison.reference} "
                f"{panel.style.difference(row.comparison.difference)}: {row.comparison.verdict}"
            )
        parts.append(f"{told}{'; ' + row.silence if row.silence else ''}.")
    return " ".join(parts)


def _difference_axis(panel: Panel, place: tuple[float, float]) -> Axis:
    margin = panel.margin if math.isfinite(panel.margin) else 0.0
    ends = [
        abs(end)
        for row in panel.rows
        if row.comparison is not None and row.known
        for end in (
            row.comparison.difference.low,
            row.comparison.difference.value,
            row.comparison.difference.high,
        )
        if math.isfinite(end)
    ]
    widest = max(ends, default=0.0) or margin or 1.0
    reach = min(max(widest, 1.6 * margin), 4 * margin) if margin else widest
    return Axis(-1.1 * reach, 1.1 * reach, *place)


def _level_axis(panel: Panel) -> Axis:
    judged = [r.metric.estimate for r in panel.rows if not r.metric.shortfall]
    shown = judged or [r.metric.estimate for r in panel.rows]
    values = [end for e in shown for end in (e.low, e.value, e.high)]
    if panel.overall is not None:
        values.append(panel.overall.estimate.value)
    share = panel.style.kind == "share"
    least = 0.01 if share else 0.02
    low, high = span(
        values,
        least=least,
        floor=0.0 if share else -math.inf,
        ceiling=1.0 if share else math.inf,
    )
    return Axis(low, high, *_WIDE.level)


def _wide(panel: Panel, axis: Axis) -> tuple[list[Markup], float]:
    level = _level_axis(panel)
    bottom = _TOP + _ROW + sum(_HEAD + _ROW * len(panel.of(a)) for a in panel.attributes)
    body = [*_heads(panel), *_grounds(panel, axis, bottom)]
    y = _TOP
    if panel.overall is not None:
        value = panel.overall.estimate.value
        if math.isfinite(value):
            body.append(line(level.at(value), _TOP, level.at(value), bottom, "axis", dash="2 3"))
        body += [*_names("All patients", panel.overall.patients, y, bold=True)]
        body += _whisker(level, panel.overall.estimate, y + _ROW / 2, "ink", shape="square")
        body.append(_figure(panel.style.interval(panel.overall.estimate), y))
        body.append(text(_WIDE.difference_text, y + 15, "dotted line", size=11, colour="muted"))
    y += _ROW
    for attribute in panel.attributes:
        body.append(text(_WIDE.label, y + 16, attribute, bold=True, colour="muted"))
        y += _HEAD
        for row in panel.of(attribute):
            body += _wide_row(panel, row, level, axis, y)
            y += _ROW
    body += [*_ruler(panel, level, bottom, signed=False), *_ruler(panel, axis, bottom, signed=True)]
    return body, bottom + _FOOT


def _heads(panel: Panel) -> list[Markup]:
    middle = sum(_WIDE.difference) / 2
    return [
        text(_WIDE.label, 16, "Group", size=11, colour="muted"),
        text(_WIDE.patients, 16, "Patients", size=11, anchor="end", colour="muted"),
        text(_WIDE.level[0], 16, f"{panel.title} (interval)", size=11, colour="muted"),
        text(middle, 16, "Difference from its reference", size=11, anchor="middle", colour="muted"),
        text(
            middle,
            32,
            f"shaded: margin {panel.style.margin(panel.margin)}"
            if math.isfinite(panel.margin)
            else "nothing was compared",
            size=10.5,
            anchor="middle",
            colour="muted",
        ),
        line(0, _TOP - 4, WIDTH, _TOP - 4, "axis"),
    ]


def _grounds(panel: Panel, axis: Axis, bottom: float) -> list[Markup]:
    drawn = []
    if math.isfinite(panel.margin):
        left, right = axis.at(-panel.margin), axis.at(panel.margin)
        drawn.append(rect(left, _TOP, right - left, bottom - _TOP, "band"))
    drawn.append(line(axis.at(0), _TOP, axis.at(0), bottom, "axis"))
    return drawn


def _names(label: str, patients: int, y: float, *, bold: bool = False) -> list[Markup]:
    room = _WIDE.patients - _WIDE.label - 44
    lines = wrap(label, room, 12 if len(label) < 28 else 10, 2)
    size = 12 if len(lines) == 1 else 10
    first = y + 15 if len(lines) == 1 else y + 9.5
    return [
        *(
            text(_WIDE.label + (0 if bold else 10), first + i * 11, words, size=size, bold=bold)
            for i, words in enumerate(lines)
        ),
        text(_WIDE.patients, y + 15, count(patients), anchor="end"),
    ]


def _figure(words: str, y: float) -> Markup:
    colour = "muted" if words == NOT_ESTIMABLE else "ink"
    return text(_WIDE.level_text, y + 15, words, size=11, colour=colour)


def _wide_row(panel: Panel, row: PanelRow, level: Axis, axis: Axis, y: float) -> list[Markup]:
    judged = not row.metric.shortfall
    drawn = _names(row.metric.group, row.metric.patients, y)
    shape = "square" if judged else "ring"
    drawn += _whisker(
        level, row.metric.estimate, y + _ROW / 2, "ink" if judged else "muted", shape=shape
    )
    drawn.append(_figure(panel.style.interval(row.metric.estimate), y))
    return drawn + _difference(panel, row, axis, y + _ROW / 2, _WIDE.difference_text)


def _difference(panel: Panel, row: PanelRow, axis: Axis, y: float, words_at: float) -> list[Markup]:
    if row.comparison is None or not row.known:
        lines = wrap(row.silence, WIDTH - words_at, 10, 2)
        first = y + 4 if len(lines) == 1 else y - 1.5
        return [
            text(words_at, first + 11 * i, words, size=10, colour="muted")
            for i, words in enumerate(lines)
        ]
    drawn = _bar(axis, row.comparison.difference, y, "ink")
    drawn.append(
        verdict_marker(axis.at(row.comparison.difference.value), y, row.comparison.verdict)
    )
    words = panel.style.difference(row.comparison.difference, unit=False)
    if row.comparison.verdict is not Verdict.INSUFFICIENT:
        return [*drawn, text(words_at, y + 4, words, size=11)]
    why = "too little to judge" if row.metric.shortfall else row.comparison.verdict
    return [
        *drawn,
        text(words_at, y - 1, words, size=11),
        text(words_at, y + 8.5, why, size=9.5, colour="muted"),
    ]


def _whisker(axis: Axis, estimate: Estimate, y: float, colour: str, *, shape: str) -> list[Markup]:
    if not math.isfinite(estimate.value):
        return []
    drawn = _bar(axis, estimate, y, colour)
    x = axis.at(estimate.value)
    if shape == "ring":
        ring = paint(colour, stroke=True) | {"class_": f"s-{colour} f-ground", "fill": "#ffffff"}
        return [*drawn, element("circle", cx=x, cy=y, r=3.4, stroke_width=1.5, **ring)]
    return [*drawn, marker(x, y, shape, colour, radius=3.2)]


def _bar(axis: Axis, estimate: Estimate, y: float, colour: str) -> list[Markup]:
    if not math.isfinite(estimate.low) and not math.isfinite(estimate.high):
        return []
    low = estimate.low if math.isfinite(estimate.low) else -math.inf
    high = estimate.high if math.isfinite(estimate.high) else math.inf
    drawn = [line(axis.at(low), y, axis.at(high), y, colour, width=1.5)]
    for beyond, x, way in ((low < axis.low, axis.start, 4), (high > axis.high, axis.end, -4)):
        if beyond:
            tip = [(x + way, y - 3.5), (x, y), (x + way, y + 3.5)]
            drawn.append(path(tip, colour, width=1.5, dash=""))
    return drawn


def _ruler(panel: Panel, axis: Axis, y: float, *, signed: bool) -> list[Markup]:
    drawn = [line(axis.start, y, axis.end, y, "axis")]
    ticks = axis.ticks(3)
    digits = _digits([t * panel.style.scale for t in ticks])
    for tick in ticks:
        x = axis.at(tick)
        sign = "−" if tick < 0 else "+" if signed and tick > 0 else ""
        words = f"{sign}{abs(tick) * panel.style.scale:.{digits}f}"
        drawn.append(line(x, y, x, y + 4, "axis"))
        drawn.append(text(x, y + 15, words, size=10.5, anchor="middle", colour="muted"))
    unit = (panel.style.step_unit if signed else panel.style.unit).strip()
    middle = (axis.start + axis.end) / 2
    if unit:
        named = {"points": "percentage points", "%": "percent", "s": "seconds", "/h": "per hour"}
        drawn.append(text(middle, y + 29, named[unit], size=10.5, anchor="middle", colour="muted"))
    return drawn


def _digits(ticks: list[float]) -> int:
    return next((d for d in range(6) if all(abs(t - round(t, d)) < 1e-9 for t in ticks)), 6)


def _narrow(panel: Panel, axis: Axis) -> tuple[list[Markup], float]:
    top = 40.0
    bottom = top + sum(_HEAD + _STACK * len(panel.of(a)) for a in panel.attributes)
    margin = panel.style.margin(panel.margin) if math.isfinite(panel.margin) else "none"
    body = [
        text(2, 14, f"Difference from its reference; shaded: margin {margin}", size=11,
             colour="muted"),
    ]  # fmt: skip
    if panel.overall is not None:
        told = panel.style.interval(panel.overall.estimate)
        body.append(text(2, 31, f"All {count(panel.overall.patients)} patients: {told}", size=12))
    y = top
    for attribute in panel.attributes:
        body.append(text(2, y + 18, attribute, bold=True, colour="muted"))
        y += _HEAD
        for row in panel.of(attribute):
            body += _narrow_row(panel, row, axis, y)
            y += _STACK
    return [*body, *_ruler(panel, axis, bottom, signed=True)], bottom + _FOOT


def _narrow_row(panel: Panel, row: PanelRow, axis: Axis, y: float) -> list[Markup]:
    patients = f"n = {count(row.metric.patients)}"
    (label,) = wrap(row.metric.group, NARROW - 80, 13, 1)
    drawn = [
        text(8, y + 13, label, size=13),
        text(NARROW - 4, y + 13, patients, size=12, anchor="end", colour="muted"),
        text(8, y + 29, panel.style.interval(row.metric.estimate), size=12),
    ]
    middle = y + 46
    if row.comparison is None or not row.known:
        (words,) = wrap(row.silence, NARROW - 12, 11, 1)
        return [*drawn, text(8, middle, words, size=11, colour="muted")]
    if math.isfinite(panel.margin):
        left, right = axis.at(-panel.margin), axis.at(panel.margin)
        drawn.append(rect(left, middle - 9, right - left, 18, "band"))
    drawn.append(line(axis.at(0), middle - 9, axis.at(0), middle + 9, "axis"))
    drawn += _bar(axis, row.comparison.difference, middle, "ink")
    x = axis.at(row.comparison.difference.value)
    drawn.append(verdict_marker(x, middle, row.comparison.verdict))
    words = panel.style.difference(row.comparison.difference, unit=False)
    return [*drawn, text(NARROW - 4, y + 29, words, size=11, anchor="end", colour="muted")]
