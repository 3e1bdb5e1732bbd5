"""``docs/transfer.md``, from what the command kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training.assessment.tables import markdown
from training.transfer.sides import TITLES
from training.transfer.table import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "transfer.md"
NAMES = {"veb": "VEB", "sveb": "SVEB"}
Direction = Mapping[str, Any]

INTRO = """\
# Transfer from one database to another

What is a beat model worth on a database that it has not learned from, and how much do few labelled
patients of it add? This page is made by

    python -m training.transfer{arguments}

which fits the shipped recipe (`training/configs/beat.toml`) to one database, lets it go on with a
few patients of the other, and fits it to the same few from scratch. What was done is kept in
`runs/transfer` and not done again, so a run that was cut off, or one with more seeds, goes on
where it was; `--page` only writes this page.

## How it is measured
- **Databases**: DS1 of mitdb (22 patients) and svdb (43), both leads learned from. DS2 is neither
  learned from nor looked at.
- **Who judges**: the target's patients are dealt into two halves; each half judges models that may
  have learned from the other. The few patients are drawn at random from that other half, the same
  for both of its arms, 2 among the 8. Nobody judges a model that has seen them, and all arms are
  judged by the same patients.
- **Score**: ANSI/AAMI EC57, R-peaks found by the shipped detector, first five minutes left out,
  mapping of de Chazal, exported models with the shipped thresholds. The detector has learned from
  DS1; it is the same in all arms.
- **Recipe**: {epochs} epochs of {steps} updates with {batch} sequences of {length} beats from
  scratch, {tuning_epochs} epochs at a third of the learning rate where a trained model goes on.
  The shipped model has {shipped_epochs} epochs, sequences of {shipped_length} beats, and records
  of the Challenge 2017 beside DS1, so its figures are [others](results.md).
- **Intervals** are of 95 % over patients, drawn 2,000 times with replacement, the mean of the
  seeds in each draw. They hold no uncertainty of which few patients were drawn. Changes are
  paired: the same draws for both arms.
"""


def page(found: Mapping[str, Any]) -> str:
    """Lay the figures out as Markdown.

    Parameters
    ----------
    found : mapping
        From :func:`training.transfer.table.compared`, with the budget.
    """
    parts = [
        INTRO.format(arguments=_arguments(found), **found["budget"]),
        "![F1 by how many patients of the target were learned from](figures/transfer.png)\n",
    ]
    for direction in found["directions"]:
        parts += [*_section(direction), ""]
    return "\n".join(parts).rstrip() + "\n"


def _arguments(found: Mapping[str, Any]) -> str:
    """Write the options of the run, as the command line takes them."""
    budget, seeds = found["budget"], max(len(one["seeds"]) for one in found["directions"])
    told = f" --few {','.join(map(str, found['few']))} --seeds {seeds}"
    told += f" --epochs {budget['epochs']} --tuning-epochs {budget['tuning_epochs']}"
    return f"{told} --length {budget['length']}"


def _section(direction: Direction) -> Iterator[str]:
    """Write one direction: its table, what falls out, who the few were."""
    source, target = (TITLES[direction[side]] for side in ("source", "target"))
    n, seeds = len(direction["patients"]), len(direction["seeds"])
    yield f"## From {source} to {target}\n"
    yield f"{n} patients of {target} judge; {seeds} {'seed' if seeds == 1 else 'seeds'}. Percent.\n"
    head = ["learned from"]
    for kind in KINDS:
        head += [f"{NAMES[kind]} Se / +P", f"{NAMES[kind]} F1 [95 %]", "change [95 %]"]
    rows = []
    for arm in direction["arms"]:
        cells = [arm["title"]]
        for kind in KINDS:
            of = arm[kind]
            cells.append(f"{_value(of['se'])} / {_value(of['ppv'])}")
            cells.append(_interval(of["f1"]) + _range(of["seeds"]))
            cells.append("–" if arm["name"] == "source" else _interval(of["change"], "+"))
        rows.append(cells)
    yield markdown(head, rows)
    yield f"\nChanges are of F1, from {source} alone.\n"
    yield from _findings(direction)
    yield "\nWhat each model learned from, and how long:\n"
    yield markdown(
        ["learned from", "patients", "V beats", "S beats", "processor time, s"],
        [
            [
                arm["title"],
                *(_each(values) for values in (_sizes(arm), arm["v_beats"], arm["s_beats"])),
                f"{arm['cpu_s']:.0f}",
            ]
            for arm in direction["arms"]
        ],
    )


def _findings(direction: Direction) -> Iterator[str]:
    """Say which arms are clearly above or below the source's model, and which are not."""
    target = TITLES[direction["target"]]
    for kind in KINDS:
        by: dict[str, list[str]] = {"above": [], "below": [], "not clearly either": []}
        for arm in direction["arms"][1:]:
            change = arm[kind]["change"]
            side = "not clearly either"
            if change["value"] is not None and change["low"] > 0:
                side = "above"
            elif change["value"] is not None and change["high"] < 0:
                side = "below"
            by[side].append(f"*{arm['title']}*")
        told = "; ".join(f"{side}: {', '.join(arms)}" for side, arms in by.items() if arms)
        yield f"- {NAMES[kind]} F1 on {target}, against the source alone, by the interval: {told}."


def _sizes(arm: Mapping[str, Any]) -> list[int]:
    return [len(patients) for patients in arm["learned_from"]]


def _each(values: list[int]) -> str:
    """Write what is the same of all models once, and what differs one by one.

    Examples
    --------
    >>> _each([2, 2]), _each([31, 400])
    ('2', '31, 400')
    """
    return ", ".join(map(str, values if len(set(values)) > 1 else values[:1]))


def _value(told: Mapping[str, float | None], sign: str = "") -> str:
    value = told["value"]
    return "–" if value is None else f"{value:{sign}.1f}"


def _interval(told: Mapping[str, float | None], sign: str = "") -> str:
    """Write a value with its interval.

    Examples
    --------
    >>> _interval({"value": 3.0, "low": -1.0, "high": 7.25}, "+")
    '+3.0 [-1.0, +7.2]'
    """
    if told["value"] is None:
        return "–"
    return f"{_value(told, sign)} [{told['low']:{sign}.1f}, {told['high']:{sign}.1f}]"


def _range(seeds: list[float]) -> str:
    """Write from the least to the largest of several seeds."""
    return f" ({min(seeds):.1f} to {max(seeds):.1f})" if len(seeds) > 1 else ""
