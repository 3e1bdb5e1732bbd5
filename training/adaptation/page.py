"""The table of ``docs/adaptation.md``, from what the command kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from training.assessment import kept
from training.assessment.tables import table

PAGE = Path(__file__).parents[2] / "docs" / "adaptation.md"
BEGIN = "<!-- figures: made by python -m training.adaptation -->"
END = "<!-- end of figures -->"


def write_page(keys: tuple[str, ...], page: Path = PAGE, folder: Path | None = None) -> None:
    """Put the figures of all cohorts that were adapted to into the page, between its marks.

    Parameters
    ----------
    keys : tuple of str
        Cohorts, in the order of the table; those that are not kept are left out.
    page : Path
        The page.
    folder : Path, optional
        Folder of the kept figures.

    Raises
    ------
    ingest.errors.InputError
        If the page has no marks.
    """
    rows: list[dict[str, Any]] = []
    costs = []
    for key in keys:
        found = kept.kept(f"adaptation-{key}", folder)
        if found is None:
            continue
        rows += found["rows"]
        model, cost = found["model"], found.get("cost")
        told = f"- `{key}`: started from `{model['name']}` {model['version']}"
        told += f" (SHA-256 `{model['digest'][:12]}…`)"
        if cost is not None:
            told += (
                f"; {cost['seconds_median']:.2f} s of processor time an adaptation (median), "
                f"{cost['seconds_worst']:.2f} s at most, {cost['bytes'] / 1024:.0f} KiB a model"
            )
        costs.append(f"{told}.")
    body = "\n".join([BEGIN, table(rows, ("veb", "sveb")), "", *costs, END])
    old = page.read_text("utf-8")
    if not re.search(f"{BEGIN}.*{END}", old, flags=re.S):
        raise InputError(f"{page.name} has no place for figures: put {BEGIN} and {END} into it")
    page.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: body, old, flags=re.S), "utf-8")
