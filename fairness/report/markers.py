"""Small shapes at a point: one a verdict, one a curve."""

from __future__ import annotations

from markupsafe import Markup

from fairness.report.palette import KEYS
from fairness.report.svg import element, paint
from fairness.result import Verdict

_ANGULAR = {
    "square": "M{l} {t}H{r}V{b}H{l}Z",
    "triangle": "M{x} {t}L{r} {b}H{l}Z",
    "diamond": "M{x} {t}L{r} {y}L{x} {b}L{l} {y}Z",
    "cross": "M{l} {t}L{r} {b}M{r} {t}L{l} {b}",
    "plus": "M{x} {t}V{b}M{l} {y}H{r}",
}
_OPEN = ("cross", "plus")


def marker(x: float, y: float, shape: str, colour: str, *, radius: float = 3.6) -> Markup:
    """Return a curve's marker: one of :data:`fairness.report.palette.SHAPES`."""
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=radius, **paint(colour, fill=True))
    numbers = {"x": x, "y": y, "l": x - radius, "r": x + radius, "t": y - radius, "b": y + radius}
    drawn = _ANGULAR[shape].format(**{key: f"{value:.2f}" for key, value in numbers.items()})
    if shape in _OPEN:
        return element("path", d=drawn, stroke_width=1.8, **paint(colour, stroke=True))
    return element("path", d=drawn, **paint(colour, fill=True))


def verdict_marker(x: float, y: float, verdict: Verdict) -> Markup:
    """Return a verdict's mark: a disc, a full diamond, or a hollow ring."""
    colour = KEYS[verdict]
    if verdict is Verdict.PASS:
        return marker(x, y, "circle", colour, radius=4.6)
    if verdict is Verdict.FAIL:
        return marker(x, y, "diamond", colour, radius=6)
    hollow = paint(colour, stroke=True) | {"fill": "#ffffff"}
    hollow["class_"] = f"s-{colour} f-ground"
    return element("circle", cx=x, cy=y, r=4.4, stroke_width=1.6, **hollow)
