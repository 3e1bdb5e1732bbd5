"""What one run of an arm gave, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.ticks import AAMI, F, Q
from training.crossval import LeftOut

THRESHOLD = 0.5
"""Threshold of V and of S for every arm: none is chosen on what it is judged by."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a procedure gives back."""

    scored: Sequence[LeftOut]
    """Patients left out; none where beats are not told one by one."""
    n_parameters: int
    """Numbers that were learned and are not zero."""
    training_s: float
    """CPU time of the fit, s, what was drawn and shared not counted."""
    macs_a_beat: float | None = None
    """Multiply-adds a beat on average, where they are not those of the exported graph."""
    further: Mapping[str, float] = field(default_factory=dict)
    """Figures of the arm's own, by name."""


def confusion(scored: Sequence[LeftOut]) -> NDArray[np.int64]:
    """Count beats, shape (5 reference classes, 5 called classes)."""
    counts = np.zeros((len(AAMI), len(AAMI)), np.int64)
    for record in scored:
        np.add.at(counts, (record.aami, record.called(THRESHOLD, THRESHOLD)), 1)
    return counts


def f1_of(counts: NDArray[np.int64], positive: int) -> float:
    """F1 of one class in percent; F beats called V and Q beats are not held against it (EC57).

    Examples
    --------
    >>> counts = np.zeros((5, 5), np.int64)
    >>> counts[2, 2], counts[2, 0], counts[0, 2], counts[3, 2] = 8, 2, 2, 5
    >>> f1_of(counts, 2)
    80.0
    """
    hit = int(counts[positive, positive])
    missed = int(counts[positive].sum()) - hit
    false = int(counts[:, positive].sum()) - hit - int(counts[[F, Q], positive].sum())
    return 100 * 2 * hit / max(2 * hit + missed + false, 1)
