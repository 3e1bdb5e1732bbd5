"""A stretch of signal that an alarm shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A stretch of conditioned signal, and what was found in it."""

    begin_ms: int
    """Begin on the stream's clock, ms."""
    fs: int
    """Sampling frequency, Hz."""
    samples_uv: NDArray[np.int16]
    """Array of shape (n_samples,): about the baseline, uV; beyond 32.767 mV the limit."""
    quality: tuple[float, ...]
    """Quality index of each tick, 0 to 1."""
    beats: tuple[tuple[int, str], ...]
    """R-peaks, ms, and AAMI classes of the beats that were decided by then, oldest first."""
