"""Gates on what two models said of the same beats: accuracy, groups, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from training.gates.gate import Decision, Gate, worst
from training.gates.limits import GateLimits
from training.gates.paired import (
    RESAMPLES,
    Change,
    calibration_change,
    f1_change,
    patients_with,
)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What both models said of the locked set."""

    champion: pd.DataFrame
    """Rows as :func:`training.audits.predict.predict` gives them."""
    candidate: pd.DataFrame
    """The same of the candidate."""
    subjects: pd.DataFrame
    """A row a patient: ``patient`` and attributes as text, empty where unknown."""
    groups: tuple[str, ...]
    """Attributes that groups are made of."""

    @property
    def patients(self) -> list[str]:
        """Everybody of the locked set, in order."""
        return sorted(set(self.subjects["patient"]))


def noninferiority(compared: Compared, limits: GateLimits) -> Gate:
    """Ask that the gross F1 is shown to be no worse than the champion's by more than a margin."""
    changes = {
        name: f1_change(compared.champion, compared.candidate, name, compared.patients)
        for name in limits.f1_points
    }
    decisions = {
        name: not_worse(change.difference.value, change.difference.low, limits.f1_points[name])
        for name, change in changes.items()
    }
    return Gate(
        "EC57 non-inferiority",
        "Locked patients, R-peaks detected, EC57 matching (150 ms, first 5 minutes left out), "
        f"gross F1; candidate less champion with a 95 % interval of {RESAMPLES} draws of patients",
        "lower end above "
        + ", ".join(f"-{margin:g} points ({name})" for name, margin in limits.f1_points.items()),
        {name: change.to_dict() for name, change in changes.items()},
        worst(list(decisions.values())),
        "; ".join(f"{name} {_points(changes[name])}" for name in changes),
    )


def groups(compared: Compared, limits: GateLimits) -> Gate:
    """Ask that no group of patients is worse off than with the champion by more than a margin."""
    found = list(_groups(compared, limits))
    judged = [one for one in found if one["judged"]]
    failed = [one for one in judged if one["difference"] < -limits.group_points]
    decisions = [Decision.FAILED if failed else Decision.PASSED] if judged else []
    low = min(judged, key=lambda one: one["difference"], default=None)
    reason = (
        "no group has enough patients"
        if low is None
        else f"{'worst: ' if not failed else ''}{low['condition']} F1 of {low['group']} changes by "
        f"{low['difference']:+.1f} points ({low['champion']:.1f} to {low['candidate']:.1f}, "
        f"{low['patients']} patients)"
    )
    return Gate(
        "subgroups",
        f"Groups by {', '.join(compared.groups)}; gross F1 of each group, candidate less champion "
        "on the same patients",
        f"no group of {limits.group_patients} patients or more with the condition falls by more "
        f"than {limits.group_points:g} points",
        {"groups": found},
        worst(decisions),
        reason,
    )


def calibration(compared: Compared, limits: GateLimits, condition: str = "VEB") -> Gate:
    """Ask that probabilities are no farther from frequencies than the champion's."""
    changes = calibration_change(
        compared.champion, compared.candidate, condition, compared.patients
    )
    margins = {"ece": limits.ece, "brier": limits.brier, "log_loss": limits.log_loss}
    failed = [name for name, c in changes.items() if not _rises_little(c, margins[name])]
    return Gate(
        "calibration",
        f"Probability of {condition} of every beat of the locked patients: expected calibration "
        "error (15 bins), Brier score, log loss; candidate less champion",
        ", ".join(f"{name} rises by at most {margin:g}" for name, margin in margins.items()),
        {name: change.to_dict() for name, change in changes.items()},
        Decision.FAILED if failed else Decision.PASSED,
        "; ".join(
            f"{name} {c.champion:.4f} to {c.candidate:.4f}"
            for name, c in changes.items()
            if not failed or name in failed
        ),
    )


def not_worse(value: float | None, low: float | None, margin: float) -> Decision:
    """Judge a difference of which more is better by its interval's lower end.

    Examples
    --------
    >>> [not_worse(*each, 3.0).value for each in ((0.5, -1.0), (0.5, -9.0), (-4.0, -9.0))]
    ['passed', 'insufficient evidence', 'failed']
    """
    if value is None or low is None:
        return Decision.INSUFFICIENT
    if value < -margin:
        return Decision.FAILED
    return Decision.PASSED if low > -margin else Decision.INSUFFICIENT


def _groups(compared: Compared, limits: GateLimits) -> Iterator[dict[str, Any]]:
    """Give each group's figures; those with too few patients are named and not judged."""
    for condition in limits.group_conditions:
        ill = patients_with(compared.champion, condition)
        for attribute in compared.groups:
            for value, rows in compared.subjects.groupby(attribute, sort=True):
                if not value:
                    continue
                own = sorted(set(rows["patient"]))
                n = len(ill & set(own))
                yield {
                    "condition": condition,
                    "group": f"{attribute} {value}",
                    "patients": len(own),
                    "with_condition": n,
                    "judged": n >= limits.group_patients,
                } | _figures(compared, condition, own, n >= limits.group_patients)


def _figures(
    compared: Compared, condition: str, patients: Sequence[str], enough: bool
) -> dict[str, float | None]:
    if not enough:
        return {}
    return f1_change(compared.champion, compared.candidate, condition, patients).to_dict()


def _rises_little(change: Change, margin: float) -> bool:
    value = change.difference.value
    return value is not None and value <= margin


def _points(change: Change) -> str:
    told = change.difference
    if told.value is None or told.low is None or told.high is None:
        return "not defined"
    return f"{told.value:+.2f} points ({told.low:+.2f} to {told.high:+.2f})"
