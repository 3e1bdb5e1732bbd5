"""A self-contained HTML page in the look of the audit's reports: no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from fairness.report.style import style_sheet
from fairness.report.svg import element

Cell = str | Markup
"""Text, escaped, or markup that is whole."""

MORE = (
    "figure { margin: .3rem 0 1rem; } .pair figure { flex: 0 1 28rem; } .n { text-align: right; }"
)
"""What these pages need beside the reports' own sheet."""


def html_page(title: str, kind: str, parts: Iterable[Markup]) -> str:
    """Return a whole page.

    Parameters
    ----------
    title : str
        Its heading.
    kind : str
        A word or two above the heading: what kind of report it is.
    parts : iterable of Markup
        What stands below.

    Examples
    --------
    >>> "<h1>a &lt; b</h1>" in html_page("a < b", "drift", [])
    True
    """
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        Markup(f"<style>{style_sheet()}\n{MORE}</style>"),  # noqa: S704  # ours
    )
    body = element("body", element("p", kind, class_="kind"), element("h1", title), *parts)
    return f'<!doctype html>\n<html lang="en">{head}{body}</html>\n'


def html_table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]], numbers_from: int = 1
) -> Markup:
    """Return a table; columns from ``numbers_from`` on are numbers, aligned to the right.

    Examples
    --------
    >>> 'class="n">3</td>' in html_table("c", ["a", "b"], [["x", "3"]])
    True
    """

    def cell(name: str, i: int, value: Cell) -> Markup:
        return element(name, value, class_="n" if i >= numbers_from else None)

    body = [element("tr", *(cell("td", i, value) for i, value in enumerate(row))) for row in rows]
    top = element("tr", *(cell("th", i, head) for i, head in enumerate(heads)))
    table = element(
        "table",
        element("caption", caption),
        element("thead", top),
        element("tbody", *body),
    )
    return element("div", table, class_="scroll", tabindex="0")
