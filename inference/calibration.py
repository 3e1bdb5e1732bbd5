"""From a score to how rare it is, and from there to an alarm: tables that were learned beforehand.

Each component of a score is put on one scale, the common logarithm of how rarely it is reached
in undisturbed patients (``1 in 10^score`` of the time), by a table. The stream's score is the
largest. The limits are conformal: chosen so that patients never learned from have as many false
alarms as was asked for (:mod:`training.forecast.conformal`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError

KEY = "calibration"
"""Key of a model's metadata."""
BEYOND = 3.0
"""What a score beyond all that was seen gains at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What turns component scores into one score."""

    rarity: NDArray[np.float64]
    """Array of shape (n_levels,): rising, 0 first; ``1 in 10^rarity``."""
    reached: NDArray[np.float64]
    """Array of shape (n_components, n_levels): component scores of that rarity, rising."""
    limits: Mapping[str, float]
    """Limit of the score, by how many false alarms an hour were asked for."""

    def rarities(self, scores: NDArray[np.floating]) -> NDArray[np.float32]:
        """Put every component on the common scale.

        Parameters
        ----------
        scores : array of shape (n_rows, n_components)
            NaN where a component says nothing.

        Returns
        -------
        array of that shape
            0 where a component says nothing.
        """
        out = np.zeros(scores.shape, np.float32)
        for column, levels in enumerate(self.reached):
            score = scores[:, column].astype(np.float64)
            over = np.clip(score / max(levels[-1], 1e-6) - 1, 0, BEYOND)
            rarity = _rarity(score, levels, self.rarity) + over
            out[:, column] = np.where(np.isnan(score), 0.0, rarity)
        return out

    def score(self, scores: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the largest rarity of each row, shape (n_rows,)."""
        return np.asarray(self.rarities(scores).max(axis=1))

    def to_json(self) -> str:
        """Return it as what stands in a model's metadata."""
        return json.dumps(
            {
                "rarity": [round(float(v), 4) for v in self.rarity],
                "reached": [[float(f"{v:.6g}") for v in row] for row in self.reached],
                "limits": {key: round(float(v), 4) for key, v in self.limits.items()},
            }
        )

    @classmethod
    def of(cls, metadata: Mapping[str, str], n_components: int, name: str) -> Calibration:
        """Read it from a model's metadata.

        Raises
        ------
        ingest.errors.InputError
            If it is not there, or does not fit.
        """
        try:
            told: Any = json.loads(metadata.get(KEY, ""))
            rarity = np.array(told["rarity"], np.float64)
            reached = np.array(told["reached"], np.float64)
            limits = {str(key): float(value) for key, value in told["limits"].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"model {name}: metadata {KEY!r} is not a calibration: {error}; "
                "python -m training.forecast.calibrated writes one"
            ) from error
        fits = rarity.ndim == 1 and reached.shape == (n_components, len(rarity)) and limits
        if not fits or not (np.diff(reached) >= 0).all() or not (np.diff(rarity) > 0).all():
            raise InputError(
                f"model {name}: metadata {KEY!r} must hold rising tables of {n_components} "
                "components, and limits"
            )
        return cls(rarity, reached, limits)


def _rarity(
    score: NDArray[np.float64], levels: NDArray[np.float64], rarity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate between levels; of several equal ones the least rare counts.

    Examples
    --------
    >>> levels, rarity = np.array([0.0, 0.0, 2.0]), np.array([0.0, 1.0, 2.0])
    >>> _rarity(np.array([0.0, 1.0, 9.0]), levels, rarity).tolist()
    [0.0, 1.5, 2.0]
    """
    after = np.searchsorted(levels, score, side="left")
    upper = np.minimum(after, len(levels) - 1)
    lower = np.maximum(upper - 1, 0)
    gap = levels[upper] - levels[lower]
    share = np.clip((score - levels[lower]) / np.where(gap > 0, gap, 1), 0, 1)
    between = rarity[lower] + share * (rarity[upper] - rarity[lower])
    below: NDArray[np.float64] = np.where(after == 0, rarity[0], between)
    return np.where(after == len(levels), rarity[-1], below)
