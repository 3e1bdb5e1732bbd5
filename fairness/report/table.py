"""A table as the report shows it: caption, columns, blocks of rows under a heading."""

from __future__ import annotations

from dataclasses import dataclass, field

from fairness.report.palette import KEYS
from fairness.result import Verdict


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that says more than a word."""

    words: str
    """What it says."""
    verdict: Verdict | None = None
    """A verdict to mark it with."""
    note: str = ""
    """A smaller line below."""

    @property
    def key(self) -> str:
        """Short name of the verdict; empty without one."""
        return KEYS[self.verdict] if self.verdict is not None else ""

    @property
    def figure(self) -> bool:
        """Whether it holds a figure, which is not broken over lines."""
        return any(sign.isdigit() for sign in self.words)


@dataclass(frozen=True, slots=True)
class Column:
    """A column."""

    name: str
    """Its head."""
    numeric: bool = True
    """Whether its cells are figures, which stand to the right."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that belong together."""

    heading: str
    """What they share; empty where all rows of the table do."""
    rows: tuple[tuple[Cell, ...], ...]
    """Rows of as many cells as there are columns; the first names the row."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table."""

    ident: str
    """Id within the page."""
    caption: str
    """What it shows, in a sentence."""
    columns: tuple[Column, ...]
    """Columns; the first names the rows."""
    blocks: tuple[Block, ...] = field(default=())
    """Blocks of rows."""


def row(*cells: Cell | str) -> tuple[Cell, ...]:
    """Return a row; a word becomes a cell.

    Examples
    --------
    >>> row("age", "12")[1].words
    '12'
    """
    return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)
