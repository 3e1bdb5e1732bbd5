"""Score the shipped models on databases by EC57, write the figures into their cards, log the look.

``python -m training.assess --why REASON`` is how every figure in the cards and
in the README is made. Records go through the very pipeline that serves, once
with R-peaks that it detects and once with those of the reference. Each run that
looks at DS2 adds a line to ``training/EVALUATIONS.md``, whatever comes out.
Without ``--why`` only DS1 and svdb are scored, and nothing but strips is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ingest.errors import InputError
from training.assessment.cohort_scores import assess
from training.assessment.cohorts import COHORTS, cohorts_named
from training.assessment.drawing import draw_cohort
from training.assessment.publish import publish
from training.assessment.tables import confusion_table, table

WITHOUT_A_LOOK = ("ds1", "svdb")
"""Cohorts that are scored when no reason to look at DS2 is given."""


def main(argv: Sequence[str] | None = None) -> None:
    """Assess the shipped models from the command line."""
    arguments = _parser().parse_args(argv)
    look = bool(arguments.why)
    keys = [cohort.key for cohort in COHORTS] if look else WITHOUT_A_LOOK
    strips = cohorts_named(arguments.strip_cohorts.split(","), look=look)
    if arguments.strips and not {cohort.key for cohort in strips} <= {*keys}:
        raise InputError(f"strips can be drawn of what is scored: {', '.join(keys)}")
    rows, scored = assess(arguments.data, cohorts_named(keys, look=look), _say)
    if look:
        publish(rows, arguments.why)
    for kinds in (("qrs",), ("veb", "sveb")):
        print(table([row for row in rows if "qrs" in kinds or row["beat_classes"]], kinds) + "\n")
    for row in rows:
        if row["beat_classes"]:
            at_reference = row | row["reference"]
            print(f"Reference R-peaks\n{table([at_reference], ('veb', 'sveb'))}\n")
            print(f"Confusion, {row['cohort']}\n{confusion_table(row['confusion'])}\n")
    if arguments.strips:
        for cohort in strips:
            print(draw_cohort(cohort, scored[cohort.key], arguments.strips))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
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
