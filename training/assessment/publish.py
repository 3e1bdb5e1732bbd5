"""Figures of the shipped models put where they are read: the log, the kept files, the cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference import model
from ingest.errors import InputError
from training.assessment import kept
from training.assessment.card import write_card
from training.assessment.spread import seeds_block


def log_look(rows: Sequence[dict[str, Any]], digests: Sequence[str], why: str) -> None:
    """Add a line to the log of looks at DS2.

    Parameters
    ----------
    rows : sequence of dict
        From :func:`training.assessment.figures.figures`; DS2 is among them.
    digests : sequence of str
        SHA-256 of the QRS and of the beat model.
    why : str
        The reason.
    """
    ds2 = next(row["gross"] for row in rows if row["cohort"] == "mitdb DS2")
    qrs, veb, sveb = (f"{ds2[kind]['f1']:.2f}" for kind in ("qrs", "veb", "sveb"))
    kept.log_look(" ".join(digest[:12] for digest in digests), (qrs, veb, sveb), why)


def publish(rows: Sequence[dict[str, Any]], why: str) -> None:
    """Log the look at DS2, keep the figures, and write the cards."""
    facts = {name: kept.model_facts(model.builtin(name)) for name in ("qrs", "beat")}
    log_look(rows, [fact["digest"] for fact in facts.values()], why)
    kept.keep("assess", {"models": facts, "why": why, "cohorts": list(rows)})
    write_card("qrs", rows, ("qrs",))
    write_beat_card()


def write_beat_card() -> None:
    """Write the beat model's card from what is kept.

    Raises
    ------
    ingest.errors.InputError
        If the kept figures are of another model, or there are none.
    """
    found = kept.kept("assess")
    digest = kept.model_facts(model.builtin("beat"))["digest"]
    if found is None or found["models"]["beat"]["digest"] != digest:
        raise InputError("no figures of the shipped beat model are kept: make assess")
    write_card("beat", found["cohorts"], ("veb", "sveb"), seeds_block(digest))
