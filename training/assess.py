"""Score models on databases by EC57, write the figures into their cards, log the look.

``python -m training.assess --why REASON`` is how every figure in the cards and
in the README is made. Records go through the very pipeline that serves, once
with R-peaks that it detects and once with those of the reference. Each run that
looks at DS2 adds a line to ``training/EVALUATIONS.md`` for each model, whatever
comes out, and keeps the figures in ``training/results``. Without ``--why`` only
DS1 and svdb are scored, and nothing but strips is written.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference import model
from ingest.errors import InputError
from training.assessment.cohort_scores import assess
from training.assessment.cohorts import COHORTS, cohorts_named
from training.assessment.drawing import draw_cohort
from training.assessment.publish import publish, shipped_beats
from training.assessment.scoring import ModelFiles
from training.assessment.tables import confusion_table, table
from training.guard import Look

WITHOUT_A_LOOK = ("ds1", "svdb")
"""Cohorts that are scored when no reason to look at DS2 is given."""


def main(argv: Sequence[str] | None = None) -> None:
    """Assess models from the command line."""
    arguments = _parser().parse_args(argv)
    look = arguments.why is not None and bool(Look(arguments.why))
    if look and arguments.qrs:
        raise InputError("--why is for figures to publish, of the shipped QRS model: not --qrs")
    keys = [cohort.key for cohort in COHORTS] if look else WITHOUT_A_LOOK
    strips = cohorts_named(arguments.strip_cohorts.split(","), look=look)
    if arguments.strips and not {cohort.key for cohort in strips} <= {*keys}:
        raise InputError(f"strips can be drawn of what is scored: {', '.join(keys)}")
    cohorts = cohorts_named(keys, look=look)
    if arguments.trained_on_svdb:
        cohorts = tuple(
            dataclasses.replace(c, name="svdb (trained on)") if c.key == "svdb" else c
            for c in cohorts
        )
    for name in arguments.beat or shipped_beats():
        models = ModelFiles(arguments.qrs, model.find(name))
        rows, scored = assess(arguments.data, cohorts, models, _say)
        if look:
            print(f"kept as {publish(rows, models, arguments.why)}.json\n")
        print(_tables(rows))
        if arguments.strips:
            folder = arguments.strips / model.find(name).stem
            for cohort in strips:
                print(draw_cohort(cohort, scored[cohort.key], folder))


def _tables(rows: Sequence[dict[str, Any]]) -> str:
    """Write everything as tables."""
    classed = [row for row in rows if row["beat_classes"]]
    blocks = [table(rows, ("qrs",)), table(classed, ("veb", "sveb"))]
    known = [row | row["reference"] for row in classed]
    blocks += ["Reference R-peaks", table(known, ("veb", "sveb"))]
    for row in classed:
        blocks += [f"Confusion, {row['cohort']}", confusion_table(row["confusion"])]
    return "\n\n".join(blocks)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--qrs", type=Path, help="a QRS model to try, without --why")
    parser.add_argument("--beat", nargs="+", help="beat models; by default all that ship")
    parser.add_argument(
        "--trained-on-svdb", action="store_true", help="say so of svdb: the model learned from it"
    )
    parser.add_argument("--why", help="why DS2 is looked at; it is logged")
    parser.add_argument("--strips", type=Path, help="folder for drawings of the worst stretches")
    parser.add_argument(
        "--strip-cohorts", default="ds1,svdb", help="of whom; ds2 only with --why (ds1,svdb)"
    )
    return parser


def _say(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    main()
