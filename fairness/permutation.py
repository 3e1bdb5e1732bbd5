"""What the largest gap between groups would be if groups meant nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairness.cohort import Codes, Floats
from fairness.declaration import MetricName
from fairness.estimation import Condition
from fairness.measures import RATIOS

Permutations = npt.NDArray[np.int16]
"""Group of each patient once groups are dealt out anew; shape (rounds, n_patients)."""


def permute(code: Codes, rounds: int, rng: np.random.Generator) -> Permutations:
    """Deal the groups out anew over the patients, so that each keeps its size.

    Examples
    --------
    >>> dealt = permute(np.array([0, 0, 1, 2]), 3, np.random.default_rng(0))
    >>> np.sort(dealt, axis=1).tolist()
    [[0, 0, 1, 2], [0, 0, 1, 2], [0, 0, 1, 2]]
    """
    return rng.permuted(np.tile(code.astype(np.int16), (rounds, 1)), axis=1)


def figures(
    condition: Condition, name: MetricName, who: npt.NDArray[np.intp], dealt: Permutations
) -> Floats:
    """Give a metric of each group in each permutation.

    Ratios, ECE and AUROC exactly; the others by what each patient does to the figure of all of
    them, which is exact to first order.

    Parameters
    ----------
    condition
        Whose metric.
    name
        Metric.
    who
        Patients that are permuted; shape (n,).
    dealt
        Their groups, 0 upwards; shape (rounds, n).

    Returns
    -------
    Floats
        Shape (rounds, n_groups); ``nan`` where a group has nothing to count.
    """
    groups = int(dealt.max()) + 1
    columns = [
        _figures(condition, name, who, (dealt == group).astype(np.float32))
        for group in range(groups)
    ]
    return np.stack(columns, 1)


def _figures(
    condition: Condition, name: MetricName, who: npt.NDArray[np.intp], chosen: Floats
) -> Floats:
    counts = condition.counts
    if name in RATIOS:
        numerator, denominator = (part[who].astype(np.float32) for part in counts.parts(name))
        return _divided(chosen @ numerator, chosen @ denominator)
    if name == "ece" and condition.bins is not None:
        gap = (condition.bins.score - condition.bins.positives)[who].astype(np.float32)
        units = chosen @ counts.units[who].astype(np.float32)
        return _divided(np.abs(chosen @ gap).sum(1), units)
    if name == "auroc" and condition.wins is not None:
        wins = condition.wins[np.ix_(who, who)].astype(np.float32)
        won = np.einsum("rp,rp->r", chosen @ wins, chosen)
        own_with = (counts.tp + counts.fn)[who].astype(np.float32)
        own_without = (counts.tn + counts.fp)[who].astype(np.float32)
        return _divided(won, (chosen @ own_with) * (chosen @ own_without))
    members = np.zeros(condition.size, bool)
    members[who] = True
    figure = condition.figure(name, members)
    scale = len(who) / chosen.sum(1)
    return np.asarray(figure.confidence.value + scale * (chosen @ figure.influence[who]))


def _divided(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan).astype(float)
