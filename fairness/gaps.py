"""The largest gap within an attribute, and what chance alone makes of it."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from fairness.cohort import Floats, Grouping
from fairness.declaration import MetricName
from fairness.estimation import Condition
from fairness.measures import distance_from_ideal
from fairness.permutation import figures, permute
from fairness.result import UNKNOWN, Gap, GroupMetric

MOST_DEALT = 8_000_000
"""Patients times permutations that are held at once."""
_NAN = float("nan")


def gaps(
    condition: Condition,
    grouping: Grouping,
    rows: dict[MetricName, list[GroupMetric]],
    *,
    rounds: int,
    level: float,
    rng: np.random.Generator,
) -> list[Gap]:
    """Give the largest difference between an attribute's groups, beside its permutation null.

    Groups that are unknown or have too few patients are left out: they are no gap of 0.

    Parameters
    ----------
    condition, grouping
        What is compared.
    rows
        By metric, a row a group, as in ``grouping.names``.
    rounds, rng
        Permutations, and the source of chance. Metrics that judge the same groups share them.
    level
        Of the null's quantile, such as 0.95.
    """
    judged = {name: _judged(of) for name, of in rows.items()}
    nulls: dict[MetricName, Floats] = {}
    for usable in dict.fromkeys(judged.values()):
        names = tuple(name for name, groups in judged.items() if groups == usable)
        if len(usable) > 1:
            nulls |= _nulls(condition, names, grouping, usable, rounds, rng)
    none = np.zeros(0)
    return [_gap(judged[name], of, nulls.get(name, none), level) for name, of in rows.items()]


def _judged(rows: list[GroupMetric]) -> tuple[int, ...]:
    return tuple(
        group
        for group, row in enumerate(rows)
        if not row.shortfall and row.group != UNKNOWN and not np.isnan(row.estimate.value)
    )


def _gap(usable: tuple[int, ...], rows: list[GroupMetric], null: Floats, level: float) -> Gap:
    first = rows[0]
    about = first.condition, first.metric, first.attribute
    if len(usable) < 2:
        return Gap(*about, _NAN, _NAN, "", "", _NAN, _NAN, _NAN)
    values = np.array([rows[group].estimate.value for group in usable])
    distances = [distance_from_ideal(first.metric, value) for value in values]  # type: ignore[arg-type]
    largest = float(values.max() - values.min())
    share = float(values.min() / values.max()) if values.min() >= 0 and values.max() > 0 else _NAN
    best, worst = (rows[usable[int(pick(distances))]].group for pick in (np.argmin, np.argmax))
    if best == worst:
        best = worst = ""
    if not len(null):
        return Gap(*about, largest, share, best, worst, _NAN, _NAN, _NAN)
    # The observed deal counts as one of them: a p-value is never 0 (Phipson & Smyth, 2010).
    # The tolerance keeps a permutation that is the observed one from missing it by rounding.
    reached = null >= largest - 1e-6 * max(float(np.abs(values).max()), 1e-9)
    p = (1 + int(reached.sum())) / (1 + len(null))
    median, high = (float(np.quantile(null, at)) for at in (0.5, level))
    return Gap(*about, largest, share, best, worst, median, high, p)


def _nulls(
    condition: Condition,
    names: tuple[MetricName, ...],
    grouping: Grouping,
    usable: tuple[int, ...],
    rounds: int,
    rng: np.random.Generator,
) -> dict[MetricName, Floats]:
    place = np.full(len(grouping.names), -1)
    place[list(usable)] = np.arange(len(usable))
    code = place[grouping.code]
    who: npt.NDArray[np.intp] = np.flatnonzero(code >= 0)
    nulls: dict[MetricName, list[Floats]] = {}
    at_once = max(1, MOST_DEALT // len(who))
    for first in range(0, rounds, at_once):
        dealt = permute(code[who].astype(np.int32), min(at_once, rounds - first), rng)
        for name, table in figures(condition, names, who, dealt).items():
            nulls.setdefault(name, []).append(_widest(table))
    return {name: np.concatenate(parts) for name, parts in nulls.items()}


def _widest(table: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        widest = np.nanmax(table, axis=1) - np.nanmin(table, axis=1)
    return np.asarray(widest[~np.isnan(widest)])
