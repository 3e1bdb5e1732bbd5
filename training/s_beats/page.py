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
from training.alarm_scoring import patient_interval
from training.assessment.tables import markdown
from training.s_beats.branch import FORMS
from training.s_beats.trial import WHOLE
from training.survey.outcome import f1_of

BEGIN = "<!-- figures: made by python -m training.s_beats -->"
END = "<!-- end of figures -->"
WORST = 12
"""Records of svdb that are told one by one."""
SHOWN = ("shipped", "long", "further", "geminy")
"""Forms of which they are told."""
WORST_V = 4
"""Records of svdb whose V beats are told one by one."""
RESAMPLES = 1000
"""Draws of an interval."""
SHIPPED = "the shipped model"
"""Name of the one of ``--models`` whose V beats are told record by record."""
BySeed = Mapping[int, Mapping[str, NDArray[np.int64]]]
"""Confusions of a form by seed and record."""


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
    parts = (
        models(found["models"]),
        forms(found["trials"]),
        by_record(found),
        wrong_v(found["models"]),
    )
    tables = "\n\n".join(part for part in parts if part)
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
    first = _by_patient(trials, FORMS[0].name)
    for form in FORMS:
        own = _by_patient(trials, form.name)
        if any(own):
            cells = [_range([f1_of(_sum(of), S) for of in seeds.values()]) for seeds in own]
            gains = [
                gain(*pair) if form != FORMS[0] else "–" for pair in zip(own, first, strict=True)
            ]
            n = str(max(len(seeds) for seeds in own))
            rows.append([form.title, n, cells[0], gains[0], cells[1], gains[1]])
    head = ["S branch", "seeds", "svdb S F1", "more than the first", "DS1 left out S F1", "more"]
    return markdown(head, rows)


def gain(own: BySeed, first: BySeed) -> str:
    """Tell by how much S F1 is larger than another's, over the seeds of both, patients drawn.

    Parameters
    ----------
    own, first : mapping of int to mapping
        Confusions by seed and record.

    Returns
    -------
    str
        Mean over seeds and its interval, percent points; a dash where they have no seed in common.
    """
    seeds = sorted(own.keys() & first.keys())
    if not seeds:
        return "–"
    records = sorted(own[seeds[0]])
    counts = [np.array([[of[s][r] for s in seeds] for of in (own, first)]) for r in records]

    def more(drawn: Sequence[NDArray[np.int64]]) -> float:
        ours, theirs = np.sum(drawn, axis=0)
        return float(
            np.mean([f1_of(a, S) - f1_of(b, S) for a, b in zip(ours, theirs, strict=True)])
        )

    numbered = list(enumerate(counts))
    found = patient_interval(
        numbered, lambda one: one[0], lambda drawn: more([c for _, c in drawn]), resamples=RESAMPLES
    )
    span = f" [{found.low:+.1f}, {found.high:+.1f}]" if found else ""
    return f"{more(counts):+.1f}{span}"


def by_record(found: Mapping[str, Any]) -> str:
    """Tell the records of svdb with most S beats told wrong, for some forms."""
    told: dict[str, dict[str, NDArray[np.int64]]] = defaultdict(dict)
    for trial in found["trials"]:
        if trial["side"] == WHOLE and trial["seed"] == 0:
            for record, counts in trial["records"].items():
                told[record][trial["form"]] = np.array(counts)
    names = [name for name in SHOWN if any(name in of for of in told.values())]
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


def wrong_v(kept: Sequence[Mapping[str, Any]]) -> str:
    """Tell the records of svdb with most V beats told wrong by the shipped model."""
    own = next((one for one in kept if one["name"] == SHIPPED and "records" in one), None)
    if own is None:
        return ""
    told = {record: np.array(counts) for record, counts in own["records"].items()}

    def wrong(c: NDArray[np.int64]) -> int:
        return int(c[V].sum() - c[V, V] + c[[N, S], V].sum())

    worst = sorted(told, key=lambda record: -wrong(told[record]))[:WORST_V]
    rows = [
        [record, *(str(int(n)) for n in (c[V].sum(), c[V, N], c[V, S], c[N, V], c[S, V]))]
        for record, c in ((record, told[record]) for record in worst)
    ]
    rest = [counts for record, counts in told.items() if record not in worst]
    rows.append(["all", *_v_of([*told.values()])])
    rows.append([f"the other {len(rest)}", *_v_of(rest)])
    head = ["svdb", "V beats", "V called N", "V called S", "N called V", "S called V", "V F1"]
    return markdown(head, [row + ["–"] * (len(head) - len(row)) for row in rows])


def _v_of(told: Sequence[NDArray[np.int64]]) -> list[str]:
    c = np.sum(told, axis=0)
    counts = (c[V].sum(), c[V, N], c[V, S], c[N, V], c[S, V])
    return [*(str(int(n)) for n in counts), f"{f1_of(c, V):.1f}"]


def _by_patient(trials: Sequence[Mapping[str, Any]], form: str) -> tuple[BySeed, BySeed]:
    """Gather confusions of svdb, and of DS1 where all folds are there."""
    folds = {trial["side"] for trial in trials if trial["side"] != WHOLE}
    svdb: dict[int, dict[str, NDArray[np.int64]]] = defaultdict(dict)
    ds1: dict[int, dict[str, NDArray[np.int64]]] = defaultdict(dict)
    made: dict[int, set[str]] = defaultdict(set)
    for trial in trials:
        if trial["form"] == form:
            counts = {record: np.array(one) for record, one in trial["records"].items()}
            (svdb if trial["side"] == WHOLE else ds1)[trial["seed"]] |= counts
            made[trial["seed"]].add(trial["side"])
    return svdb, {seed: of for seed, of in ds1.items() if folds <= made[seed]}


def _sum(of: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.sum([*of.values()], axis=0)
    return counts


def _wrong(counts: NDArray[np.int64]) -> tuple[int, int]:
    """S beats missed, and N or V beats called S."""
    return int(counts[S].sum() - counts[S, S]), int(counts[N, S] + counts[V, S])


def _range(values: Sequence[float]) -> str:
    """Mean, and from the least to the most where there are several."""
    if not values:
        return "–"
    spread = f" ({min(values):.1f}–{max(values):.1f})" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"
