"""Several beat models, the same but for their seed: each headline figure with its spread.

``python -m training.assess_seeds --beat FILE FILE --why REASON`` scores the
shipped beat model and those files, and puts mean, least and largest of each
figure into the beat model's card. Every model's look at DS2 is logged. Without
``--why`` only DS1 and svdb are scored, and nothing is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference import model
from ingest.errors import InputError
from training.assessment import kept
from training.assessment.cohort_scores import score_cohorts
from training.assessment.cohorts import COHORTS, cohorts_named
from training.assessment.figures import figures
from training.assessment.publish import log_look, write_beat_card
from training.assessment.scoring import ModelFiles
from training.assessment.spread import spread_table, spreads

WITHOUT_A_LOOK = ("ds1", "svdb")
"""Cohorts that are scored when no reason to look at DS2 is given."""


def score_model(data: Path, beat: Path, why: str | None) -> list[dict[str, Any]]:
    """Score one beat model, with the shipped QRS model, and log the look if there is a reason.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    beat : Path
        The model.
    why : str or None
        Why DS2 is looked at; it is left alone without a reason.
    """
    keys = [c.key for c in COHORTS if c.beat_classes] if why else WITHOUT_A_LOOK
    cohorts = cohorts_named(keys, look=bool(why))
    scored = score_cohorts(data, cohorts, ModelFiles(beat=beat))
    rows = [figures(cohort, [one.comparison for one in scored[cohort.key]]) for cohort in cohorts]
    if why:
        digests = [kept.model_facts(file)["digest"] for file in (model.builtin("qrs"), beat)]
        log_look(rows, digests, f"{why} (one of several seeds)")
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Score several seeds from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--beat", type=Path, nargs="+", required=True, help="models beside ours")
    parser.add_argument("--why", help="why DS2 is looked at; it is logged for each model")
    arguments = parser.parse_args(argv)
    files = [model.builtin("beat"), *arguments.beat]
    facts = [kept.model_facts(file) for file in files]
    if len({fact["digest"] for fact in facts}) < len(facts):
        raise InputError("the same model is named twice; the shipped one is scored by itself")
    runs = []
    for fact, file in zip(facts, files, strict=True):
        print(f"{fact['name']} {fact['digest'][:12]}", flush=True)
        runs.append(score_model(arguments.data, file, arguments.why))
    found = spreads(runs)
    if arguments.why:
        kept.keep("seeds", {"models": facts, "why": arguments.why, "spread": found})
        write_beat_card()
    print(spread_table(found))


if __name__ == "__main__":
    main()
