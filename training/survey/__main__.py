"""Compare every system on the same patients, budget and seeds: ``python -m training.survey``."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ingest.errors import InputError
from training.config import load_config
from training.sources import read_split
from training.survey.arms import ARMS, arms_named
from training.survey.page import page
from training.survey.run import Plan, run
from training.survey.table import survey

BASE = Path(__file__).parents[1] / "configs" / "survey.toml"


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, then write the page."""
    arguments = _parser().parse_args(argv)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    base = load_config(arguments.config)
    chosen = Plan(base, arms_named(arguments.arms), tuple(range(arguments.seeds)), arguments.folds)
    console = Console(stderr=True)
    console.print("reading and conditioning the records")
    signals = read_split(base.data, arguments.data).training
    if not arguments.only_page:
        run(chosen, signals, arguments.out, console, stale=arguments.stale)
    whole = Plan(base, ARMS, chosen.seeds, chosen.n_folds)
    figures = survey(whole, signals, arguments.out, stale=arguments.stale)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures.as_json(), indent=2) + "\n", "utf-8")
    arguments.page.write_text(page(figures), "utf-8")
    console.print(f"wrote {arguments.page} and {arguments.json}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.survey", description=__doc__)
    parser.add_argument("--config", type=Path, default=BASE, help="what arms lay their keys over")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/survey"), help="folder of results")
    parser.add_argument("--arms", default="", help="names with commas between; all by default")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--folds", type=int, default=2, help="how many")
    parser.add_argument("--stale", action="store_true", help="keep results of other code, too")
    parser.add_argument("--only-page", action="store_true", help="run nothing, write the page")
    parser.add_argument("--page", type=Path, default=Path("docs/survey.md"))
    parser.add_argument("--json", type=Path, default=Path("training/results/survey.json"))
    return parser


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"{error}")
