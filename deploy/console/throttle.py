"""How often something may be tried: a bucket of tries for each key, filled slowly."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEYS = 10_000
"""Keys remembered; those not tried for longest are forgotten."""


class Throttle:
    """Allows some tries at once, then one every few seconds.

    Parameters
    ----------
    tries : int
        Tries at once.
    every_s : float
        Time that gives one more, s.
    clock_s : callable
        Monotonic time, s.

    Examples
    --------
    >>> throttle = Throttle(2, 10.0, clock_s=iter([0.0, 0.0, 0.0, 10.0]).__next__)
    >>> [throttle.wait_s("nurse 7") for _ in range(4)]
    [0.0, 0.0, 10.0, 0.0]
    """

    def __init__(
        self, tries: int, every_s: float, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._tries, self._every_s, self._clock_s = tries, every_s, clock_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: str) -> float:
        """Take one try; 0 where it is allowed, else how long to wait, s."""
        now_s = self._clock_s()
        with self._lock:
            left, at_s = self._left.pop(key, (float(self._tries), now_s))
            left = min(left + (now_s - at_s) / self._every_s, self._tries)
            allowed = left >= 1
            left -= allowed
            self._left[key] = left, now_s
            while len(self._left) > MOST_KEYS:
                self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) * self._every_s
