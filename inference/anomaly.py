"""What was not as forecast in a stream of numerics, as an alarm tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Anomaly:
    """The strangest second of an anomaly so far.

    Examples
    --------
    >>> Anomaly("SpO2", "gone", 3.61234, 2.5, None, None).to_json()["rarity"]
    3.612
    """

    channel: str
    """Channel that was strangest."""
    why: str
    """``error``: not as forecast; ``still``: stands still unlike its habit; ``gone``: no value."""
    rarity: float
    """Such a second comes once in ``10 ** rarity`` undisturbed ones."""
    limit: float
    """Rarity from which the stream is in an anomaly."""
    value: float | None
    """What the channel told then, own unit; None where nothing."""
    forecast: tuple[float, float, float] | None
    """Lowest quantile, median and highest of what had been forecast of it 10 s before, own unit;
    None where nothing was."""

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in an alarm."""
        return {
            "channel": self.channel,
            "why": self.why,
            "rarity": round(self.rarity, 3),
            "limit": round(self.limit, 4),
            "value": None if self.value is None else round(self.value, 2),
            "forecast": None if self.forecast is None else [round(v, 2) for v in self.forecast],
        }
