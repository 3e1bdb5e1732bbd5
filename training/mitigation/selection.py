"""Patients' scores, and the worst group's: what the best epoch can be chosen by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, S, V
from ingest.errors import InputError
from training.mitigation.groups import members
from training.scores import f1

Called = tuple[str, NDArray[np.int8], NDArray[np.integer]]
"""A patient, the reference classes of a record and the classes called, each (n_beats,)."""


def patient_score(aami: NDArray[np.int8], called: NDArray[np.integer]) -> float:
    """Mean F1 of those of the classes N, S and V that a patient has; every patient has one.

    Examples
    --------
    >>> patient_score(np.array([0, 0, 2, 2], np.int8), np.array([0, 0, 2, 0]))
    0.7333333333333334
    """
    own = [code for code in (N, S, V) if (aami == code).any()]
    return fmean(f1(aami, called, code) for code in own) if own else 0.0


def patient_scores(records: Iterable[Called]) -> dict[str, float]:
    """Score each patient over all their records; those without a beat of N, S or V are left out."""
    parts: dict[str, list[tuple[NDArray[np.int8], NDArray[np.integer]]]] = {}
    for patient, aami, called in records:
        if (aami <= V).any():
            parts.setdefault(patient, []).append((aami, called))
    return {
        patient: patient_score(
            np.concatenate([aami for aami, _ in own]), np.concatenate([called for _, called in own])
        )
        for patient, own in parts.items()
    }


def deciding_groups(
    groups: Mapping[str, str], patients: Iterable[str], min_patients: int
) -> dict[str, list[str]]:
    """List the groups that have enough patients to decide, with these patients.

    Parameters
    ----------
    groups : mapping of patient to group
    patients : iterable of str
        Validation patients.
    min_patients : int
        Patients below which a group does not decide; one alone never does.

    Raises
    ------
    ingest.errors.InputError
        If no group has so many.
    """
    least = max(min_patients, 2)
    of_group = members(groups, sorted(set(patients)))
    found = {name: own for name, own in of_group.items() if len(own) >= least}
    if not found:
        told = ", ".join(f"{name} {len(own)}" for name, own in of_group.items())
        raise InputError(
            f"mitigation.select worst-group: no group has {least} validation patients ({told}); "
            "keep more for validation, or take wider groups"
        )
    return found


def worst_group(
    scores: Mapping[str, float], deciding: Mapping[str, Iterable[str]]
) -> tuple[str, float]:
    """Find the worst of the groups that decide, by the mean of their patients' scores.

    Examples
    --------
    >>> worst_group({"a": 0.9, "b": 0.7, "c": 0.6, "d": 0.8}, {"F": ["a", "b"], "M": ["c", "d"]})
    ('M', 0.7)
    """
    means = {
        name: fmean(scores[patient] for patient in own if patient in scores)
        for name, own in deciding.items()
        if any(patient in scores for patient in own)
    }
    name = min(means, key=lambda group: means[group])
    return name, round(means[name], 12)
