"""Adapt to every record of a cohort and publish what it brings, by EC57.

``python -m training.adaptation --cohort svdb`` adapts the shipped beat model to each
record's first five labelled minutes and scores the rest of it, R-peaks detected.
``--cohort ds1`` wants ``--folds DIR``, models that never saw the patient (see
:mod:`training.adaptation.folds`). ``--cohort ds2`` wants ``--why``: each look is logged.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference import model
from ingest.errors import InputError
from training.adaptation.cohort import AdaptedRecord, adapt_records
from training.adaptation.folds import fold_of
from training.adaptation.page import write_page
from training.assessment import kept
from training.assessment.cohorts import COHORTS, Cohort, cohorts_named
from training.assessment.figures import figures
from training.assessment.tables import table
from training.guard import Look
from training.splits import patient_of

COHORT_KEYS = ("svdb", "ds1", "ds2")
"""What can be adapted to."""


def rows_of(cohort: Cohort, done: Sequence[AdaptedRecord]) -> list[dict[str, Any]]:
    """Gather the figures of a cohort and of the published parts of it, before and after.

    Parameters
    ----------
    cohort : Cohort
        What was adapted to.
    done : sequence of AdaptedRecord
        All its records.
    """
    names = {one.after.record for one in done}
    parts = [cohort, *(c for c in COHORTS if c.key.startswith(f"{cohort.key}-"))]
    rows = []
    for part in parts:
        name = part.name.replace("(trained on)", "(patients left out)")
        chosen = [one for one in done if one.after.record in (part.records or names)]
        for what, side in (("as it is", "before"), ("adapted on 5 min", "after")):
            row = figures(part, [getattr(one, side) for one in chosen])
            rows.append({**row, "cohort": f"{name}, {what}", "adapted": side == "after"})
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Adapt to a cohort from the command line."""
    arguments = _parser().parse_args(argv)
    look = arguments.why is not None and bool(Look(arguments.why))
    (cohort,) = cohorts_named([arguments.cohort], look=look)
    if cohort.key == "ds1" and arguments.folds is None:
        raise InputError("--cohort ds1 needs --folds: the shipped model learned from its patients")
    folder = arguments.data / cohort.database
    records = cohort.records or tuple(sorted(path.stem for path in folder.glob("*.hea")))
    if not records:
        raise InputError(f"no records in {folder}: name the data folder with --data")
    base = model.find(arguments.model)

    def base_of(record: str) -> Path:
        if arguments.folds is None:
            return base
        return fold_of(patient_of(cohort.database, record), arguments.folds)

    done = []
    for one in adapt_records(folder, records, base_of):
        done.append(one)
        print(f"{cohort.database}: {len(done)} of {len(records)} records", flush=True)
    rows = rows_of(cohort, done)
    seconds = [one.adapted.seconds for one in done]
    cost = {
        "seconds_median": float(np.median(seconds)),
        "seconds_worst": max(seconds),
        "bytes": max(len(one.adapted.content) for one in done),
        "process_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(table(rows, ("veb", "sveb")))
    print(cost)
    facts = kept.model_facts(base_of(records[0]))
    kept.keep(
        f"adaptation-{cohort.key}",
        {"model": facts, "why": arguments.why or "", "rows": rows, "cost": cost},
        arguments.results,
    )
    if arguments.results is None:
        write_page(COHORT_KEYS)
    if cohort.held_out:
        qrs = kept.model_facts(model.builtin("qrs"))
        scores = [rows[1]["gross"][kind]["f1"] for kind in ("qrs", "veb", "sveb")]
        kept.log_look(
            f"{qrs['digest'][:12]} {facts['digest'][:12]}",
            (f"{scores[0]:.2f}", f"{scores[1]:.2f}", f"{scores[2]:.2f}"),
            f"adapted on each record's first 5 labelled minutes: {arguments.why}",
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m training.adaptation")
    parser.add_argument("--cohort", choices=COHORT_KEYS, required=True)
    parser.add_argument("--model", default="beat", help="beat model to start from, name or path")
    parser.add_argument("--folds", type=Path, help="folder of models that leave patients out")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--why", help="why DS2 is looked at; it is logged")
    parser.add_argument("--results", type=Path, help="folder of the kept figures")
    return parser


if __name__ == "__main__":
    main()
