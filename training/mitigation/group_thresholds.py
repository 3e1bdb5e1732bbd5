"""Decision thresholds of each group, fitted so that one rate is the same in all.

To call two people with the same signal by different thresholds because of their sex or age is
differential treatment. It is done only where somebody asks for it by name and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, S, V
from ingest.errors import InputError
from training.mitigation.groups import UNKNOWN_GROUP

Metric = Literal["se", "fpr"]
"""Sensitivity, or the false-positive rate: both of beats of one class against all of N, S, V."""
METRICS: tuple[Metric, ...] = ("se", "fpr")
DEFAULT = {"V": 0.5, "S": 0.5}
"""Thresholds of a group that is not treated apart, where the model names no others."""
CODES = {"V": V, "S": S}
ROUNDS = 3
"""Times that the thresholds of V and S are fitted in turn: each has a say in the other's rate."""
LEAST_BEATS = 10
"""Beats that a rate is made of, at least; a group with fewer keeps the default."""
LOWEST, HIGHEST = 0.02, 0.98
"""Range of a fitted threshold."""


@dataclass(frozen=True, slots=True)
class OptIn:
    """Leave to treat groups differently.

    Raises
    ------
    ingest.errors.InputError
        If it does not say who asked and why.
    """

    asked_by: str
    """Who asked for it."""
    why: str
    """Why."""

    def __post_init__(self) -> None:
        if not (self.asked_by.strip() and self.why.strip()):
            raise InputError(
                "thresholds of each group are differential treatment: say who asks and why"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Beats of one group with what a model says of them."""

    v: NDArray[np.float32]
    """Array of shape (n_beats,): probability of V."""
    s: NDArray[np.float32]
    """Array of shape (n_beats,): probability of S, if not V."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): reference classes."""
    patients: int = 1
    """People behind them."""

    def called(self, thresholds: Mapping[str, float]) -> NDArray[np.int64]:
        """Classes called as serving does it, array of shape (n_beats,).

        Of two classes that reach their thresholds, the one that exceeds it by the larger factor.
        """
        v, s = self.v / thresholds["V"], (1 - self.v) * self.s / thresholds["S"]
        return np.where((v >= 1) & (v >= s), V, np.where(s >= 1, S, N))


@dataclass(frozen=True, slots=True)
class GroupThresholds:
    """Thresholds of each group, with all that must be said about them."""

    attribute: str
    """What groups are made by."""
    metric: Metric
    """What was made equal."""
    opt_in: OptIn
    """Who asked, and why."""
    targets: Mapping[str, float | None]
    """Rate of all groups together at the default thresholds, by class: what each is brought to."""
    thresholds: Mapping[str, Mapping[str, float]]
    """Thresholds by group and class."""
    default: Mapping[str, float]
    """Thresholds of a group that is not treated apart."""
    reached: Mapping[str, Mapping[str, float | None]]
    """Rate of each group on what they were fitted on; None where there were too few beats."""
    patients: Mapping[str, int]
    """Patients of each group that they were fitted on."""

    def of(self, group: str) -> Mapping[str, float]:
        """Give a group's thresholds; the default where nothing was fitted for it."""
        return self.thresholds.get(group, self.default)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain values, named as what it is."""
        return {"kind": "differential treatment", **asdict(self)}


def rate(aami: NDArray[np.int8], called: NDArray[np.int64], code: int, metric: Metric) -> float:
    """Sensitivity or false-positive rate of one class; NaN without beats to count.

    Examples
    --------
    >>> aami, called = np.array([2, 2, 0, 0, 0], np.int8), np.array([2, 0, 2, 0, 0])
    >>> rate(aami, called, 2, "se"), round(rate(aami, called, 2, "fpr"), 2)
    (0.5, 0.33)
    """
    counted = aami == code if metric == "se" else (aami != code) & (aami <= V)
    return float((called[counted] == code).mean()) if counted.any() else float("nan")


def fit_thresholds(
    groups: Mapping[str, Scores],
    attribute: str,
    opt_in: OptIn,
    metric: Metric = "se",
    min_patients: int = 2,
    default: Mapping[str, float] = DEFAULT,
) -> GroupThresholds:
    """Bring each group's rate to that of all together at the default thresholds.

    A group that is unknown, of fewer than ``min_patients`` patients, or with fewer than
    ``LEAST_BEATS`` beats to count, keeps the default thresholds.

    Parameters
    ----------
    groups : mapping of group to Scores
        Of patients whom the model has not learned from.
    attribute : str
        What groups are made by.
    opt_in : OptIn
        Who asked, and why.
    metric : {"se", "fpr"}
    min_patients : int
    default : mapping of class to threshold

    Raises
    ------
    ingest.errors.InputError
        If there is no opt-in, no group, or no such metric.
    """
    if not isinstance(opt_in, OptIn):
        raise InputError("thresholds of each group need an OptIn: who asks for them, and why")
    if metric not in METRICS:
        raise InputError(f"metric is {metric!r}; allowed: {', '.join(METRICS)}")
    if not groups:
        raise InputError("thresholds of each group need patients of at least one group")
    aami = np.concatenate([scores.aami for scores in groups.values()])
    called = np.concatenate([scores.called(default) for scores in groups.values()])
    targets = {name: rate(aami, called, code, metric) for name, code in CODES.items()}
    fitted: dict[str, dict[str, float]] = {}
    reached: dict[str, dict[str, float | None]] = {}
    for group, scores in groups.items():
        fitted[group] = dict(default)
        if group != UNKNOWN_GROUP and scores.patients >= min_patients:
            fitted[group] = _fit_group(scores, targets, metric, default)
        at = scores.called(fitted[group])
        reached[group] = {
            name: _told(rate(scores.aami, at, code, metric)) for name, code in CODES.items()
        }
    return GroupThresholds(
        attribute,
        metric,
        opt_in,
        {name: _told(value) for name, value in targets.items()},
        fitted,
        dict(default),
        reached,
        {group: scores.patients for group, scores in groups.items()},
    )


def _fit_group(
    scores: Scores, targets: Mapping[str, float], metric: Metric, default: Mapping[str, float]
) -> dict[str, float]:
    """Fit V's threshold and that of S in turn."""
    own = dict(default)
    of_class = {"V": scores.v, "S": (1 - scores.v) * scores.s}
    for name, code in [*CODES.items()] * ROUNDS:
        known = scores.aami <= V
        counted = scores.aami == code if metric == "se" else known & (scores.aami != code)
        if counted.sum() < LEAST_BEATS or np.isnan(targets[name]):
            continue
        tried = np.append(_candidates(of_class[name][counted]), default[name])
        rates = [
            rate(scores.aami, scores.called({**own, name: float(at)}), code, metric) for at in tried
        ]
        # nearest to the target, and of those alike nearest to the default
        far = np.round(np.abs(np.array(rates) - targets[name]), 9)
        own[name] = float(tried[np.lexsort((np.abs(tried - default[name]), far))[0]])
    return own


def _told(value: float) -> float | None:
    return None if np.isnan(value) else value


def _candidates(values: NDArray[np.float32], most: int = 400) -> NDArray[np.float64]:
    """Thresholds between neighbouring scores, at most so many, within the range allowed."""
    scores = np.unique(values.astype(np.float64))
    middles = (scores[1:] + scores[:-1]) / 2
    if len(middles) > most:
        middles = middles[np.linspace(0, len(middles) - 1, most).astype(int)]
    allowed: NDArray[np.float64] = np.append(middles, [LOWEST, HIGHEST]).clip(LOWEST, HIGHEST)
    return allowed
