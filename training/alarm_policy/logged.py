"""Trials as a ward would log them: a choice drawn a stretch, and what came of that choice alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.alarm_policy.choices import CHOICES
from training.alarm_policy.trials import MISSED, Heard, costs, features


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """Stretches of many patients, in their order."""

    patient: NDArray[np.str_]
    """Array of shape (n,): the person."""
    features: NDArray[np.float64]
    """Array of shape (n, n_features): what was known beforehand."""
    chosen: NDArray[np.intp]
    """Array of shape (n,): the choice in force."""
    propensity: NDArray[np.float64]
    """Array of shape (n,): how probable that choice was."""
    cost: NDArray[np.float64]
    """Array of shape (n,): what it cost."""
    would: NDArray[np.float64]
    """Array of shape (n, n_choices): what each choice would have cost. No ward knows this: it is
    kept to hold the estimates against, and nothing learns from it."""

    def of(self, rows: NDArray[np.bool_]) -> Log:
        """Return some of the stretches."""
        return Log(*(getattr(self, name)[rows] for name in self.__slots__))


def draw_log(records: Sequence[Heard], seed: int, missed: float = MISSED) -> Log:
    """Let the behaviour policy choose: each choice as probable as any other, anew each stretch.

    Parameters
    ----------
    records : sequence of Heard
        The records.
    seed : int
        Of the choices.
    missed : float
        As for :func:`training.alarm_policy.trials.costs`.
    """
    rng = np.random.default_rng(seed)
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for heard in records:
        would, counts = costs(heard, missed)
        n = len(would)
        chosen = rng.integers(0, len(CHOICES), n)
        parts.append(
            (
                np.full(n, heard.patient),
                features(heard, chosen, counts),
                chosen,
                np.full(n, 1 / len(CHOICES)),
                would[np.arange(n), chosen],
                would,
            )
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Log(*columns)
