"""Intervals by drawing patients with replacement, and for proportions that have no spread."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ingest.errors import InputError

Each = TypeVar("Each")

RESAMPLES = 2000
"""Draws where none are asked for."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval, in the unit of what it is of."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""


def patient_interval(
    items: Sequence[Each],
    patient: Callable[[Each], Hashable],
    statistic: Callable[[Sequence[Each]], float | None],
    *,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """Give an interval of any figure, its patients drawn with replacement.

    Parameters
    ----------
    items : sequence
        Records, say.
    patient : callable
        Tells whose an item is.
    statistic : callable
        The figure of some items; None or NaN where it is not defined.
    resamples, confidence, seed
        How often to draw, the share of the draws within, and the random numbers.

    Returns
    -------
    Interval or None
        None with fewer than two patients, where the figure was never defined, or where
        all draws agree: that no patient differed from the others in so few is no
        certainty.

    Raises
    ------
    InputError
        If ``resamples`` is below 1 or ``confidence`` not between 0 and 1.

    Examples
    --------
    >>> patient_interval([0, 0, 1, 1], lambda item: item, lambda items: sum(items) / len(items))
    Interval(low=0.0, high=1.0)
    """
    if resamples < 1 or not 0 < confidence < 1:
        raise InputError("a bootstrap needs at least 1 resample and a confidence between 0 and 1")
    by_patient: dict[Hashable, list[Each]] = {}
    for item in items:
        by_patient.setdefault(patient(item), []).append(item)
    groups = list(by_patient.values())
    if len(groups) < 2:
        return None
    rng = np.random.default_rng(seed)
    values = []
    for drawn in rng.integers(0, len(groups), (resamples, len(groups))):
        value = statistic([item for i in drawn.tolist() for item in groups[i]])
        if value is not None and np.isfinite(value):
            values.append(value)
    if not values:
        return None
    tail = 50 * (1 - confidence)
    low, high = np.percentile(values, [tail, 100 - tail])
    return None if low == high else Interval(float(low), float(high))
