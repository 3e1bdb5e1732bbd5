"""SVG with real text, an accessible name and no script, as small functions.

Colours stand twice: as an attribute, which print and PDF use, and as a class, by which the page's
style sheet recolours them for a dark screen.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from fairness.report.palette import PAINTS

FONT = "'Liberation Sans','Helvetica Neue',Arial,'DejaVu Sans',sans-serif"
"""Fonts of figures, the first of which that is there."""

CHARACTER = 0.54
"""Mean width of a character, in font sizes, of those fonts."""


def element(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """Return an element; ``_`` in an attribute's name stands for ``-``, one at its end for nothing.

    Text and attributes are escaped.

    Examples
    --------
    >>> str(element("text", "a<b", x=1.0, font_size=12))
    '<text x="1" font-size="12">a&lt;b</text>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>")  # noqa: S704 - every part is escaped


def paint(name: str, *, stroke: bool = False, fill: bool = False) -> dict[str, object]:
    """Return the attributes that colour an element in one of the palette's paints.

    Examples
    --------
    >>> paint("ink", fill=True)
    {'class_': 'f-ink', 'fill': '#1a1f24'}
    """
    classes = [f"s-{name}"] * stroke + [f"f-{name}"] * fill
    colours: dict[str, object] = {"class_": " ".join(classes)}
    if stroke:
        colours["stroke"] = PAINTS[name].light
    return colours | {"fill": PAINTS[name].light if fill else "none"}


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 12,
    anchor: str = "start",
    colour: str = "ink",
    bold: bool = False,
) -> Markup:
    """Return a line of text; ``y`` is its baseline."""
    return element(
        "text",
        words,
        x=x,
        y=y,
        font_size=size,
        text_anchor=anchor,
        font_weight="700" if bold else None,
        **paint(colour, fill=True),
    )


def line(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    colour: str,
    *,
    width: float = 1,
    dash: str | None = None,
) -> Markup:
    """Return a straight line."""
    return element(
        "line",
        x1=x1,
        y1=y1,
        x2=x2,
        y2=y2,
        stroke_width=width,
        stroke_dasharray=dash,
        **paint(colour, stroke=True),
    )


def rect(x: float, y: float, width: float, height: float, colour: str) -> Markup:
    """Return a filled rectangle; a negative width or height counts as none."""
    sides = {"width": max(width, 0.0), "height": max(height, 0.0)}
    return element("rect", x=x, y=y, **sides, **paint(colour, fill=True))


def path(points: list[tuple[float, float]], colour: str, *, width: float, dash: str) -> Markup:
    """Return a line through points."""
    drawn = "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)
    return element(
        "path",
        d=drawn,
        stroke_width=width,
        stroke_dasharray=dash or None,
        **paint(colour, stroke=True),
    )


def picture(
    ident: str, title: str, summary: str, width: float, height: float, *parts: Markup
) -> Markup:
    """Return the whole picture, named by ``title`` and told in words by ``summary``."""
    named = f"{ident}-t {ident}-d"
    return element(
        "svg",
        element("title", title, id=f"{ident}-t"),
        element("desc", summary, id=f"{ident}-d"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_number(width)} {_number(height)}",
        width=width,
        height=height,
        role="img",
        font_family=FONT,
        id=ident,
        aria_labelledby=named,
    )


def wrap(words: str, width: float, size: float, lines: int) -> list[str]:
    """Break words into at most so many lines of about ``width``; what is over is cut with ``…``.

    Examples
    --------
    >>> wrap("history of infarction", 80, 12, 2)
    ['history of', 'infarction']
    >>> wrap("pneumonoultramicroscopic", 60, 12, 1)
    ['pneumono…']
    """
    most = max(int(width / (size * CHARACTER)), 4)
    broken = [""]
    for word in words.split():
        if not broken[-1]:
            broken[-1] = word
        elif len(broken[-1]) + 1 + len(word) <= most:
            broken[-1] += f" {word}"
        else:
            broken.append(word)
    kept = [part if len(part) <= most else part[: most - 1] + "…" for part in broken[:lines]]
    if len(broken) > lines and not kept[-1].endswith("…"):
        kept[-1] = kept[-1][: most - 1] + "…"
    return kept


def _number(value: object) -> str:
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)
