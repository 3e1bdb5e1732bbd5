"""What a forecaster's metadata says about its forecasts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from inference.model import ModelInfo
from ingest.errors import InputError

_CLASS = re.compile(r"(?P<channel>.+) \+(?P<ahead_s>[0-9.]+)s q(?P<quantile>[0-9.]+)")


@dataclass(frozen=True, slots=True)
class ForecastInfo:
    """The axes of a forecast of shape (n_steps_ahead, n_channels, n_quantiles)."""

    channels: tuple[str, ...]
    """Channel names."""
    ahead_s: tuple[float, ...]
    """How far ahead each step lies, s."""
    quantiles: tuple[float, ...]
    """Quantiles, rising; the middle one is the median."""

    def classes(self) -> tuple[str, ...]:
        """Name every number of a forecast, in the order of the model's output.

        Examples
        --------
        >>> ForecastInfo(("HR",), (10.0,), (0.05, 0.5)).classes()
        ('HR +10s q0.05', 'HR +10s q0.5')
        """
        return tuple(
            f"{channel} +{ahead:g}s q{quantile:g}"
            for ahead in self.ahead_s
            for channel in self.channels
            for quantile in self.quantiles
        )

    @classmethod
    def of(cls, info: ModelInfo) -> ForecastInfo:
        """Read it from a model's classes.

        Raises
        ------
        ingest.errors.InputError
            If they do not name a whole forecast.

        """
        matches = [_CLASS.fullmatch(name) for name in info.classes]
        found = [match for match in matches if match is not None]
        ahead = _unique([float(match["ahead_s"]) for match in found])
        quantiles = _unique([float(match["quantile"]) for match in found])
        told = cls(info.leads, ahead, quantiles)
        if told.classes() != info.classes or len(quantiles) % 2 == 0:
            raise InputError(
                f"model {info.name}: metadata 'classes' of kind 'forecast' must name each channel "
                "at each step ahead with each quantile, such as 'HR +10s q0.5', "
                "an odd number of quantiles"
            )
        return told


def _unique(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(dict.fromkeys(values))
