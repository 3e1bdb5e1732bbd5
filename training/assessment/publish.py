"""Figures of the shipped models put where they are read: the log, the kept files, the cards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference import model
from ingest.errors import InputError
from training.assessment import kept
from training.assessment.card import write_card
from training.assessment.scoring import ModelFiles
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


def kept_name(file: Path) -> str:
    """Name what holds the figures of a beat model: ``assess`` for the default one.

    Examples
    --------
    >>> kept_name(model.builtin("beat")), kept_name(Path("runs/beat-joint.onnx"))
    ('assess', 'assess-beat-joint')
    """
    if file == builtin_beat():
        return "assess"
    if file.stem in model.builtin_names() and not ships(file):  # another file of that name
        return f"assess-{file.stem}-{kept.model_facts(file)['digest'][:8]}"
    return f"assess-{file.stem}"


def publish(rows: Sequence[dict[str, Any]], models: ModelFiles, why: str) -> str:
    """Log the look at DS2, keep the figures, and write the cards of models that ship.

    Parameters
    ----------
    rows : sequence of dict
        From :func:`training.assessment.figures.figures`, one a cohort.
    models : ModelFiles
        What was scored.
    why : str
        The reason.

    Returns
    -------
    str
        Name of the kept figures.
    """
    files = {"qrs": models.qrs or model.builtin("qrs"), "beat": models.beat or builtin_beat()}
    facts = {kind: kept.model_facts(file) for kind, file in files.items()}
    log_look(rows, [fact["digest"] for fact in facts.values()], why)
    name = kept_name(files["beat"])
    kept.keep(name, {"models": facts, "why": why, "cohorts": list(rows)})
    if files["qrs"] == model.builtin("qrs") and files["beat"] == builtin_beat():
        write_card("qrs", rows, ("qrs",))
    if ships(files["beat"]):
        write_beat_card(files["beat"].stem)
    return name


def builtin_beat() -> Path:
    """Path of the default beat model."""
    return model.builtin("beat")


def ships(file: Path) -> bool:
    """Whether a model is one of those that ship with Vigil."""
    return file.stem in model.builtin_names() and file == model.builtin(file.stem)


def shipped_beats() -> list[str]:
    """Names of the beat models that ship, the default first."""
    names = [n for n in model.builtin_names() if model.load(model.builtin(n))[1].kind == "beat"]
    return sorted(names, key=lambda name: (name != "beat", name))


def write_beat_card(name: str = "beat") -> None:
    """Write a shipped beat model's card from what is kept.

    Raises
    ------
    ingest.errors.InputError
        If the kept figures are of another model, or there are none.
    """
    found = kept.kept(kept_name(model.builtin(name)))
    digest = kept.model_facts(model.builtin(name))["digest"]
    if found is None or found["models"]["beat"]["digest"] != digest:
        raise InputError(f"no figures of the shipped model {name} are kept: make assess")
    write_card(name, found["cohorts"], ("veb", "sveb"), seeds_block(digest))
