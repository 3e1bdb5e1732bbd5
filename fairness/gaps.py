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
from fairness.result import Gap


def gap(
    condition: Condition,
    name: MetricName,
    grouping: Grouping,
    judged: tuple[int, ...],
    values: dict[int, float],
    *,
    rounds: int,
    level: float,
    rng: np.random.Generator,
) -> Gap:
    """Give the largest difference between an attribute's groups, beside its permutation null.

    Parameters
    ----------
    condition, name, grouping
        What is compared.
    judged
        Groups with enough patients: the others are left out, they are no gap of 0.
    values
        Figure of each group.
    rounds, rng
        Permutations, and the source of chance.
    level
        Of the null's quantile, such as 0.95.
    """
    usable = tuple(group for group in judged if not np.isnan(values[group]))
    nan = float("nan")
    unit, attribute = condition.units.condition, grouping.attribute
    if len(usable) < 2:
        return Gap(unit, name, attribute, nan, nan, "", "", nan, nan, nan)
    ranked = sorted(usable, key=lambda group: distance_from_ideal(name, values[group]))
    shown = np.array([values[group] for group in usable])
    largest = float(shown.max() - shown.min())
    null = _null(condition, name, grouping, usable, rounds, rng)
    share = float(shown.min() / shown.max()) if shown.min() >= 0 and shown.max() > 0 else nan
    if not len(null):
        return Gap(
            unit,
            name,
            attribute,
            largest,
            share,
            grouping.names[ranked[0]],
            grouping.names[ranked[-1]],
            nan,
            nan,
            nan,
        )
    # The observed deal counts as one of them: a p-value is never 0 (Phipson & Smyth, 2010).
    # The tolerance keeps a permutation that is the observed one from missing it by rounding.
    p = (1 + int((null >= largest - 1e-6 * max(abs(shown).max(), 1e-9)).sum())) / (1 + len(null))
    return Gap(
        unit,
        name,
        attribute,
        largest,
        share,
        grouping.names[ranked[0]],
        grouping.names[ranked[-1]],
        float(np.median(null)),
        float(np.quantile(null, level)),
        p,
    )


def _null(
    condition: Condition,
    name: MetricName,
    grouping: Grouping,
    usable: tuple[int, ...],
    rounds: int,
    rng: np.random.Generator,
) -> Floats:
    if name == "auroc" and condition.wins is None:
        return np.zeros(0)
    place = np.full(len(grouping.names), -1)
    place[list(usable)] = np.arange(len(usable))
    code = place[grouping.code]
    who: npt.NDArray[np.intp] = np.flatnonzero(code >= 0)
    drawn = figures(condition, name, who, permute(code[who].astype(np.int32), rounds, rng))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        gaps = np.nanmax(drawn, axis=1) - np.nanmin(drawn, axis=1)
    return np.asarray(gaps[~np.isnan(gaps)])
