"""Rates of groups of patients under two systems, from the same draws of patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.ec57.bootstrap import draw_patients, drawn_rates
from training.ec57.tally import Tally, gross_sveb_tally, veb_tally

KINDS: Mapping[str, Callable[[NDArray[np.int64]], Tally]] = {
    "veb": veb_tally,
    "sveb": gross_sveb_tally,
}
"""Ventricular and supraventricular ectopic beats, as EC57 counts them."""
RATES = ("se", "ppv", "f1")
RESAMPLES = 10_000
"""Draws of patients."""
N_CLASSES = 5

Counts = Mapping[str, NDArray[np.int64]]
"""Confusion of each patient by patient, (5 reference classes, 5 called classes), beats."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Told:
    """A figure with its interval; None where it is not defined."""

    value: float | None
    """The figure, percent or points of percent."""
    low: float | None
    """Lower end of its 95 % interval."""
    high: float | None
    """Upper end."""
    defined: float
    """Share of the draws in which it is defined."""

    @classmethod
    def of(cls, value: float, draws: Array) -> Told:
        """Take the percentiles of a figure's draws; those not defined do not count."""
        known = draws[np.isfinite(draws)]
        if not np.isfinite(value) or not len(known):
            return cls(None, None, None, len(known) / max(len(draws), 1))
        low, high = np.percentile(known, [2.5, 97.5])
        return cls(float(value), float(low), float(high), len(known) / len(draws))


def tallies(counts: Counts, patients: Sequence[str], kind: str) -> Array:
    """Count beats found, missed and falsely told of each patient.

    Returns
    -------
    array of shape (n_patients, 3)
    """
    rows = []
    for patient in patients:
        whole = np.zeros((7, 7), np.int64)
        whole[:N_CLASSES, :N_CLASSES] = counts[patient]
        tally = KINDS[kind](whole)
        rows.append((tally.tp_se, tally.fn, tally.fp))
    return np.array(rows, np.float64).reshape(-1, 3)


def group_rates(
    counts: Counts, patients: Sequence[str], kind: str, seed: int = 0
) -> dict[str, tuple[float, Array]]:
    """Give gross rates of a group, and of draws of its patients.

    Parameters
    ----------
    counts : Counts
    patients : sequence of str
        The group, in an order that is the same for every system.
    kind : {"veb", "sveb"}
    seed : int
        The same seed and group give the same draws.

    Returns
    -------
    dict of rate to (figure, array of shape (RESAMPLES,)), percent
    """
    table = tallies(counts, patients, kind)
    draws = draw_patients(len(patients), RESAMPLES, seed)
    drawn = drawn_rates(draws, table)
    once = drawn_rates(np.ones((1, len(patients)), np.int64), table)
    return {name: (float(once[name][0]), drawn[name]) for name in RATES}


def change(before: tuple[float, Array], after: tuple[float, Array]) -> Told:
    """Give the paired change of a rate, points of percent.

    Parameters
    ----------
    before, after : (figure, array of shape (n_draws,))
        From :func:`group_rates` with the same patients and seed.
    """
    return Told.of(after[0] - before[0], after[1] - before[1])


def worst_of(rates: Sequence[tuple[float, Array]]) -> tuple[float, Array]:
    """Take the worst of several groups, in the figures and in each draw.

    Parameters
    ----------
    rates : sequence of (figure, array of shape (n_draws,))
        One rate of each group.
    """
    return min(one[0] for one in rates), np.min(np.stack([one[1] for one in rates]), axis=0)


def p_value(draws: Array) -> float:
    """Two-sided bootstrap p of a change against none; 1 where it is never defined.

    Examples
    --------
    >>> p_value(np.full(999, 2.0))
    0.002
    """
    known = draws[np.isfinite(draws)]
    if not len(known):
        return 1.0
    tail = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (len(known) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for how many they are (Holm, Scand. J. Statist. 6, 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    n, adjusted, running = len(p_values), [0.0] * len(p_values), 0.0
    for rank, at in enumerate(np.argsort(p_values, kind="stable")):
        running = max(running, min(1.0, (n - rank) * p_values[at]))
        adjusted[at] = running
    return adjusted
