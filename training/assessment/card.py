"""The part of a model's card that holds its figures, written between marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference import model
from ingest.errors import InputError
from training.assessment.tables import confusion_table, table

BEGIN, END = "<!-- figures: made by python -m training.assess -->", "<!-- end of figures -->"
SHOWN = ("ds2", "svdb")
"""Keys of the cohorts whose confusion matrices stand in the card."""


def write_card(
    name: str, rows: Sequence[dict[str, Any]], kinds: Sequence[str], more: Sequence[str] = ()
) -> None:
    """Put the figures into a shipped model's card, between its marks.

    Parameters
    ----------
    name : str
        Name of the model.
    rows : sequence of dict
        From :func:`training.assessment.figures.figures`, one a cohort.
    kinds : sequence of str
        ``qrs``, ``veb``, ``sveb``: what the model does.
    more : sequence of str
        Blocks to put behind the figures, such as the spread over seeds.

    Raises
    ------
    ingest.errors.InputError
        If the card has no marks.
    """
    path = model.builtin(name)
    _, info = model.load(path)
    card = path.with_suffix(".md")
    rows = [row for row in rows if "qrs" in kinds or row.get("beat_classes", True)]
    blocks = [_protocol(info), table(rows, kinds)]
    if "qrs" not in kinds:
        blocks += _reference(rows, kinds) + _confusion(rows)
    text = "\n\n".join([*blocks, *more, _timing(rows)])
    replace_figures(card, text)


def replace_figures(card: Path, text: str) -> None:
    """Put a text between the marks of a card.

    Raises
    ------
    ingest.errors.InputError
        If the card has no marks.
    """
    old = card.read_text("utf-8")
    if not re.search(f"{BEGIN}.*{END}", old, flags=re.S):
        raise InputError(f"{card.name} has no place for figures: put {BEGIN} and {END} into it")
    new = f"{BEGIN}\n{text}\n{END}"
    card.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: new, old, flags=re.S), "utf-8")


def _protocol(info: model.ModelInfo) -> str:
    return (
        f"Model `{info.name}` {info.version}, SHA-256 `{info.digest[:16]}…`, training data "
        f"`{info.data_digest[:16]}…`. EC57 beat by beat: 150 ms window, first 5 minutes left out, "
        f"mapping of de Chazal 2004 (e and j are N), {_leads(info)}, "
        "detected R-peaks, no adaptation. Gross figures in percent; the interval is a bootstrap "
        "over patients; the mean is over records."
    )


def _leads(info: model.ModelInfo) -> str:
    """Say which leads are scored."""
    one = "one lead (MLII or the record's first)"
    return one if len(info.leads) == 1 else "two leads (MLII or the record's first, and another)"


def _reference(rows: Sequence[dict[str, Any]], kinds: Sequence[str]) -> list[str]:
    """Give the table at reference R-peaks, where there is one."""
    known = [row | row["reference"] for row in rows if "reference" in row]
    if not known:
        return []
    return ["The same with reference R-peaks, so that only the classes are judged:",
            table(known, kinds)]  # fmt: skip


def _confusion(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Give the confusion matrices of the cohorts that are shown."""
    blocks = []
    for row in rows:
        if row["key"] in SHOWN:
            blocks += [
                f"Confusion on {row['cohort']}, beats, detected R-peaks:",
                confusion_table(row["confusion"]),
            ]
    return blocks


def _timing(rows: Sequence[dict[str, Any]]) -> str:
    found = next(row["timing"] for row in rows if row["cohort"] == "mitdb DS2")
    return (
        f"R-peak timing on DS2: median error {found['median_ms']:.1f} ms, 95th percentile "
        f"{found['p95_ms']:.1f} ms."
    )
