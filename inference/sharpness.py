"""Whether what looks lethal is made of sharp complexes on quieter ground, or of waves.

Fibrillation, flutter and most tachycardia of the ventricles are waves: the signal is on its way
all the time, and nowhere much steeper than elsewhere. QRS complexes conducted as usual are steep
for a short time, at the highest rates too, and in noise. The ratio of the steepest slope of 200 ms
to the mean one, over the ticks that look lethal, tells the two apart; it needs no R-peaks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ticks import TICK_MS

SLOPE_MS = 24
"""Over so long a slope is taken, ms: a QRS rises in 30 to 50 ms."""
SHARP = 2.7
"""Steepest slope over the mean one from which complexes are sharp; chosen on the patients of vfdb,
each left out once (``python -m training.shockable``). A sine of 5 Hz has 1.7."""
LIKELY = 1 << 13
"""Probability of VT or VF from which a tick counts, in whole numbers: a quarter."""
STEPS = 4096.0
"""Slopes are taken in so many parts of the amplitude scale, whole numbers."""
STEEPEST = (1 << 16) - 1


def slopes(scaled: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Measure the slopes within ticks.

    Parameters
    ----------
    scaled : array of shape (n, n_samples)
        Signal of some ticks over its amplitude scale.

    Returns
    -------
    steepest, mean : arrays of shape (n,)
        Parts of the scale in 24 ms, times :data:`STEPS`; whole numbers, so that no order of adding
        up shows.

    Examples
    --------
    >>> steepest, mean = slopes(np.sin(2 * np.pi * 5 * np.arange(25) / 125)[None])
    >>> round(float(steepest[0] / mean[0]), 1)
    1.7
    """
    lag = max(round(scaled.shape[1] * SLOPE_MS / TICK_MS), 1)
    step = np.minimum(np.abs(scaled[:, lag:] - scaled[:, :-lag]) * STEPS, STEEPEST)
    whole = np.rint(step).astype(np.int32)
    return whole.max(axis=1), whole.sum(axis=1, dtype=np.int32) // whole.shape[1]


def are_sharp(steepest: NDArray[np.int32], mean: NDArray[np.int32], limit: float = SHARP) -> bool:
    """Say whether ticks that look lethal hold sharp complexes.

    Parameters
    ----------
    steepest, mean : arrays of shape (n_ticks,)
        From :func:`slopes`; 0 of ticks that do not count.
    limit : float
        Of their ratio.

    Examples
    --------
    >>> are_sharp(np.array([900, 0, 1000]), np.array([200, 0, 210])), are_sharp(*np.zeros((2, 3)))
    (True, False)
    """
    return bool(steepest.sum() > limit * mean.sum())
