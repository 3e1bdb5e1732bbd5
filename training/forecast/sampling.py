"""Scheduled sampling: how often a decoder is told the truth while it learns (Bengio et al. 2015).

With teacher forcing a decoder always reads the true value before; in use it reads its own
forecast. A schedule leads it from the one to the other.
"""

from __future__ import annotations

import math

SCHEDULES = ("teacher", "linear", "exponential", "inverse-sigmoid", "free")
"""``teacher`` always tells the truth, ``free`` never; the others decay from one to the other."""
LINEAR_END = 0.8
"""Share of the run after which the linear schedule is at zero."""
EXPONENTIAL_BASE = 0.01
"""What the exponential schedule has fallen to at the end of the run."""
SIGMOID_K, SIGMOID_SPAN = 10.0, 60.0
"""``k / (k + exp(i / k))`` with ``i`` from 0 to this: one half after 0.38 of the run."""


def truth_share(schedule: str, progress: float) -> float:
    """Chance that a decoder's input is the true value, not its own forecast.

    Parameters
    ----------
    schedule : str
        One of ``SCHEDULES``.
    progress : float
        Share of the run that is done, 0 to 1.

    Raises
    ------
    ValueError
        If there is no such schedule.

    Examples
    --------
    >>> [round(truth_share("linear", p), 2) for p in (0.0, 0.4, 1.0)]
    [1.0, 0.5, 0.0]
    >>> [round(truth_share("inverse-sigmoid", p), 2) for p in (0.0, 0.38, 1.0)]
    [0.91, 0.51, 0.02]
    """
    if schedule == "teacher":
        return 1.0
    if schedule == "free":
        return 0.0
    if schedule == "linear":
        return max(0.0, 1 - progress / LINEAR_END)
    if schedule == "exponential":
        return float(EXPONENTIAL_BASE**progress)
    if schedule == "inverse-sigmoid":
        return SIGMOID_K / (SIGMOID_K + math.exp(progress * SIGMOID_SPAN / SIGMOID_K))
    raise ValueError(f"schedule is {schedule!r}; allowed: {', '.join(SCHEDULES)}")
