"""Whom a candidate's teachers learned from: what they know of locked patients, they pass on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from inference import model
from ingest.errors import InputError


def taught_from(training: Mapping[str, Any]) -> frozenset[str]:
    """Name the patients whom the teachers of a training learned from, and theirs, and so on.

    Parameters
    ----------
    training : mapping
        A training's configuration as it stands in ``run.json``; its ``distill`` counts.

    Raises
    ------
    ingest.errors.InputError
        If a teacher is not to be found, or does not tell: only a run of ``vigil train`` does.
    """
    told = (training.get("distill") or {}).get("teacher", ())
    patients: set[str] = set()
    for teacher in (told,) if isinstance(told, str) else told:
        run = _run_of(teacher)
        patients |= {*run["training_patients"], *run["validation_patients"]}
        patients |= taught_from(run["config"])
    return frozenset(patients)


def _run_of(teacher: str) -> dict[str, Any]:
    """Read ``run.json`` beside a teacher's file."""
    path = model.find(teacher).with_name("run.json")
    try:
        run: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if {"training_patients", "validation_patients", "config"} <= set(run):
            return run
    except (OSError, ValueError):
        pass
    raise InputError(
        f"distill.teacher: {teacher} does not tell whom it learned from, so that a leak could not "
        "be seen; allowed: an ONNX file in a run folder of vigil train, beside its run.json"
    )
