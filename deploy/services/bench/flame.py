"""A flame graph as SVG: who called whom, as wide as the time that it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

Stack = tuple[str, ...]
"""Functions from the outermost to the innermost."""

SVG = "http://www.w3.org/2000/svg"
FONT = 'font-family="monospace" font-size="11"'
WIDTH, ROW = 1200, 18
"""Width of the picture and height of a row, px."""
CHAR = 6.6
"""Width of a character, px."""
LEAST = 1.0
"""Least width that is drawn, px."""
COLOURS = {
    "ingest": "#7fb7be",
    "inference": "#f2b56b",
    "onnxruntime": "#d98880",
    "numpy": "#b7a3d0",
    "google": "#9fc088",
}
"""Colour by package."""
OTHER = "#c9c9c9"


def svg(stacks: Counter[Stack], title: str) -> str:
    """Draw stacks.

    Parameters
    ----------
    stacks : Counter of Stack
        How often each was seen.
    title : str
        Text over the picture.

    Examples
    --------
    >>> picture = svg(Counter({("a.f", "b.g"): 3, ("a.f",): 1}), "two functions")
    >>> picture.count("<rect"), "b.g: 75.0 %" in picture
    (3, True)
    """
    total = sum(stacks.values())
    boxes = list(_boxes(stacks, (), 0)) if total else []
    depth = max((row for row, *_ in boxes), default=0) + 1
    height = (depth + 2) * ROW
    parts = [
        f'<svg xmlns="{SVG}" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="6" y="{ROW - 5}">{escape(title)}; {total} looks at the stack</text>',
    ]
    for row, at, n, name in boxes:
        parts += _drawn(row, at / total * WIDTH, n / total * WIDTH, name, n / total)
    return "\n".join([*parts, "</svg>", ""])


def _boxes(stacks: Counter[Stack], above: Stack, at: int) -> Iterator[tuple[int, int, int, str]]:
    """Yield row, place, width and name of every box over ``above``, widths in looks."""
    row = len(above)
    inner: dict[str, Counter[Stack]] = {}
    for stack, n in stacks.items():
        if len(stack) > row:
            inner.setdefault(stack[row], Counter())[stack] += n
    for name in sorted(inner):
        n = sum(inner[name].values())
        yield row, at, n, name
        yield from _boxes(inner[name], (*above, name), at)
        at += n


def _drawn(row: int, x: float, width: float, name: str, share: float) -> list[str]:
    """Return the SVG of one box; nothing where it could not be seen."""
    if width < LEAST:
        return []
    y = (row + 1.5) * ROW
    colour = COLOURS.get(name.partition(".")[0], OTHER)
    n_chars = int(width / CHAR) - 1
    text = escape(name[-n_chars:]) if n_chars > 2 else ""
    return [
        f"<g><title>{escape(name)}: {share:.1%}</title>".replace("%", " %"),
        f'<rect x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="{ROW - 1}" fill="{colour}"/>',
        f'<text x="{x + 3:.1f}" y="{y + ROW - 6:.0f}">{text}</text></g>',
    ]
