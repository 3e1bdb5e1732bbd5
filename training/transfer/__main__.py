"""Measure transfer of the beat model between mitdb DS1 and svdb, and write ``docs/transfer.md``.

``python -m training.transfer`` fits the recipe to one database, tunes it on few patients of the
other, fits it to the same few from scratch, and judges each by EC57 on patients of the other
that the arm has never seen, R-peaks detected. What was done is kept in ``--out`` and not done
again; ``--page`` measures nothing. Never DS2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from ingest.errors import InputError
from training.assessment import kept
from training.config import load_config
from training.transfer.arms import arms_of
from training.transfer.figure import FIGURE, draw
from training.transfer.heard import hear
from training.transfer.page import PAGE, page
from training.transfer.sides import DIRECTIONS, read_database
from training.transfer.table import compared
from training.transfer.trial import Budget, Trial, kept_trials, read_budget, settle_budget

NAME = "transfer"
"""Of the kept figures."""
RECIPE = Path(__file__).parents[1] / "configs" / "beat.toml"
"""The shipped run."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure transfer from the command line."""
    arguments = _parser().parse_args(argv)
    if not arguments.page:
        measure(arguments)
    found = compared(kept_trials(arguments.out), arguments.few)
    recipe = load_config(RECIPE).fit
    found["budget"] = {
        **asdict(read_budget(arguments.out)),
        "steps": recipe.steps,
        "batch": recipe.batch,
        "shipped_epochs": recipe.epochs,
        "shipped_length": recipe.length,
    }
    kept.keep(NAME, found, arguments.results)
    if arguments.results is None:
        write_page()


def measure(arguments: argparse.Namespace) -> None:
    """Fit and judge all that was not yet, seed by seed.

    Parameters
    ----------
    arguments : Namespace
        Of the command line.
    """
    torch.set_num_threads(1)
    budget = Budget(arguments.epochs, arguments.tuning_epochs, arguments.length)
    settle_budget(arguments.out, budget)
    names = {name for one in DIRECTIONS for name in (one.source, one.target)}
    signals = {name: read_database(arguments.data, name, arguments.most) for name in sorted(names)}
    print("databases are read", flush=True)
    heard = {
        name: hear(arguments.data / name, [one.name for one in of if one.first])
        for name, of in signals.items()
    }
    print("beats are detected", flush=True)
    recipe = load_config(RECIPE)
    for seed in range(arguments.seeds):
        for one in DIRECTIONS:
            trial = Trial(one, seed, recipe, budget, signals, heard[one.target], arguments.out)
            for told in trial.run(arms_of(arguments.few)):
                print(told, flush=True)


def write_page() -> None:
    """Write the page of the kept figures, and draw its picture.

    Raises
    ------
    ingest.errors.InputError
        If nothing was measured.
    """
    found = kept.kept(NAME)
    if found is None:
        raise InputError("nothing was measured: run python -m training.transfer")
    draw(found, FIGURE)
    PAGE.write_text(page(found), "utf-8")
    print(f"wrote {PAGE}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.transfer", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/transfer"), help="what was done")
    parser.add_argument(
        "--few", type=lambda text: [int(k) for k in text.split(",")], default=[2, 4, 8]
    )
    parser.add_argument("--seeds", type=int, default=1, help="how many (1)")
    parser.add_argument("--epochs", type=int, default=4, help="from scratch (4)")
    parser.add_argument("--tuning-epochs", type=int, default=2, help="of a trained model (2)")
    parser.add_argument("--length", type=int, default=96, help="beats of a sequence (96)")
    parser.add_argument("--most", type=int, help="records of a database, the first (all)")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--results", type=Path, help="folder of the kept figures")
    return parser


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"{error}")
