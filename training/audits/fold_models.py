"""Which of the models that left patients out is asked about whom."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ingest.errors import InputError

INDEX = "folds.json"
"""Written by ``python -m training.adaptation.folds``: patients that each model has not seen."""


def unseen_models(folder: Path, patients: Iterable[str], learned: Iterable[str]) -> dict[str, Path]:
    """Choose for each patient a model that never saw them.

    Parameters
    ----------
    folder : Path
        Models and their index.
    patients : iterable of str
        Who is asked about.
    learned : iterable of str
        Patients of the run that made the models. Whoever else was in no run at all, as paced
        patients are not, and gets the first model.

    Raises
    ------
    ingest.errors.InputError
        If there is no index, or every model has seen a patient.
    """
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        left_out = {patient: folder / name for name, those in index.items() for patient in those}
        first = folder / next(iter(index))
    except (OSError, ValueError, TypeError, AttributeError, StopIteration) as error:
        raise InputError(
            f"no folds in {folder}: make them with python -m training.adaptation.folds"
        ) from error
    chosen = {}
    known = set(learned)
    for patient in patients:
        if patient not in left_out and patient in known:
            raise InputError(f"none of the models in {folder} has left patient {patient} out")
        chosen[patient] = left_out.get(patient, first)
    return chosen
