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
    condition: Condition,
    names: tuple[MetricName, ...],
    who: npt.NDArray[np.intp],
    dealt: Permutations,
) -> dict[MetricName, Floats]:
    """Give metrics of each group in each permutation.

    Ratios, ECE and AUROC exactly; the others by what each patient does to the figure of all of
    them, which is exact to first order.

    Parameters
    ----------
    condition
        Whose metrics.
    names
        Metrics.
    who
        Patients that are permuted; shape (n,).
    dealt
        Their groups, 0 upwards; shape (rounds, n).

    Returns
    -------
    dict
        By metric, shape (rounds, n_groups); ``nan`` where a group has nothing to count. AUROC is
        missing where there are more than :data:`fairness.ranking.MOST_PATIENTS`.
    """
    parts = {name: _parts(condition, name, who) for name in names}
    slow = tuple(name for name in names if name not in (*RATIOS, "ece", "auroc"))
    linear = {name: _linear(condition, name, who) for name in slow}
    by_group: dict[MetricName, list[Floats]] = {name: [] for name in names}
    for group in range(int(dealt.max()) + 1):
        chosen = (dealt == group).astype(np.float32)
        size = chosen.sum(1)
        for name, (above, below) in parts.items():
            if above.shape[1]:
                won = np.abs(chosen @ above).sum(1)
                by_group[name].append(_divided(won, chosen @ below))
        for name, (value, influence) in linear.items():
            by_group[name].append(value + (chosen @ influence) * (len(who) / size))
        if "auroc" in names and condition.wins is not None:
            by_group["auroc"].append(_auroc(condition, who, chosen))
    return {name: np.stack(columns, 1) for name, columns in by_group.items() if columns}


def _parts(
    condition: Condition, name: MetricName, who: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Give what is summed over patients, of shapes (n, k) and (n,); k is 0 where sums will not do.

    ECE is a sum over its bins of absolute sums over patients: there k is the number of bins.
    """
    if name == "ece" and condition.bins is not None:
        gap = (condition.bins.score - condition.bins.positives)[who]
        return gap.astype(np.float32), condition.counts.units[who].astype(np.float32)
    if name in RATIOS:
        above, below = (part[who].astype(np.float32) for part in condition.counts.parts(name))
        return above[:, None], below
    return np.zeros((len(who), 0), np.float32), np.zeros(len(who), np.float32)


def _linear(
    condition: Condition, name: MetricName, who: npt.NDArray[np.intp]
) -> tuple[float, npt.NDArray[np.float32]]:
    members = np.zeros(condition.size, bool)
    members[who] = True
    figure = condition.figure(name, members)
    return figure.confidence.value, figure.influence[who].astype(np.float32)


def _auroc(
    condition: Condition, who: npt.NDArray[np.intp], chosen: npt.NDArray[np.float32]
) -> Floats:
    counts = condition.counts
    wins = np.asarray(condition.wins)[np.ix_(who, who)].astype(np.float32)
    won = np.einsum("rp,rp->r", chosen @ wins, chosen)
    own_with = (counts.tp + counts.fn)[who].astype(np.float32)
    own_without = (counts.tn + counts.fp)[who].astype(np.float32)
    return _divided(won, (chosen @ own_with) * (chosen @ own_without))


def _divided(above: npt.NDArray[np.float32], below: npt.NDArray[np.float32]) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan).astype(float)
