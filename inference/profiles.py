"""Named presets of alarm limits for adults, children and newborns, with their sources.

A preset changes what an adult's default does not fit; all else stays as in
:class:`~inference.limits.Limits`. It is a place to begin: limits are set for
the patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inference.limits import Limits
from ingest.errors import InputError

_CPR = (
    "AHA 2020 (paediatric and neonatal life support): compressions where the rate stays below "
    "60/min in spite of ventilation"
)
_VENTILATE = "neonatal resuscitation (AHA 2020, NRP): ventilate below 100/min"
_FLEMING = (
    "Vigil's choice beside the centile charts of healthy children (Fleming et al., Lancet 2011; "
    "377: 1011-8: medians of 127/min at birth, 145 at a month, 113 at two years)"
)
_PALS_CHILD = "PALS (AHA): supraventricular tachycardia is usually from 180/min on in a child"
_PALS_INFANT = "PALS (AHA): supraventricular tachycardia is usually from 220/min on in an infant"
_OWN = "no standard value; Vigil's choice"


class Profile(StrEnum):
    """Whom a preset is for."""

    ADULT = "adult"
    """From 18 years on."""
    PAEDIATRIC = "paediatric"
    """About 1 to 8 years; older children lie between this and the adult's."""
    NEONATAL = "neonatal"
    """The first month."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One limit of a preset."""

    value: float
    """In the limit's unit."""
    source: str
    """Where it comes from."""


PRESETS: dict[Profile, dict[str, Preset]] = {
    Profile.ADULT: {},
    Profile.PAEDIATRIC: {
        "extreme_bradycardia_bpm": Preset(60.0, _CPR),
        "bradycardia_bpm": Preset(70.0, _FLEMING),
        "tachycardia_bpm": Preset(150.0, _FLEMING),
        "extreme_tachycardia_bpm": Preset(180.0, _PALS_CHILD),
        "vt_bpm": Preset(120.0, _OWN),
        "sv_run_bpm": Preset(180.0, _PALS_CHILD),
    },
    Profile.NEONATAL: {
        "asystole_s": Preset(3.0, _OWN),
        "pause_s": Preset(2.0, _OWN),
        "extreme_bradycardia_bpm": Preset(60.0, _CPR),
        "bradycardia_bpm": Preset(100.0, _VENTILATE),
        "tachycardia_bpm": Preset(180.0, _FLEMING),
        "extreme_tachycardia_bpm": Preset(220.0, _PALS_INFANT),
        "vt_bpm": Preset(120.0, _OWN),
        "sv_run_bpm": Preset(220.0, _PALS_INFANT),
    },
}
"""Limits that differ from the adult's, by profile."""


def profile_named(name: str) -> Profile:
    """Return the profile of that name.

    Raises
    ------
    InputError
        If there is none, with the names that there are.

    Examples
    --------
    >>> profile_named("geriatric")
    Traceback (most recent call last):
    ...
    ingest.errors.InputError: profile 'geriatric' is unknown; known are adult, paediatric, neonatal
    """
    try:
        return Profile(name)
    except ValueError:
        known = ", ".join(profile.value for profile in Profile)
        raise InputError(f"profile {name!r} is unknown; known are {known}") from None


def limits_of(profile: Profile, changed: Mapping[str, Any] | None = None) -> Limits:
    """Give the limits of a profile, with some changed for a patient or a ward.

    Raises
    ------
    InputError
        If a limit is unknown, out of range, or contradicts another.

    Examples
    --------
    >>> limits_of(Profile.NEONATAL, {"tachycardia_bpm": 190.0}).bradycardia_bpm
    100.0
    """
    preset = {name: each.value for name, each in PRESETS[profile].items()}
    return Limits.from_mapping({**preset, **(changed or {})})
