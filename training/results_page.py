"""The table of what was aimed at and what was reached, from the figures that commands kept.

``python -m training.results_page`` writes it into ``docs/results.md``, between
marks. It scores nothing, so it can be run at any time.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from training.assessment import kept
from training.assessment.tables import markdown

BEGIN = "<!-- results: made by python -m training.results_page -->"
END = "<!-- end of results -->"
PAGE = Path("docs/results.md")
UNKNOWN = "not measured"

Kept = dict[str, Any]
"""What a command kept, see :mod:`training.assessment.kept`."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One row of the table."""

    what: str
    """What is measured."""
    bar: str
    """The best credible published figure, or a peer's."""
    goal: str
    """What was aimed at."""
    source: str
    """Name of the kept figures."""
    read: Callable[[Kept], str]
    """How our figure is read out of them."""
    command: str
    """What makes them."""


def rate(found: Kept, key: str, kind: str, name: str = "f1", *, reference: bool = False) -> str:
    """Read one gross rate of a cohort, percent with one or two digits.

    Parameters
    ----------
    found : dict
        Kept by ``training.assess``.
    key : str
        The cohort's.
    kind : str
        ``qrs``, ``veb`` or ``sveb``.
    name : str
        ``se``, ``ppv`` or ``f1``.
    reference : bool
        At reference R-peaks.
    """
    row = next((row for row in found["cohorts"] if row["key"] == key), None)
    if row is None or (reference and "reference" not in row):
        return UNKNOWN
    value = (row["reference"] if reference else row)["gross"][kind][name]
    return "–" if value is None else f"{value:.2f}" if kind == "qrs" else f"{value:.1f}"


def _qrs(found: Kept) -> str:
    return " / ".join(rate(found, "all", "qrs", name) for name in ("se", "ppv"))


def _veb(found: Kept) -> str:
    at_reference = rate(found, "ds2", "veb", reference=True)
    return f"{rate(found, 'ds2', 'veb')} (reference peaks {at_reference})"


def _sveb(found: Kept) -> str:
    both = " / ".join(rate(found, key, "sveb") for key in ("ds2", "ds2-no232"))
    known = [rate(found, key, "sveb", reference=True) for key in ("ds2", "ds2-no232")]
    return f"{both} (reference peaks {' / '.join(known)})"


def _svdb(found: Kept) -> str:
    return " / ".join(rate(found, "svdb", kind) for kind in ("sveb", "veb"))


def _joint(found: Kept) -> str:
    return " / ".join(rate(found, key, "sveb") for key in ("ds2", "ds2-no232"))


def _adapted(found: Kept) -> str:
    row = next(row for row in found["rows"] if row["adapted"] and row["key"] == "ds2")
    return " / ".join(f"{row['gross'][kind]['f1']:.1f}" for kind in ("sveb", "veb"))


def _noise(found: Kept) -> str:
    parts = []
    for row in found["rows"]:
        if row["snr_db"] is not None:
            f1 = [f"{row['qrs'][name]['f1']:.1f}" for name in ("vigil", "gqrs", "xqrs")]
            parts.append(f"{row['snr_db']:g} dB: {f1[0]} against {f1[1]}, {f1[2]}")
    return f"QRS F1, {found['records']}: {'; '.join(parts)}"


ASSESS = "make assess"
GOALS = (
    Goal(
        "QRS, all 48 records, Se / +P",
        "99.74 / 99.72 (gqrs)",
        "≥ 99.85 / 99.85",
        "assess",
        _qrs,
        ASSESS,
    ),
    Goal(
        "VEB F1, DS1 → DS2, detected R-peaks",
        "95.2 (reference peaks)",
        "≥ 95.5",
        "assess",
        _veb,
        ASSESS,
    ),
    Goal(
        "SVEB F1, the same, gross / without 232",
        "82.3 / – (reference peaks)",
        "≥ 82 / ≥ 50",
        "assess",
        _sveb,
        ASSESS,
    ),
    Goal("svdb, SVEB / VEB F1", "–", "≥ 70 / ≥ 92", "assess", _svdb, ASSESS),
    Goal(
        "DS2 adapted on each record's first 5 labelled minutes, SVEB / VEB F1",
        "81 / 93.7",
        "≥ 88 / ≥ 97.5",
        "adaptation-ds2",
        _adapted,
        "python -m training.adaptation --cohort ds2",
    ),
    Goal(
        "trained on DS1 and svdb together, DS2 SVEB F1, gross / without 232",
        "–",
        "as high as it goes",
        "assess-beat-joint",
        _joint,
        "python -m training.assess --beat FILE --trained-on-svdb",
    ),
    Goal(
        "noise added to mitdb, 24 to 0 dB",
        "gqrs, xqrs at the same level",
        "better at every level",
        "noise",
        _noise,
        "make noise",
    ),
)


def results_table(folder: Path | None = None) -> str:
    """Write the table from what is kept.

    Parameters
    ----------
    folder : Path, optional
        Where figures are kept.
    """
    body = []
    for goal in GOALS:
        found = kept.kept(goal.source, folder)
        ours = UNKNOWN if found is None else goal.read(found)
        made = "" if found is None else f", {found['made'][:10]}"
        body.append([goal.what, goal.bar, goal.goal, ours, f"`{goal.command}`{made}"])
    return markdown(["what", "bar", "goal", "Vigil", "made by"], body)


def write_results(page: Path, folder: Path | None = None) -> None:
    """Put the table into a page, between its marks.

    Raises
    ------
    ingest.errors.InputError
        If the page is missing or has no marks.
    """
    old = page.read_text("utf-8") if page.exists() else ""
    if not re.search(f"{BEGIN}.*{END}", old, flags=re.S):
        raise InputError(f"{page} has no place for results: put {BEGIN} and {END} into it")
    new = f"{BEGIN}\n{results_table(folder)}\n{END}"
    page.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: new, old, flags=re.S), "utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE)
    page = parser.parse_args(argv).page
    write_results(page)
    print(results_table())


if __name__ == "__main__":
    main()
