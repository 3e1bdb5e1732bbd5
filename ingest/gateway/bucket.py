"""A token bucket: how much of the backlog may go now."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Lets a rate through, and a burst after a rest.

    Parameters
    ----------
    rate : float
        Bytes a second.
    burst : float
        Most bytes at once.
    clock : callable
        Monotonic time, s.

    Examples
    --------
    >>> now = [0.0]
    >>> bucket = TokenBucket(100.0, 50.0, lambda: now[0])
    >>> bucket.spend(80)
    >>> bucket.available, bucket.wait_s(20)
    (-30.0, 0.5)
    >>> now[0] = 10.0
    >>> bucket.available
    50.0
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at_s = burst, clock()

    @property
    def available(self) -> float:
        """Bytes that may go; below 0 where more went than was there."""
        now_s = self._clock()
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        return self._tokens

    def spend(self, n_bytes: int) -> None:
        """Take so many out."""
        self._tokens = self.available - n_bytes

    def wait_s(self, n_bytes: int) -> float:
        """Return how long until so many are there, s."""
        return max(0.0, (min(n_bytes, self._burst) - self.available) / self._rate)
