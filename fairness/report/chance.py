"""The largest gap of each metric beside the gaps that chance alone gives."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from fairness.report.axis import Axis
from fairness.report.markers import marker
from fairness.report.numerals import Style, p_value
from fairness.report.panels import name_of
from fairness.report.svg import line, path, picture, rect, text, wrap
from fairness.report.words import words_of
from fairness.result import Gap

WIDTH = 800.0
"""Of the picture, px."""
_ROW, _TOP, _FOOT = 24.0, 40.0, 40.0
_LABEL, _PLOT, _WORDS = 352.0, (360.0, 640.0), 652.0
_MOST = 3.0


def told_gaps(gaps: Sequence[Gap]) -> list[Gap]:
    """Return the gaps that could be estimated beside a null.

    Examples
    --------
    >>> told_gaps([])
    []
    """
    return [g for g in gaps if math.isfinite(g.largest + g.null_high) and g.null_high > 0]


def chance_picture(gaps: Sequence[Gap], styles: Sequence[Style], ident: str) -> Markup:
    """Draw gaps that :func:`told_gaps` returned, each with its metric's style."""
    reach = max([1.0, *(g.largest / g.null_high for g in gaps)])
    axis = Axis(0, min(max(reach * 1.08, 1.5), _MOST), *_PLOT)
    bottom = _TOP + _ROW * len(gaps)
    body = [
        text(4, 16, "Metric, by attribute", size=11, colour="muted"),
        text(_PLOT[0], 16, "Largest gap, as a multiple of chance’s high end", size=11,
             colour="muted"),
        text(_WORDS, 16, "Gap; chance; p", size=11, colour="muted"),
        line(0, _TOP - 8, WIDTH, _TOP - 8, "axis"),
    ]  # fmt: skip
    for index, (gap, style) in enumerate(zip(gaps, styles, strict=True)):
        body += _row(gap, style, axis, _TOP + index * _ROW)
    body.append(line(axis.at(1), _TOP, axis.at(1), bottom, "axis", dash="2 3"))
    body.append(line(axis.start, bottom, axis.end, bottom, "axis"))
    for tick in axis.ticks(4):
        x = axis.at(tick)
        body.append(line(x, bottom, x, bottom + 4, "axis"))
        body.append(text(x, bottom + 16, f"{tick:g}", size=10.5, anchor="middle", colour="muted"))
    title = "Largest gaps beside those that chance alone gives"
    return picture(ident, title, _told(gaps, styles), WIDTH, bottom + _FOOT - 14, *body)


def _row(gap: Gap, style: Style, axis: Axis, y: float) -> list[Markup]:
    middle = y + _ROW / 2
    share = gap.largest / gap.null_high
    name = f"{name_of(words_of(gap.metric), gap.condition)}, by {gap.attribute}"
    (label,) = wrap(name, _LABEL - 4, 11, 1)
    beyond = share > 1
    shape, colour = ("diamond", "c3") if beyond else ("circle", "ink")
    figures = (
        f"{style.bare(gap.largest)}; {style.bare(gap.null_high)}{style.step_unit}; "
        f"{p_value(gap.p_value)}"
    )
    tip = [(axis.end - 14, middle - 5), (axis.end - 9, middle), (axis.end - 14, middle + 5)]
    arrow = [path(tip, colour, width=1.5, dash="")] if share > axis.high else []
    return [
        text(4, middle + 4, label, size=11),
        rect(axis.start, middle - 7, axis.at(1) - axis.start, 14, "band"),
        line(axis.at(gap.null_median / gap.null_high), middle - 7,
             axis.at(gap.null_median / gap.null_high), middle + 7, "axis", width=1.5),
        marker(axis.at(share) - 20 * bool(arrow), middle, shape, colour, radius=4.8),
        text(_WORDS, middle + 4, figures, size=11),
        *arrow,
    ]  # fmt: skip


def _told(gaps: Sequence[Gap], styles: Sequence[Style]) -> str:
    return " ".join(
        f"{name_of(words_of(g.metric), g.condition)}, by {g.attribute}: largest gap "
        f"{style.bare(g.largest)}{style.step_unit}, {g.worst_group} worst; chance stays below "
        f"{style.bare(g.null_high)}; p {p_value(g.p_value)}."
        for g, style in zip(gaps, styles, strict=True)
    )
