"""Evidence that a mean lies above a bound: a bet that can be looked at after every draw.

The wealth of a gambler who bets on draws from ``[0, 1]`` that their mean is above ``bound`` is a
nonnegative supermartingale wherever it is not, so that by Ville's inequality it ever reaches
``1 / alpha`` with a chance of at most ``alpha``: however often, and whenever, one looks
(Waudby-Smith and Ramdas, J. R. Stat. Soc. B 86(1), 2024, "Estimating means of bounded random
variables by betting"). The draws' law may be anything; only their mean, given what came before,
counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STAKES = 16
"""Bets that are held side by side, from timid to bold; their mean is the wealth."""
BOLDEST = 0.9
"""Share of what could be lost in a draw that the boldest bet stakes; below 1: none is ruined."""
EPOCH = 25
"""Draws after which the gambler also begins afresh, with part of the capital: what drifts late is
found nearly as soon as what was wrong from the beginning."""


class Evidence:
    """Evidence against a mean of at most ``bound``, of draws that come one by one.

    The capital of 1 is dealt out beforehand over beginnings ``EPOCH`` draws apart,
    ``1/k - 1/(k+1)`` to the k-th: what is not yet at stake is kept, so that the sum stays a
    supermartingale.

    Parameters
    ----------
    bound : float
        Between 0 and 1.

    Examples
    --------
    >>> fair, loaded = Evidence(0.5), Evidence(0.5)
    >>> for _ in range(30):
    ...     fair.add(0.5)
    ...     loaded.add(0.9)
    >>> round(fair.value, 6), loaded.value > 1000
    (1.0, True)
    """

    def __init__(self, bound: float) -> None:
        if not 0 < bound < 1:
            raise ValueError(f"bound must be between 0 and 1, not {bound}")
        self.bound = bound
        self.n = 0
        """Draws so far."""
        self._stakes = BOLDEST / bound * np.arange(1, STAKES + 1) / STAKES
        self._wealth: NDArray[np.float64] = np.empty((0, STAKES))

    def add(self, draw: float) -> None:
        """Take one draw, between 0 and 1."""
        if not 0 <= draw <= 1:
            raise ValueError(f"a draw must be 0 to 1, not {draw}")
        if self.n % EPOCH == 0:
            begun = len(self._wealth) + 1
            fresh = np.full((1, STAKES), (1 / begun - 1 / (begun + 1)) / STAKES)
            self._wealth = np.concatenate([self._wealth, fresh])
        self._wealth *= 1 + self._stakes * (draw - self.bound)
        self.n += 1

    @property
    def value(self) -> float:
        """Wealth, 1 at the beginning; chance takes it to ``1 / alpha`` at most ``alpha`` often."""
        return float(self._wealth.sum() + 1 / (len(self._wealth) + 1))
