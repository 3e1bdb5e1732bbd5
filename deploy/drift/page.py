"""What a watch for drift shows, as a page with plots; from ``vigil.drift/1`` alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from deploy.html_page import html_page, html_table
from fairness.report.axis import Axis, span
from fairness.report.svg import element, line, path, picture, rect, text

Told = Mapping[str, Any]

WIDTH, HEIGHT = 470.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 458.0, 24.0, 176.0
"""Ends of the plot within a picture, px."""
MARK = {"too_few": "too few patients", "watched": "none shown", "drift": "drift"}
"""States in words."""


def page(told: Told) -> str:
    """Write the page of one reading."""
    cells = sorted(told["cells"], key=lambda c: (c["state"] != "drift", -_share(c)))
    whole = sorted(
        (cell for cell in told["cells"] if cell["by"] == "all"), key=lambda c: c["state"] != "drift"
    )
    found = [cell for cell in told["cells"] if cell["by"] != "all" and cell["state"] == "drift"]
    pictures = [_pair(cell) for cell in (*found, *whole) if cell["patients"]]
    return html_page(
        told["title"],
        "Vigil: drift",
        [
            _verdict(told),
            element("h2", "Every figure, by group"),
            _table(cells),
            element("p", _few(told["cells"])),
            element("h2", "Patient by patient"),
            element(
                "p",
                "Left: each patient's figure in the order in which they came, the reference "
                "shaded. Right: the evidence behind each, and the limit at which it alerts.",
            ),
            *pictures,
        ],
    )


def _verdict(told: Told) -> Markup:
    """Say what was found in a box."""
    drifts = told["alerts"]
    found = "1 drift found" if len(drifts) == 1 else f"{len(drifts)} drifts found"
    heading = found if drifts else "No drift shown"
    key = "fail" if drifts else "pass"
    words = (
        f"{told['patients']} patients, each counted once by the first {told['window_min']:g} "
        f"minutes. The chance of any false alert, however long this goes on, is at most "
        f"{told['alpha']:.0%}, if patients come in no particular order."
    )
    items = [element("li", alert_words(alert)) for alert in drifts]
    return element(
        "section",
        element("h2", element("span", heading, class_=f"v v-{key}")),
        element("p", words),
        element("ul", *items),
        class_=f"hero hero-{key}",
    )


def alert_words(alert: Told) -> str:
    """Say one alert in a sentence."""
    where = "all patients" if alert["by"] == "all" else f"{alert['by']} {alert['group']}"
    before, now = (_value(alert[key]) for key in ("before", "now"))
    return (
        f"{alert['figure']} of {where}: {alert['direction']}, from {before} to {now}, "
        f"found after {alert['found_after']} patients"
    )


def _table(cells: list[Told]) -> Markup:
    rows = [
        (
            cell["figure"],
            _where(cell),
            MARK[cell["state"]],
            _value(cell["reference"].get("median", cell["reference"].get("mix"))),
            _value(cell["running"].get("median", cell["running"].get("mix"))),
            str(cell["patients"]),
            f"{cell['evidence']:.3g}",
            f"{cell['limit']:,.0f}",
        )
        for cell in cells
        if cell["state"] != "too_few"
    ]
    heads = ("figure", "of", "state", "reference", "now", "patients", "evidence", "limit")
    return html_table("Middle of the reference and of the latest patients.", heads, rows, 5)


def _pair(cell: Told) -> Markup:
    """Draw one cell: its patients and its evidence side by side."""
    unit = f", {cell['unit']}" if cell["unit"] else ""
    ident = f"c-{cell['figure']}-{cell['by']}-{cell['group']}".replace(" ", "-")
    drawn = [_values(cell, f"{ident}-v")] if cell["values"] else [_mix(cell)]
    if cell["trace"]:
        drawn.append(_trace(cell, f"{ident}-e"))
    return element(
        "section",
        element("h3", f"{cell['figure']}, {_where(cell)}"),
        element("p", f"{cell['text']}{unit}. {MARK[cell['state']].capitalize()}."),
        element("div", *(element("figure", each) for each in drawn), class_="pair"),
    )


def _values(cell: Told, ident: str) -> Markup:
    """Draw the figure of each patient."""
    values = cell["values"]
    low, high = span(values, least=1e-6, floor=-math.inf, ceiling=math.inf)
    up, across = Axis(low, high, BOTTOM, TOP), Axis(0, max(len(values), 2) - 1, LEFT, RIGHT)
    share = min(1.0, cell["reference_patients"] / cell["patients"])
    shaded = rect(LEFT, TOP, (RIGHT - LEFT) * share, BOTTOM - TOP, "stripe")
    dots = [
        element("circle", cx=across.at(i), cy=up.at(v), r=2.2, class_="f-c0", fill="#0072b2")
        for i, v in enumerate(values)
    ]
    summary = f"{cell['figure']} of {cell['patients']} patients in order"
    name = cell["unit"] or cell["figure"].replace("_", " ")
    return _framed(ident, summary, up, name, [shaded, *dots])


def _trace(cell: Told, ident: str) -> Markup:
    """Draw the evidence behind each patient, on a scale of powers of ten, and its limit."""
    trace, limit = cell["trace"], math.log10(cell["limit"])
    top = max(limit * 1.15, *trace)
    low = min(0.0, *trace)
    up, across = Axis(low, top, BOTTOM, TOP), Axis(0, max(len(trace), 2) - 1, LEFT, RIGHT)
    bar = line(LEFT, up.at(limit), RIGHT, up.at(limit), "c1", width=1.5, dash="6 3")
    points = [(across.at(i), up.at(v)) for i, v in enumerate(trace)]
    drawn = path(points if len(points) > 1 else points * 2, "c0", width=1.8, dash="")
    label = text(LEFT + 4, up.at(limit) - 5, "limit", size=11, colour="c1")
    summary = f"evidence of {cell['figure']} behind each patient of the running window"
    return _framed(ident, summary, up, "log10 of the evidence", [bar, drawn, label])


def _framed(ident: str, summary: str, up: Axis, name: str, parts: list[Markup]) -> Markup:
    ticks = []
    for value in up.ticks(4):
        y = up.at(value)
        ticks += [
            line(LEFT, y, RIGHT, y, "rule"),
            text(LEFT - 6, y + 4, f"{value:.4g}", size=11, anchor="end", colour="muted"),
        ]
    return picture(
        ident,
        summary,
        summary,
        WIDTH,
        HEIGHT,
        *parts[:1],
        *ticks,
        *parts[1:],
        line(LEFT, BOTTOM, RIGHT, BOTTOM, "axis"),
        text(LEFT, TOP - 9, name, size=11, colour="muted"),
        text(RIGHT, BOTTOM + 18, "patients, in order", size=11, anchor="end", colour="muted"),
    )


def _mix(cell: Told) -> Markup:
    """Show the words of the reference and of the latest patients."""
    before, now = cell["reference"].get("mix", {}), cell["running"].get("mix", {})
    words = list(dict.fromkeys([*before, *now]))
    rows = [(word, f"{before.get(word, 0):.0%}", f"{now.get(word, 0):.0%}") for word in words]
    return html_table("Share of patients.", ("word", "reference", "now"), rows)


def _where(cell: Told) -> str:
    return "all" if cell["by"] == "all" else f"{cell['by']} {cell['group']}"


def _few(cells: list[Told]) -> str:
    """Say which groups are not watched yet."""
    few = {_where(cell): 0 for cell in cells if cell["state"] == "too_few" and cell["patients"]}
    for cell in cells:
        if _where(cell) in few:
            few[_where(cell)] = max(few[_where(cell)], cell["patients"])
    told = ", ".join(f"{where} ({n})" for where, n in few.items())
    return f"Too few patients yet: {told}." if told else "No group has too few patients."


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{word} {share:.0%}" for word, share in list(value.items())[:3])
    return f"{value:.4g}"


def _share(cell: Told) -> float:
    """How far the evidence is, of the limit."""
    return float(cell["evidence"]) / float(cell["limit"])
