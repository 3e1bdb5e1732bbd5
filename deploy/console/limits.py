"""Which alarm limits are in force for a patient, and how the console knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from inference.limits import Limits
from inference.profiles import PRESETS, Profile


class Known(StrEnum):
    """How a limit is known."""

    SET = "set"
    """Somebody selected it for this patient."""
    TOLD = "told"
    """The monitor told it with an alarm of this patient."""
    CONFIGURED = "configured"
    """It stands in the monitor's settings, which the console was given."""
    PROFILE = "profile"
    """It is the preset of the profile that the monitor told with an alarm."""
    ASSUMED = "assumed"
    """Nothing was told: it is an adult's."""


@dataclass(slots=True)
class ToldLimits:
    """What alarms of one patient told of the limits they were raised by."""

    profile: str | None = None
    """Profile that the monitor works by."""
    values: dict[str, float] = field(default_factory=dict)
    """Limits by name, as last told."""

    def take(self, alarm: Mapping[str, Any]) -> None:
        """Take in one alarm.

        Examples
        --------
        >>> told = ToldLimits()
        >>> told.take({"profile": "neonatal", "limits": {"asystole_s": 3.0}})
        >>> told.profile, told.values
        ('neonatal', {'asystole_s': 3.0})
        """
        self.profile = alarm.get("profile") or self.profile
        self.values |= {name: float(value) for name, value in (alarm.get("limits") or {}).items()}


def in_force(
    name: str, selected: Mapping[str, float], told: ToldLimits, configured: Limits | None
) -> tuple[float, Known]:
    """Return the value of one limit, and how it is known.

    Parameters
    ----------
    name : str
        Limit.
    selected : mapping
        Limits that people selected for this patient.
    told : ToldLimits
        What alarms told.
    configured : Limits, optional
        What the monitor is set to, where the console knows.

    Examples
    --------
    >>> value, known = in_force("tachycardia_bpm", {}, ToldLimits("neonatal"), None)
    >>> value, known.value
    (180.0, 'profile')
    """
    if name in selected:
        return float(selected[name]), Known.SET
    if name in told.values:
        return told.values[name], Known.TOLD
    if configured is not None:
        return float(getattr(configured, name)), Known.CONFIGURED
    if told.profile in set(Profile):
        preset = PRESETS[Profile(told.profile)].get(name)
        value = _adult(name) if preset is None else preset.value
        return value, Known.PROFILE
    return _adult(name), Known.ASSUMED


def _adult(name: str) -> float:
    return float(next(key.default for key in dataclasses.fields(Limits) if key.name == name))  # type: ignore[arg-type]
