"""Which leads of a stream carry pulses: plethysmogram and arterial pressure.

A lead is known by its name, and pressure by its unit as well: central venous and pulmonary
pressures are in mmHg too, and say nothing of whether blood reaches the arteries.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ingest.frames import ECG_UNITS, Lead


class PulseKind(StrEnum):
    """What a pulse lead measures."""

    PRESSURE = "pressure"
    """Arterial pressure, by a line in the artery."""
    PPG = "ppg"
    """Plethysmogram, by light through a finger or an ear lobe."""


PPG_NAMES = ("PLETH", "PPG", "SPO2 PLETH")
"""How a plethysmogram's name begins (MIMIC, PhysioNet, ISO/IEEE 11073 MDC_PULS_OXIM_PLETH)."""

PRESSURE_NAMES = ("ABP", "ART", "AO", "FAP", "BAP", "UAP", "IBP")
"""How an arterial pressure's name begins (MIMIC; aortic, femoral, brachial, umbilical)."""

MMHG_PER_UNIT = {"mmHg": 1.0, "kPa": 7.50062, "cmH2O": 0.735559}
"""Millimetres of mercury in each unit of pressure."""


def pulse_kind(lead: Lead) -> PulseKind | None:
    """Tell what pulses a lead carries, None where it carries none.

    Examples
    --------
    >>> [pulse_kind(Lead(*lead)) for lead in (("PLETH", "NU"), ("ART", "mmHg"), ("CVP", "mmHg"))]
    [<PulseKind.PPG: 'ppg'>, <PulseKind.PRESSURE: 'pressure'>, None]
    """
    name = lead.name.upper()
    if lead.unit in MMHG_PER_UNIT:
        return PulseKind.PRESSURE if name.startswith(PRESSURE_NAMES) else None
    if lead.unit not in ECG_UNITS and name.startswith(PPG_NAMES):
        return PulseKind.PPG
    return None


def choose_pulse_leads(leads: Sequence[Lead]) -> tuple[int, ...]:
    """Choose the leads to look for pulses: the first of each kind, pressure first.

    Returns
    -------
    tuple of int
        Their rows; empty where there is none.

    Examples
    --------
    >>> choose_pulse_leads((Lead("II"), Lead("PLETH", "NU"), Lead("ABP", "mmHg")))
    (2, 1)
    """
    kinds = [pulse_kind(lead) for lead in leads]
    return tuple(kinds.index(kind) for kind in PulseKind if kind in kinds)
