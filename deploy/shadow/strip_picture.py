"""The ten seconds before an alarm, with the beats that were found in them, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from fairness.report.axis import Axis
from fairness.report.svg import line, path, picture, text
from inference.strip import Strip

WIDTH, HEIGHT = 912.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 84.0, 890.0, 46.0, 168.0
"""Ends of the trace within a picture, px."""
LEAST_UV = 500.0
"""Height that is shown at least, uV: noise is not blown up."""
MOST_POINTS = 1250

Beats = Sequence[tuple[int, str]]


COLOURS = ("c0", "c1")
"""Of the rows of beats."""


def strip_picture(
    ident: str,
    strip: Strip,
    beats: Mapping[str, Beats],
    marks_ms: Sequence[tuple[int, str]],
    summary: str,
) -> Markup:
    """Draw a strip.

    Parameters
    ----------
    ident : str
        Its name on the page.
    strip : Strip
        The signal.
    beats : mapping of str to sequence of (int, str)
        R-peak, ms, and class of the beats by who called them, one or two.
    marks_ms : sequence of (int, str)
        Moments to mark, ms, and their words.
    summary : str
        The picture in words.
    """
    length_ms = len(strip.samples_uv) * 1000 / strip.fs
    across = Axis(strip.begin_ms, strip.begin_ms + length_ms, LEFT, RIGHT)
    signal = strip.samples_uv.astype(float)
    low, high = np.percentile(signal, [0.2, 99.8]).tolist()
    room = max(LEAST_UV - (high - low), 0.0) / 2 + 0.05 * (high - low)
    up = Axis(low - room, high + room, BOTTOM, TOP)
    at_ms = strip.begin_ms + np.arange(len(signal)) * 1000 / strip.fs
    points = [
        (across.at(x), up.at(y)) for x, y in zip(at_ms.tolist(), signal.tolist(), strict=True)
    ]
    seconds = range(int(strip.begin_ms // 1000) + 1, int((strip.begin_ms + length_ms) // 1000) + 1)
    grid = [line(across.at(s * 1000), TOP, across.at(s * 1000), BOTTOM, "rule") for s in seconds]
    clock = [
        text(across.at(s * 1000), BOTTOM + 14, f"{s} s", size=10, anchor="middle", colour="muted")
        for s in seconds
        if s % 2 == 0
    ]
    rows = []
    for i, (name, of) in enumerate(beats.items()):
        y, colour = 16.0 * (i + 1), COLOURS[i]
        rows.append(text(4, y, name, size=11, colour=colour, bold=True))
        rows += [
            text(
                across.at(r_ms), y, aami, size=11, anchor="middle", colour=colour, bold=aami != "N"
            )
            for r_ms, aami in of
            if strip.begin_ms <= r_ms < strip.begin_ms + length_ms
        ]
    marks = []
    for at, words in marks_ms:
        if strip.begin_ms <= at <= strip.begin_ms + length_ms:
            x = across.at(at)
            marks.append(line(x, TOP, x, BOTTOM, "fail", width=1.2, dash="5 3"))
            right = x < (LEFT + RIGHT) / 2
            aside, anchor = (x + 3, "start") if right else (x - 3, "end")
            marks.append(text(aside, BOTTOM - 3, words, size=10, anchor=anchor, colour="fail"))
    span_mv = (up.high - up.low) / 1000
    scale = text(4, (TOP + BOTTOM) / 2, f"{span_mv:.1f} mV high", size=10, colour="muted")
    trace = path(points, "ink", width=1.0, dash="")
    return picture(
        ident, summary, summary, WIDTH, HEIGHT, *grid, trace, *rows, *marks, *clock, scale
    )
