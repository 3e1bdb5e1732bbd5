"""Compare mitigations with plain training, by group: ``python -m training.mitigation CONFIG``.

Every arm learns from the same DS1 patients, from equally many sequences, and is judged on the
same patients left out. Runs that are done are kept; one that was cut off goes on where it was.
"""

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
from training.mitigation.arms import all_arms, arms_named
from training.mitigation.figure import draw
from training.mitigation.page import page
from training.mitigation.table import compare
from training.sources import read_split
from training.survey.run import Plan, run

BASE = Path(__file__).parents[1] / "configs" / "mitigation.toml"


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, then write table, page and figure."""
    arguments = _parser().parse_args(argv)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    base = load_config(arguments.config)
    if base.task != "beat" or base.mitigation.active:
        raise InputError(
            f"{arguments.config}: task is {base.task!r}, mitigation.method "
            f"{base.mitigation.method!r}; allowed here: task 'beat' and plain training, which arms "
            "lay their keys over"
        )
    seeds = tuple(range(arguments.seeds))
    console = Console(stderr=True)
    console.print("reading and conditioning the records")
    signals = read_split(base.data, arguments.data).training
    if not arguments.only_page:
        arms = arms_named(arguments.methods)
        run(
            Plan(base, arms, seeds, arguments.folds),
            signals,
            arguments.out,
            console,
            stale=arguments.stale,
        )
    shown = arms_named(arguments.methods) if arguments.partly else all_arms()
    whole = Plan(base, shown, seeds, arguments.folds)
    found = compare(whole, signals, arguments.out, stale=arguments.stale, partly=arguments.partly)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    draw(found, arguments.figure)
    arguments.page.write_text(page(found, arguments.figure.name), "utf-8")
    console.print(f"wrote {arguments.page}, {arguments.figure} and {arguments.json}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.mitigation", description=__doc__)
    parser.add_argument("config", type=Path, nargs="?", default=BASE)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument(
        "--out", type=Path, default=Path("runs/mitigation"), help="runs are kept here"
    )
    parser.add_argument("--methods", default="", help="names with commas between; all by default")
    parser.add_argument("--folds", type=int, default=4, help="how many")
    parser.add_argument("--seeds", type=int, default=2, help="how many")
    parser.add_argument("--stale", action="store_true", help="keep results of other code, too")
    parser.add_argument(
        "--partly", action="store_true", help="tell of the folds that all --methods have done"
    )
    parser.add_argument("--only-page", action="store_true", help="run nothing, write the page")
    parser.add_argument("--page", type=Path, default=Path("docs/mitigation.md"))
    parser.add_argument("--figure", type=Path, default=Path("docs/mitigation.png"))
    parser.add_argument("--json", type=Path, default=Path("training/results/mitigation.json"))
    return parser


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"{error}")
