"""What a detector is: it learns from undisturbed patients, and scores each second causally."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.forecast.series import SensorSeries

Scores = NDArray[np.float32]
"""Array of shape (n_steps, n_components): the more, the stranger; NaN where nothing is said."""


class Detector(Protocol):
    """Scores series; a score at a step uses nothing behind that step."""

    name: str
    """What tables call it."""

    def fit(self, series: Sequence[SensorSeries]) -> None:
        """Learn what is usual."""

    def scores(self, series: Sequence[SensorSeries]) -> list[Scores]:
        """Score each series."""
