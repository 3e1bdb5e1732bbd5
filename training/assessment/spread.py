"""The spread of figures over models that differ in their seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from training.assessment import kept
from training.assessment.tables import markdown

KINDS = ("veb", "sveb")
RATES = ("se", "ppv", "f1")


def spread(values: Sequence[float | None]) -> dict[str, float] | None:
    """Give mean, least and largest; None where one is not defined.

    Examples
    --------
    >>> spread([1.0, 2.0, 6.0])
    {'mean': 3.0, 'min': 1.0, 'max': 6.0}
    """
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return {"mean": sum(known) / len(known), "min": min(known), "max": max(known)}


def spreads(runs: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Give the spread of each cohort's gross figures over several models.

    Parameters
    ----------
    runs : sequence of sequence of dict
        For each model the rows of :func:`training.assessment.figures.figures`, of
        the same cohorts in the same order.

    Raises
    ------
    ingest.errors.InputError
        If the models were not scored on the same cohorts.
    """
    found = []
    if len({tuple(row["cohort"] for row in rows) for rows in runs}) != 1:
        raise InputError("a spread over models needs the same cohorts for each")
    for same in zip(*runs, strict=True):
        one: dict[str, Any] = {"cohort": same[0]["cohort"], "key": same[0]["key"]}
        for kind in KINDS:
            one[kind] = {rate: spread([row["gross"][kind][rate] for row in same]) for rate in RATES}
        found.append(one)
    return found


def spread_table(rows: Sequence[dict[str, Any]]) -> str:
    """Write spreads as a Markdown table: mean, then least to largest."""
    head = ["records", *(f"{kind.upper()} {rate}" for kind in KINDS for rate in _NAMES.values())]
    body = [
        [row["cohort"], *(_cell(row[kind][rate]) for kind in KINDS for rate in RATES)]
        for row in rows
    ]
    return markdown(head, body)


_NAMES = {"se": "Se", "ppv": "+P", "f1": "F1"}


def _cell(found: dict[str, float] | None) -> str:
    if found is None:
        return "–"
    return f"{found['mean']:.1f} ({found['min']:.1f}–{found['max']:.1f})"


def seeds_block(digest: str, folder: Path | None = None) -> list[str]:
    """Give the card's part about seeds, if it was measured with this very beat model.

    Parameters
    ----------
    digest : str
        SHA-256 of the shipped beat model.
    folder : Path, optional
        Where figures are kept.
    """
    found = kept.kept("seeds", folder)
    if found is None or digest not in [one["digest"] for one in found["models"]]:
        return []
    said = (
        f"The same training with {len(found['models'])} seeds, this one among them; gross, "
        "detected R-peaks; mean (least–largest):"
    )
    return [said, spread_table(found["spread"])]
