"""AUROC and AUPRC, exactly as units are ranked, and what each patient does to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairness.cohort import Codes, Flags, Floats, Units

BLOCK = 256
"""Negatives a block, where whole blocks are counted at once."""
MOST_BLOCKS = 3072
MOST_PATIENTS = 5000
"""Patients up to which every pair of them is kept."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Units of one condition by ascending score; all of shape (n_units,)."""

    patient: Codes
    """Patient of each unit."""
    truth: Flags
    """Whether the condition was there."""
    rank: Codes
    """Place of its score among the different scores."""

    def of(self, members: npt.NDArray[np.bool_]) -> Ranked:
        """Keep the units of some patients.

        Parameters
        ----------
        members
            Shape (n_patients,).
        """
        kept = members[self.patient]
        return Ranked(self.patient[kept], self.truth[kept], self.rank[kept])


@dataclass(frozen=True, slots=True)
class Area:
    """An AUROC, and that between patients alone."""

    value: float
    """Share of pairs of a unit with and one without the condition that are ranked rightly, ties
    counting half; ``nan`` without such pairs."""
    influence: Floats
    """Value less that without each patient, exactly; ``nan`` for a patient who alone has units
    with, or without, the condition. Shape (n_patients,)."""
    between: float
    """The same over pairs of units of two patients: pairs within one are easier, and the fewer the
    patients, the more of all pairs are of that kind."""
    between_influence: Floats
    """``between`` less that without each patient; shape (n_patients,)."""


def rank(units: Units) -> Ranked:
    """Sort a condition's units by score.

    Raises
    ------
    ValueError
        If the condition has no scores.
    """
    if units.score is None:
        raise ValueError(f"condition {units.condition} has no scores")
    order = np.argsort(units.score, kind="stable")
    score = units.score[order]
    steps = np.cumsum(np.concatenate([[0], score[1:] != score[:-1]]))
    return Ranked(units.patient[order], units.truth[order], steps.astype(np.int32))


def auroc(ranked: Ranked, n_patients: int) -> Area:
    """Give the area under the ROC curve.

    Parameters
    ----------
    ranked
        The units.
    n_patients
        Length of the influences: patients without units have 0.
    """
    truth, patient = ranked.truth, ranked.patient
    own_with = np.bincount(patient[truth], minlength=n_patients).astype(float)
    own_without = np.bincount(patient[~truth], minlength=n_patients).astype(float)
    below, with_below = _beneath(truth, ranked.rank)
    won = np.bincount(patient[truth], below[truth], minlength=n_patients).astype(float)
    above = own_with.sum() - with_below[~truth]
    lost = np.bincount(patient[~truth], above, minlength=n_patients).astype(float)
    return _area(won, lost, _own_wins(ranked, n_patients), own_with, own_without)


def auroc_of_wins(wins: Floats, own_with: Floats, own_without: Floats) -> Area:
    """Give what :func:`auroc` gives, from the pairs between patients.

    Parameters
    ----------
    wins
        As :func:`wins_between` gives it.
    own_with, own_without
        Units with and without the condition of each patient that is counted, 0 for the others;
        shape (n_patients,).
    """
    has, lacks = (own_with > 0).astype(float), (own_without > 0).astype(float)
    own = has * lacks * np.diagonal(wins)
    return _area(has * (wins @ lacks), lacks * (has @ wins), own, own_with, own_without)


def _area(won: Floats, lost: Floats, own: Floats, own_with: Floats, own_without: Floats) -> Area:
    """Put an area together from pairs ranked rightly: of each patient, against him, within him."""
    has, lacks = own_with.sum(), own_without.sum()
    every = own_with * own_without
    present = own_with + own_without > 0
    gone = own_with * lacks + own_without * has - every
    value, influence = _left_out(won.sum(), won + lost - own, has * lacks, gone, present)
    between, apart = _left_out(
        won.sum() - own.sum(),
        won + lost - 2 * own,
        has * lacks - every.sum(),
        gone - every,
        present,
    )
    return Area(value, influence, between, apart)


def _left_out(
    total: float, taken: Floats, pairs: float, gone: Floats, present: Flags
) -> tuple[float, Floats]:
    if pairs <= 0:
        return float("nan"), np.full(len(taken), np.nan)
    left = pairs - gone
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.where(left > 0.5, (total - taken) / left, np.nan)
    return float(total / pairs), np.where(present, total / pairs - without, 0.0)


def _beneath(truth: Flags, place: Codes) -> tuple[Floats, Floats]:
    """Count the units without, and with, the condition under each unit; ties count half."""
    start = np.flatnonzero(np.concatenate([[True], place[1:] != place[:-1]]))
    end = np.concatenate([start[1:], [len(place)]])
    width = end - start
    counts = []
    for kind in (~truth, truth):
        total = np.concatenate([[0], np.cumsum(kind)])
        counts.append(np.repeat((total[start] + total[end]) / 2, width))
    return counts[0], counts[1]


def _own_wins(ranked: Ranked, n_patients: int) -> Floats:
    """Count, within each patient, the pairs that are ranked rightly."""
    order = np.argsort(ranked.patient, kind="stable")
    patient, truth = ranked.patient[order], ranked.truth[order]
    place = ranked.rank[order].astype(np.int64)
    place += patient.astype(np.int64) * (int(ranked.rank.max(initial=0)) + 1)
    below, _ = _beneath(truth, place.astype(np.int64))
    before = np.concatenate([[0], np.cumsum(~truth)])
    first = before[np.searchsorted(patient, np.arange(n_patients))]
    wins = np.bincount(patient[truth], below[truth], minlength=n_patients)
    return np.asarray(wins - first * np.bincount(patient[truth], minlength=n_patients))


def auprc(ranked: Ranked, n_patients: int) -> tuple[float, Floats]:
    """Give average precision, and what each patient does to it.

    Precision at each unit with the condition, averaged; tied units are called together, as
    scikit-learn counts them. The influence is its derivative by the patient's weight, times
    P ÷ (P − 1), so that it compares with leaving the patient out: doing that exactly would need
    every patient's own ranking.

    Parameters
    ----------
    ranked
        The units.
    n_patients
        Length of the influence.

    Returns
    -------
    area
        ``nan`` without units that have the condition.
    influence
        Shape (n_patients,).
    """
    truth, patient, place = ranked.truth, ranked.patient, ranked.rank
    positives = int(truth.sum())
    if not positives:
        return float("nan"), np.full(n_patients, np.nan)
    start = np.flatnonzero(np.concatenate([[True], place[1:] != place[:-1]]))
    end = np.concatenate([start[1:], [len(place)]])
    width = end - start
    before = np.concatenate([[0], np.cumsum(truth)])
    called, found = (len(place) - start).astype(float), (positives - before[start]).astype(float)
    if len(start) < len(place):
        called, found = np.repeat(called, width), np.repeat(found, width)
    precision = found / called
    area = precision[truth].sum() / positives
    gain = _up_to(np.where(truth, 1 / called, 0.0), end, width)
    loss = _up_to(np.where(truth, precision / called, 0.0), end, width)
    effect = np.where(truth, precision - area + gain, 0.0) - loss
    influence = np.bincount(patient, effect / positives, minlength=n_patients)
    n = int((np.bincount(patient) > 0).sum())
    return float(area), np.asarray(influence * (n / (n - 1) if n > 1 else 1.0))


def _up_to(values: Floats, end: npt.NDArray[np.intp], width: npt.NDArray[np.intp]) -> Floats:
    """Sum values over all units that score no more than each unit."""
    total = np.cumsum(values)
    return total if len(end) == len(total) else np.repeat(total[end - 1], width)


def wins_between(ranked: Ranked, n_patients: int) -> Floats:
    """Count the pairs that are ranked rightly between every two patients.

    With it the AUROC of any group, and of any draw of patients, is a product of matrices.

    Parameters
    ----------
    ranked
        The units.
    n_patients
        At most :data:`MOST_PATIENTS`.

    Returns
    -------
    Floats
        Pairs of a unit of the row's patient with the condition, above one of the column's without
        it, ties counting half; shape (n_patients, n_patients).
    """
    truth, place = ranked.truth, ranked.rank
    above, under = ranked.patient[truth], ranked.patient[~truth]
    block = max(BLOCK, -(-len(under) // MOST_BLOCKS))
    edges = np.arange(0, len(under) + 1, block)
    cumulated = np.zeros((len(edges), n_patients))
    for row in range(1, len(edges)):
        part = under[edges[row - 1] : edges[row]]
        cumulated[row] = cumulated[row - 1] + np.bincount(part, minlength=n_patients)
    wins = np.zeros(n_patients * n_patients)
    strictly, at_most = (
        np.searchsorted(place[~truth], place[truth], side) for side in ("left", "right")
    )
    tied = bool((strictly != at_most).any())
    reached = np.zeros((n_patients, len(edges)))
    for beneath in (strictly, at_most) if tied else (strictly,):
        cell = above.astype(np.int64) * len(edges) + beneath // block
        reached += np.bincount(cell, minlength=reached.size).reshape(reached.shape)
        _add_rest(wins, above, under, beneath, block, n_patients)
    if tied:
        wins, reached = wins / 2, reached / 2
    return wins.reshape(n_patients, n_patients) + reached @ cumulated


def _add_rest(
    wins: Floats,
    above: Codes,
    under: Codes,
    beneath: npt.NDArray[np.intp],
    block: int,
    n_patients: int,
) -> None:
    """Add the pairs with the negatives between the last whole block and each positive."""
    rest = beneath % block
    step = max(1, (1 << 22) // block)
    for first in range(0, len(above), step):
        width = rest[first : first + step]
        ends = np.cumsum(width)
        if not len(ends) or not ends[-1]:
            continue
        offset = np.arange(ends[-1]) - np.repeat(ends - width, width)
        column = under[np.repeat(beneath[first : first + step] - width, width) + offset]
        row = np.repeat(above[first : first + step].astype(np.int64), width)
        wins += np.bincount(row * n_patients + column, minlength=len(wins))
