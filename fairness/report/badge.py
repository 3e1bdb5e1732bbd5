"""The verdict as a badge: words, a mark and a colour."""

from __future__ import annotations

from fairness.report.palette import KEYS, PAINTS
from fairness.report.svg import CHARACTER, FONT, element
from fairness.result import Verdict

_SIZE, _HEIGHT, _PAD = 11.0, 20.0, 7.0
_SIGNS = {
    Verdict.PASS: "M0 5l3 3 6-7",
    Verdict.FAIL: "M1 1l7 7M8 1l-7 7",
    Verdict.INSUFFICIENT: "M2 3a2.6 2.6 0 1 1 3.7 2.4q-1.1.6-1.1 1.5M4.6 8.4v.9",
}


def badge(verdict: Verdict) -> str:
    """Return a badge as SVG; white on a colour dark enough to read."""
    left, words = "bias audit", str(verdict)
    first = len(left) * _SIZE * CHARACTER + 2 * _PAD
    second = len(words) * _SIZE * CHARACTER + 2 * _PAD + 14
    colour = PAINTS[KEYS[verdict]].light
    name = f"Bias audit: {words}"
    white = {"fill": "#ffffff", "font_family": FONT, "font_size": _SIZE}
    sign = {"fill": "none", "stroke": "#ffffff", "stroke_width": 1.8}
    picture = element(
        "svg",
        element("title", name),
        element("rect", width=first + second, height=_HEIGHT, rx=3, fill="#3a424a"),
        element("path", d=f"M{first:.1f} 0h{second - 3:.1f}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H"
                f"{first:.1f}Z", fill=colour),
        element("text", left, x=_PAD, y=14, **white),
        element("path", d=_SIGNS[verdict], transform=f"translate({first + _PAD:.1f} 5.5)", **sign),
        element("text", words, x=first + _PAD + 14, y=14, **white),
        xmlns="http://www.w3.org/2000/svg",
        width=first + second,
        height=_HEIGHT,
        viewBox=f"0 0 {first + second:.1f} {_HEIGHT:.0f}",
        role="img",
        aria_label=name,
    )  # fmt: skip
    return f"{picture}\n"
