"""A straight axis: where a figure stands on it, and where its ticks are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of figures laid on a stretch of the page."""

    low: float
    """Figure at ``start``."""
    high: float
    """Figure at ``end``."""
    start: float
    """Place of ``low``, px."""
    end: float
    """Place of ``high``, px."""

    def at(self, value: float) -> float:
        """Return the place of a figure; one beyond the ends is put on the end.

        Examples
        --------
        >>> Axis(0, 1, 10, 110).at(0.25), Axis(0, 1, 10, 110).at(7.0)
        (35.0, 110.0)
        """
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Return round figures on it, about so many or more.

        Examples
        --------
        >>> Axis(-0.03, 0.03, 0, 1).ticks(3)
        [-0.025, 0.0, 0.025]
        """
        step = _round_step((self.high - self.low) / max(wanted - 1, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def span(
    values: Iterable[float], *, least: float, floor: float, ceiling: float
) -> tuple[float, float]:
    """Return ends that hold all finite values with some room, at least ``least`` apart.

    Examples
    --------
    >>> span([0.9, 0.99, float("nan")], least=0.01, floor=0.0, ceiling=1.0)
    (0.8928, 0.9972)
    """
    known = [v for v in values if math.isfinite(v)]
    low, high = (min(known), max(known)) if known else (0.0, least)
    short = max(least - (high - low), 0.0)
    room = 0.08 * (high - low) + short / 2
    low, high = max(low - room, floor), min(high + room, ceiling)
    if high - low < least:
        low, high = (low, low + least) if low + least <= ceiling else (high - least, high)
    return round(low, 12), round(high, 12)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(m * power for m in (5, 2.5, 2, 1) if m * power <= rough * 1.001))
