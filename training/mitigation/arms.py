"""The arms of the comparison: plain training, and every mitigation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingest.errors import InputError
from training.mitigation.procedures import (
    adapt_patients,
    choose_epoch,
    fit_group_thresholds,
    fit_groups,
)
from training.survey.arms import Arm, Procedure

PLAIN, HELD_BACK = "plain", "held-back"
"""Plain training: of all patients but those left out, and without those held back, too."""
CONTROLS = (PLAIN, HELD_BACK, "mean-epoch")
"""What methods are put beside; these are no mitigations themselves."""

ATTRIBUTES = ("sex", "age")
"""What groups of patients are made by."""
OF_GROUPS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "reweight": ("reweighting, groups the same within each class", {}),
    "resample": ("resampling, groups the same within each class", {}),
    "group-dro": ("group DRO", {"cells": "group"}),
    "adversary": ("gradient-reversal adversary", {}),
}
"""Methods that a fit uses, with their titles and further keys."""
WITHOUT = "fitted without the patients held back, as *plain, some held back* is"


def all_arms() -> list[Arm]:
    """List the arms in the order of the tables."""
    return [
        Arm(PLAIN, "plain training", procedure=fit_groups),
        *_fitted(),
        Arm(
            "adapted",
            "plain, adapted to each patient",
            procedure=adapt_patients,
            note="knows five labelled minutes of each patient more than the others",
        ),
        Arm(
            HELD_BACK,
            "plain, some held back",
            procedure=choose_epoch,
            note="what the next ones start from: the last epoch, learned from fewer patients",
        ),
        _arm(
            "mean-epoch", "best epoch by the mean of patients", choose_epoch, select="patient-mean"
        ),
        _arm(
            "worst-epoch-sex",
            "best epoch by the worst group, sex",
            choose_epoch,
            attribute="sex",
            select="worst-group",
        ),
        _arm(
            "thresholds-sex",
            "thresholds of each group, sex",
            fit_group_thresholds,
            attribute="sex",
            thresholds={
                "allow": True,
                "asked_by": "python -m training.mitigation",
                "why": "to measure what they bring and whom they harm; not to be served",
            },
        ),
    ]


def _fitted() -> Iterator[Arm]:
    """List the arms whose fit looks at groups."""
    for method, (title, keys) in OF_GROUPS.items():
        attributes = (*ATTRIBUTES, "patient") if method.startswith("re") else ATTRIBUTES
        for attribute in attributes:
            yield Arm(
                f"{method}-{attribute}",
                f"{title}, {attribute}",
                {"mitigation": {"method": method, "attribute": attribute, **keys}},
                fit_groups,
            )


def _arm(name: str, title: str, procedure: Procedure, **keys: Any) -> Arm:
    return Arm(name, title, {"mitigation": keys}, procedure, note=WITHOUT)


def arms_named(names: str) -> list[Arm]:
    """Look up arms by names, or methods, with commas between; all where it is empty.

    Plain training is always among them. A method's name stands for all its arms.

    Raises
    ------
    ingest.errors.InputError
        If there is none of such a name.

    Examples
    --------
    >>> [arm.name for arm in arms_named("group-dro")]
    ['plain', 'group-dro-sex', 'group-dro-age']
    """
    known, wanted = all_arms(), [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        return known
    chosen = {PLAIN}
    for name in wanted:
        found = [a.name for a in known if a.name == name or a.name.rpartition("-")[0] == name]
        if not found:
            told = ", ".join(arm.name for arm in known)
            raise InputError(f"no method {name}; there are: {told}")
        chosen |= set(found)
    return [arm for arm in known if arm.name in chosen]
