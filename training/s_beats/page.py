"""The tables of ``docs/s-beats.md``, from what the command kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, S, V
from ingest.errors import InputError
from training.assessment.tables import markdown
from training.s_beats.branch import FORMS
from training.s_beats.trial import WHOLE
from training.survey.outcome import f1_of

BEGIN = "<!-- figures: made by python -m training.s_beats -->"
END = "<!-- end of figures -->"
WORST = 12
"""Records of svdb that are told one by one."""


def write_page(found: Mapping[str, Any], page: Path) -> Path:
    """Put the tables into the page, between its marks.

    Raises
    ------
    ingest.errors.InputError
        If the page has no marks.
    """
    text = page.read_text("utf-8")
    if BEGIN not in text or END not in text:
        raise InputError(f"{page} has no marks {BEGIN} and {END}")
    head, rest = text.split(BEGIN, 1)
    tables = "\n\n".join(
        block for block in (models(found["models"]), forms(found["trials"]), by_record(found))
    )
    page.write_text(f"{head}{BEGIN}\n{tables}\n{END}{rest.split(END, 1)[1]}", "utf-8")
    return page


def models(kept: Sequence[Mapping[str, Any]]) -> str:
    """Tell whole models on svdb, alone and as one."""
    rows = []
    for one in kept:
        v, s = zip(*one["alone"], strict=True)
        mean = [f"{value:.1f}" for value in one["mean"]] if one["n"] > 1 else ["–", "–"]
        rows.append([one["name"], str(one["n"]), _range(v), _range(s), *mean])
    head = ["models", "n", "V F1 of each", "S F1 of each", "V F1 of their mean", "S F1"]
    return markdown(head, rows)


def forms(trials: Sequence[Mapping[str, Any]]) -> str:
    """Tell the forms of the S branch, each seed on svdb and on DS1 with patients left out."""
    rows = []
    for form in FORMS:
        svdb, ds1 = _by_seed(trials, form.name)
        if svdb or ds1:
            cells = [_range([f1_of(c, S) for c in of.values()]) for of in (svdb, ds1)]
            v = [_range([f1_of(c, V) for c in of.values()]) for of in (svdb, ds1)]
            rows.append([form.title, str(max(len(svdb), len(ds1))), cells[0], v[0], cells[1], v[1]])
    head = ["S branch", "seeds", "svdb S F1", "svdb V F1", "DS1 left out S F1", "DS1 left out V F1"]
    return markdown(head, rows)


def by_record(found: Mapping[str, Any]) -> str:
    """Tell the records of svdb with most S beats told wrong, for the first and last forms."""
    told: dict[str, dict[str, NDArray[np.int64]]] = defaultdict(dict)
    for trial in found["trials"]:
        if trial["side"] == WHOLE and trial["seed"] == 0:
            for record, counts in trial["records"].items():
                told[record][trial["form"]] = np.array(counts)
    names = [form.name for form in FORMS if any(form.name in of for of in told.values())]
    if not names:
        return ""
    worst = sorted(told, key=lambda record: -sum(_wrong(told[record][names[0]])))[:WORST]
    rows = []
    for record in worst:
        of = told[record]
        first = of[names[0]]
        cells = [f"{missed} / {false}" for missed, false in (_wrong(of[name]) for name in names)]
        rows.append([record, str(int(first[S].sum())), str(int(first[V].sum())), *cells])
    titles = [f"{form.title}: missed / false" for form in FORMS if form.name in names]
    return markdown(["svdb", "S beats", "V beats", *titles], rows)


def _by_seed(
    trials: Sequence[Mapping[str, Any]], form: str
) -> tuple[dict[int, NDArray[np.int64]], dict[int, NDArray[np.int64]]]:
    """Add up confusions of svdb, and of DS1 where all folds are there, by seed."""
    of = [trial for trial in trials if trial["form"] == form]
    folds = {trial["side"] for trial in trials if trial["side"] != WHOLE}
    svdb: dict[int, NDArray[np.int64]] = {}
    parts: dict[int, dict[str, NDArray[np.int64]]] = defaultdict(dict)
    for trial in of:
        counts = np.sum([np.array(one) for one in trial["records"].values()], axis=0)
        if trial["side"] == WHOLE:
            svdb[trial["seed"]] = counts
        else:
            parts[trial["seed"]][trial["side"]] = counts
    whole = {seed: np.sum([*p.values()], axis=0) for seed, p in parts.items() if {*p} == folds}
    return svdb, whole


def _wrong(counts: NDArray[np.int64]) -> tuple[int, int]:
    """S beats missed, and N or V beats called S."""
    return int(counts[S].sum() - counts[S, S]), int(counts[N, S] + counts[V, S])


def _range(values: Sequence[float]) -> str:
    """Mean, and from the least to the most where there are several."""
    if not values:
        return "–"
    spread = f" ({min(values):.1f}–{max(values):.1f})" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"
