"""Weights of the quality index, fitted by maximum likelihood."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.quality_index import QualityModel
from training.signal_quality.marked import Mark, MarkedLead

FOLDS = 5
"""Parts into which patients are dealt to be left out."""
RIDGE = 1e-4
"""Weight of the squared weights beside the mean log likelihood: keeps them from running away."""


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """The counted ticks of all leads, in parallel arrays."""

    features: NDArray[np.float32]
    """Array of shape (n_ticks, n_features)."""
    rough: NDArray[np.float32]
    """Array of shape (n_ticks,): least roughness over the scale."""
    moves: NDArray[np.float32]
    """Array of shape (n_ticks,): largest excursion over the scale."""
    mark: NDArray[np.int8]
    """Array of shape (n_ticks,): :class:`~training.signal_quality.marked.Mark`."""
    patient: NDArray[np.str_]
    """Array of shape (n_ticks,)."""
    database: NDArray[np.str_]
    """Array of shape (n_ticks,)."""

    @classmethod
    def of(cls, leads: Sequence[MarkedLead]) -> Ticks:
        """Gather them."""
        n = [int(lead.counted.sum()) for lead in leads]
        return cls(
            np.concatenate([lead.features[lead.counted] for lead in leads]),
            np.concatenate([lead.rough[lead.counted] for lead in leads]),
            np.concatenate([lead.moves[lead.counted] for lead in leads]),
            np.concatenate([lead.mark[lead.counted] for lead in leads]),
            np.repeat([lead.patient for lead in leads], n),
            np.repeat([lead.database for lead in leads], n),
        )

    def where(self, chosen: NDArray[np.bool_]) -> Ticks:
        """Return those ticks that are chosen."""
        return Ticks(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def noisy(self) -> NDArray[np.bool_]:
        """Array of shape (n_ticks,): marked as noise."""
        return np.asarray(self.mark == Mark.NOISE)

    @property
    def fold(self) -> NDArray[np.int64]:
        """Array of shape (n_ticks,): the part in which the patient is left out."""
        names, place = np.unique(self.patient, return_inverse=True)
        dealt = np.array([zlib.crc32(str(name).encode()) % FOLDS for name in names])
        return dealt[place]


def weigh(ticks: Ticks) -> NDArray[np.float64]:
    """Give each database half its weight for noise and half for the rest, long patients less.

    Returns
    -------
    array of shape (n_ticks,)
        1 on average.
    """
    kinds = np.char.add(ticks.patient, ticks.noisy.astype(np.str_))
    _, place, count = np.unique(kinds, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(count[place])
    for database in np.unique(ticks.database):
        for noisy in (False, True):
            own = (ticks.database == database) & (ticks.noisy == noisy)
            weights[own] /= max(weights[own].sum(), 1e-9)
    return np.asarray(weights * len(weights) / weights.sum())


def fit(features: NDArray[np.float32], noisy: NDArray[np.bool_], weights: NDArray[np.float64],
        noisy_below: float = 0.0) -> QualityModel:  # fmt: skip
    """Fit the weights.

    Parameters
    ----------
    features : array of shape (n_ticks, n_features)
        See :mod:`inference.quality_index`.
    noisy, weights : arrays of shape (n_ticks,)
        Truth, and how much each counts.
    noisy_below : float
        Threshold of the model.
    """
    halves = np.maximum(np.median(features[~noisy], axis=0), 1e-4).astype(np.float64)
    squashed = features / (features + halves)
    design = np.concatenate([squashed, np.ones((len(noisy), 1))], axis=1)
    sign = np.where(noisy, 1.0, -1.0)
    total = weights.sum()

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = design @ w / 2
        root = np.sqrt(1 + z * z)
        right = np.maximum(0.5 + 0.5 * sign * z / root, 1e-9)
        slope = -weights * sign * 0.25 / (root**3 * right)
        value = -(weights * np.log(right)).sum() / total + RIDGE * float(w @ w)
        return float(value), slope @ design / total + 2 * RIDGE * w

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x
    return QualityModel(
        tuple(float(f"{half:.4g}") for half in halves),
        tuple(float(f"{weight:.4g}") for weight in found[:-1]),
        float(f"{found[-1]:.4g}"),
        noisy_below,
    )


def left_out(ticks: Ticks) -> NDArray[np.float32]:
    """Score each tick by weights that were fitted without its patient.

    Returns
    -------
    array of shape (n_ticks,)
        Quality index.
    """
    fold = ticks.fold
    scores = np.zeros(len(fold), np.float32)
    for k in range(FOLDS):
        out = fold == k
        if out.any():
            known = ticks.where(~out)
            model = fit(known.features, known.noisy, weigh(known))
            scores[out] = model.index(ticks.features[out].T)
    return scores
