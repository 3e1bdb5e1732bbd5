"""Colours and shapes that survive colour blindness, grey print and a dark screen.

Okabe and Ito's colours (Color Universal Design, 2008), darkened on white and lightened on black
where the originals fall short of WCAG 2's contrasts: 4.5 for text, 3 for what is drawn. No meaning
hangs on a colour alone: verdicts have a shape and a word, curves a dash and a marker.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairness.result import Verdict


@dataclass(frozen=True, slots=True)
class Paint:
    """One colour."""

    light: str
    """On a white ground, in print and PDF."""
    dark: str
    """On a dark ground."""


GROUND = Paint("#ffffff", "#14181d")
"""What all is drawn upon."""

PAINTS: dict[str, Paint] = {
    "ink": Paint("#1a1f24", "#e8ebee"),
    "muted": Paint("#56606a", "#a9b3bd"),
    "rule": Paint("#d5dadf", "#38414a"),
    "axis": Paint("#6b757f", "#8a949e"),
    "ground": GROUND,
    "stripe": Paint("#f4f6f8", "#1b2027"),
    "band": Paint("#dcebf7", "#1e3448"),
    "pass": Paint("#00714f", "#2fc795"),
    "fail": Paint("#b34400", "#ff8f4d"),
    "insufficient": Paint("#56606a", "#a9b3bd"),
    "c0": Paint("#0072b2", "#56b4e9"),
    "c1": Paint("#c04f00", "#ff8f4d"),
    "c2": Paint("#008060", "#2fc795"),
    "c3": Paint("#a3487f", "#e79fc6"),
    "c4": Paint("#8f6a00", "#f0c24b"),
    "c5": Paint("#1a1f24", "#e8ebee"),
}
"""By name; ``c0`` to ``c5`` tell curves apart."""

TEXTS = ("ink", "muted", "pass", "fail", "insufficient")
"""Paints that words are written in."""

CURVES = ("c0", "c1", "c2", "c3", "c4", "c5")
"""Paints of curves, in the order of use."""

DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 4")
"""Dashes of curves, in the same order."""

SHAPES = ("circle", "square", "triangle", "diamond", "cross", "plus")
"""Markers of curves, in the same order."""

KEYS: dict[Verdict, str] = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.INSUFFICIENT: "insufficient",
}
"""Short name of a verdict: its paint and its class."""


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21, as WCAG 2 defines it.

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff"), 1)
    21.0
    """
    bright, dim = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
