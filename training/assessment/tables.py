"""Figures as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.ec57.tally import REF_CLASSES, TEST_CLASSES

COLUMNS = ("Se / +P", "F1 [95 %]", "mean Se / +P")
"""What stands for each kind of beat: gross, gross with the patients' interval, over records."""
MISSED = TEST_CLASSES.index("o")
"""Columns from here on count reference beats that were not found."""


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay cells out as a Markdown table.

    Examples
    --------
    >>> print(markdown(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def table(rows: Sequence[dict[str, Any]], kinds: Sequence[str]) -> str:
    """Write the rates of several cohorts as a Markdown table.

    Parameters
    ----------
    rows : sequence of dict
        From :func:`training.assessment.figures.figures`.
    kinds : sequence of str
        ``qrs``, ``veb``, ``sveb``.
    """
    head = ["records", "n", *(f"{kind.upper()} {what}" for kind in kinds for what in COLUMNS)]
    body = []
    for row in rows:
        cells = [str(row["cohort"]), f"{row['records']} of {row['patients']} patients"]
        for kind in kinds:
            cells += _cells(row, kind)
        body.append(cells)
    return markdown(head, body)


def confusion_table(confusion: Sequence[Sequence[int]], called: str = "NSV") -> str:
    """Write a confusion matrix: reference classes down, what the test called across.

    Parameters
    ----------
    confusion : array of shape (7, 7), beats
        As :mod:`training.ec57.tally` orders it.
    called : str
        Classes that the test can call, in the order of their columns; beats called
        otherwise add to a column ``other``, if there are any.
    """
    columns = [TEST_CLASSES.index(name.lower()) for name in called]
    others = [c for c in range(MISSED) if c not in columns]
    with_other = any(row[c] for row in confusion for c in others)
    head = ["reference", *(f"called {name}" for name in called)]
    head += ["other"] * with_other + ["missed", "Se"]
    body = []
    for name, row in zip(REF_CLASSES[:5], confusion[:5], strict=True):
        right = row[TEST_CLASSES.index(name.lower())]
        se = f"{100 * right / sum(row):.1f} %" if sum(row) else "–"
        cells = [row[c] for c in columns] + [sum(row[c] for c in others)] * with_other
        cells += [sum(row[MISSED:])]
        body.append([f"**{name}**", *(f"{n:,}" for n in cells), se])
    extra = [sum(row[c] for row in confusion[5:]) for c in columns]
    extra += [sum(row[c] for row in confusion[5:] for c in others)] * with_other
    body.append(["no beat there", *(f"{n:,}" for n in extra), "", ""])
    return markdown(head, body)


def _cells(row: dict[str, Any], kind: str) -> list[str]:
    gross_, mean, interval = (row[key][kind] for key in ("gross", "average", "interval_f1"))

    def pair(rate: dict[str, float | None]) -> str:
        return " / ".join("–" if rate[k] is None else f"{rate[k]:.2f}" for k in ("se", "ppv"))

    f1 = "–" if gross_["f1"] is None else f"{gross_['f1']:.2f}"
    if interval is not None and gross_["f1"] is not None:
        f1 += f" [{interval[0]:.1f}, {interval[1]:.1f}]"
    return [pair(gross_), f1, pair(mean)]
