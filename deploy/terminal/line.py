"""A line of the screen, built from left to right and never wider than the terminal."""

from __future__ import annotations

import math

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from deploy.terminal.theme import PLAIN


def clean(text: str) -> str:
    r"""Replace what would move the cursor: text from outside must not steer the terminal.

    Examples
    --------
    >>> clean("heron\x1b[2J")
    'heron?[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)


def known(value: float | None) -> float | None:
    """Return None for what is None, NaN or infinite.

    Examples
    --------
    >>> known(float("nan")), known(72.0)
    (None, 72.0)
    """
    return value if value is not None and math.isfinite(value) else None


class Line:
    """Segments of one line, and the cells they take."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.cells = 0

    def add(
        self, text: str, style: Style = PLAIN, width: int | None = None, *, right: bool = False
    ) -> Line:
        """Append text, cut or filled to ``width`` cells if that is given."""
        text = clean(text)
        if width is not None:
            if right:
                text = " " * (width - cell_len(text)) + text
            text = set_cell_size(text, max(0, width))
        if text:
            self.segments.append(Segment(text, style))
            self.cells += cell_len(text)
        return self

    def fill_to(self, cells: int, style: Style = PLAIN) -> Line:
        """Append blanks until the line is ``cells`` long."""
        return self.add(" " * (cells - self.cells), style)
