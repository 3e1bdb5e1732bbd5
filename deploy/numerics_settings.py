"""The table ``[numerics]`` of a monitor's settings."""

from __future__ import annotations

from pydantic import Field

from deploy.section import Section


class NumericsSettings(Section):
    """Whether streams without an ECG are forecast (heart rate, SpO2 … at 1 Hz), and how."""

    enabled: bool = False
    """Whether they are; else their frames are counted and passed over."""
    false_alarms_per_h: float = Field(default=4.0, gt=0)
    """False alarms an hour and stream that are asked for: one of those that the forecaster was
    calibrated for."""
    share: float | None = Field(default=None, gt=0, lt=1)
    """Share of its time in which a stream may reach a limit that follows it; none: the limit
    stands where it was calibrated."""

    @property
    def asked(self) -> str:
        """The false alarms asked for, as a forecaster names its limits."""
        return f"{self.false_alarms_per_h:g}"
