"""Says when a worker falls behind, and when it has caught up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from deploy.notify import Notice, notice_of_technical
from inference.recovery_metrics import RecoveryMetrics

logger = logging.getLogger(__name__)

CAUGHT_UP = 0.5
"""Share of the limit that the lag must come below to be over."""


class LagWatch:
    """Raises and ends a technical alarm of lag.

    Parameters
    ----------
    limit_s : float
        Lag above which it is raised, s; ended below half of it.
    metrics : RecoveryMetrics
        Where ``vigil_behind`` stands.
    who : str
        Name of the worker.
    tell : callable, optional
        Is given the notices.
    wall_clock : callable
        UTC in s since 1970.
    """

    def __init__(
        self,
        limit_s: float,
        metrics: RecoveryMetrics,
        who: str,
        tell: Callable[[Notice], None] | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._limit_s, self._metrics, self._who = limit_s, metrics, who
        self._tell, self._wall_clock = tell, wall_clock
        self.is_behind = False

    def note(self, lag_s: float) -> None:
        """Take the lag as it is now, s."""
        if not self.is_behind and lag_s > self._limit_s:
            logger.error("behind: what is scored is %.1f s old, limit %g s", lag_s, self._limit_s)
            self._change(True, lag_s)
        elif self.is_behind and lag_s < CAUGHT_UP * self._limit_s:
            logger.warning("caught up: what is scored is %.1f s old", lag_s)
            self._change(False, lag_s)

    def _change(self, is_behind: bool, lag_s: float) -> None:
        self.is_behind = is_behind
        self._metrics.behind.set(is_behind)
        if self._tell is not None:
            state, at_ms = "raised" if is_behind else "ended", round(self._wall_clock() * 1000)
            self._tell(notice_of_technical("lag", state, self._who, at_ms, lag_s=round(lag_s, 1)))
