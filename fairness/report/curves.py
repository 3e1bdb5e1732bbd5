"""Calibration and delay by group, as curves that differ in dash and marker as in colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fairness.report.axis import Axis
from fairness.report.markers import marker
from fairness.report.numerals import Style, counted
from fairness.report.palette import CURVES, DASHES, SHAPES
from fairness.report.svg import element, line, path, picture, text, wrap
from fairness.result import OVERALL, CalibrationCurve, DelayCurve

WIDTH = 376.0
"""Of one picture, px: two stand side by side on a page, one on a phone."""
_LEFT, _RIGHT, _TOP, _PLOT, _LEGEND = 46.0, 366.0, 14.0, 270.0, 19.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Curve:
    name: str
    points: list[Point]
    whiskers: list[tuple[float, float, float]]
    weight: str


@dataclass(frozen=True, slots=True)
class _Frame:
    across: Axis
    up: Axis
    across_name: str
    up_name: str
    write: Callable[[float], str]


def calibration_picture(curves: Sequence[CalibrationCurve], ident: str) -> Markup:
    """Draw the calibration curves of one attribute of one condition, beside the ideal diagonal."""
    condition, attribute = curves[0].condition, _attribute(c.attribute for c in curves)
    shown = [v for c in curves for b in c.bins for v in (b.predicted, b.observed.value)]
    top = min(1.0, max(1.1 * max((v for v in shown if math.isfinite(v)), default=1.0), 0.1))
    frame = _Frame(
        Axis(0, top, _LEFT, _RIGHT), Axis(0, top, _TOP + _PLOT, _TOP),
        "Mean score", "Share with the condition", lambda v: f"{v:.2g}",
    )  # fmt: skip
    diagonal = line(_LEFT, _TOP + _PLOT, _RIGHT, _TOP, "axis", dash="2 3")
    drawn = [
        _Curve(
            _group_name(c.attribute, c.group),
            [(b.predicted, b.observed.value) for b in c.bins],
            [(b.predicted, b.observed.low, b.observed.high) for b in c.bins],
            counted(sum(b.units for b in c.bins), "unit", "units"),
        )
        for c in curves
    ]
    return _plot(
        ident, _title("Calibration", attribute, condition), _told(curves), frame, drawn, [diagonal]
    )


def delay_picture(curves: Sequence[DelayCurve], ident: str) -> Markup:
    """Draw how many of an attribute's alarms have come how long after onset."""
    condition, attribute = curves[0].condition, _attribute(c.attribute for c in curves)
    times = [t for c in curves for t in c.delay_s if math.isfinite(t)]
    low, high = min([0.0, *times]), max(times, default=1.0)
    frame = _Frame(
        Axis(low, high if high > low else low + 1, _LEFT, _RIGHT),
        Axis(0, 1, _TOP + _PLOT, _TOP),
        "Time from onset to alarm, s", "Share of alarms that had come", lambda v: f"{v:g}",
    )  # fmt: skip
    drawn = [
        _Curve(
            _group_name(c.attribute, c.group),
            [(t, q) for t, q in zip(c.delay_s, c.quantiles, strict=True) if math.isfinite(t)],
            [],
            counted(c.patients, "patient", "patients"),
        )
        for c in curves
    ]
    told = " ".join(f"{_group_name(c.attribute, c.group)}: {_delays_told(c)}." for c in curves)
    return _plot(ident, _title("Time to alarm", attribute, condition), told, frame, drawn, [])


def _delays_told(curve: DelayCurve) -> str:
    pairs = list(zip(curve.quantiles, curve.delay_s, strict=True))
    if not pairs:
        return "no alarm found an onset"
    told = []
    for wanted in (0.5, 0.9):
        quantile, delay = min(pairs, key=lambda pair: abs(pair[0] - wanted))
        if math.isfinite(delay):
            told.append(f"{quantile:.0%} of alarms within {delay:.1f} s")
    return (
        f"{', '.join(told) or 'not estimable'} ({counted(curve.patients, 'patient', 'patients')})"
    )


def _told(curves: Iterable[CalibrationCurve]) -> str:
    style = Style("number", 2)
    return " ".join(
        f"{_group_name(c.attribute, c.group)}: intercept {style.interval(c.intercept)}, slope "
        f"{style.interval(c.slope)}, ECE {Style('number', 3).interval(c.ece)}."
        for c in curves
    )


def _attribute(names: Iterable[str]) -> str:
    return next((name for name in names if name != OVERALL), OVERALL)


def _title(what: str, attribute: str, condition: str) -> str:
    who = "over all patients" if attribute == OVERALL else f"by {attribute}"
    return f"{what} {who}" if condition == "all" else f"{what} {who}, {condition}"


def _group_name(attribute: str, group: str) -> str:
    return "all patients" if attribute == OVERALL else group


def _plot(
    ident: str, title: str, told: str, frame: _Frame, curves: list[_Curve], under: list[Markup]
) -> Markup:
    body = [*_frame(frame), *under]
    for index, curve in enumerate(curves):
        body += _curve(frame, curve, index)
    y = _TOP + _PLOT + 54
    for index, curve in enumerate(curves):
        body += _legend(curve, index, y)
        y += _LEGEND
    return picture(ident, title, told, WIDTH, y, *body)


def _frame(frame: _Frame) -> list[Markup]:
    bottom = _TOP + _PLOT
    drawn = []
    for tick in frame.up.ticks(5):
        y = frame.up.at(tick)
        drawn.append(line(_LEFT, y, _RIGHT, y, "rule"))
        drawn.append(text(_LEFT - 6, y + 4, frame.write(tick), size=11, anchor="end",
                          colour="muted"))  # fmt: skip
    for tick in frame.across.ticks(5):
        x = frame.across.at(tick)
        drawn.append(line(x, bottom, x, bottom + 4, "axis"))
        drawn.append(text(x, bottom + 17, frame.write(tick), size=11, anchor="middle",
                          colour="muted"))  # fmt: skip
    drawn.append(line(_LEFT, bottom, _RIGHT, bottom, "axis"))
    middle = (_LEFT + _RIGHT) / 2
    drawn.append(text(middle, bottom + 34, frame.across_name, anchor="middle"))
    up = text(0, 0, frame.up_name, anchor="middle")
    turned = f"translate(11 {_TOP + _PLOT / 2:.1f}) rotate(-90)"
    return [*drawn, element("g", up, transform=turned)]


def _curve(frame: _Frame, curve: _Curve, index: int) -> list[Markup]:
    colour, dash = CURVES[index % len(CURVES)], DASHES[index % len(DASHES)]
    points = [(frame.across.at(x), frame.up.at(y)) for x, y in curve.points if math.isfinite(x + y)]
    aside = 1.6 * (index - 2)  # so that whiskers of several curves stay apart
    whiskers = [
        line(frame.across.at(x) + aside, frame.up.at(low),
             frame.across.at(x) + aside, frame.up.at(high), colour)
        for x, low, high in curve.whiskers
        if math.isfinite(x + low + high)
    ]  # fmt: skip
    drawn = [element("g", *whiskers, opacity=0.5)] if whiskers else []
    if len(points) > 1:
        drawn.append(path(points, colour, width=1.8, dash=dash))
    shown = points[:: max(len(points) // 6, 1)]
    return [*drawn, *(marker(x, y, SHAPES[index % len(SHAPES)], colour) for x, y in shown)]


def _legend(curve: _Curve, index: int, y: float) -> list[Markup]:
    colour, dash = CURVES[index % len(CURVES)], DASHES[index % len(DASHES)]
    (name,) = wrap(curve.name, 190, 12, 1)
    return [
        path([(_LEFT, y - 4), (_LEFT + 34, y - 4)], colour, width=1.8, dash=dash),
        marker(_LEFT + 17, y - 4, SHAPES[index % len(SHAPES)], colour),
        text(_LEFT + 42, y, name),
        text(_RIGHT, y, curve.weight, size=11, anchor="end", colour="muted"),
    ]
