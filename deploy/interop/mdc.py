"""Codes of ISO/IEEE 11073-10101 (MDC) that are certain; what has none here is told in words.

Context-free codes: partition times 65536 plus the term's own. Events of the ECG
are those that DICOM PS3.16, context group 3038, reprints; leads, rates and the
attributes of an alert are those that IHE's device profiles use. There is no
code for a plain bradycardia here, for the standard's names its origin (sinus).
"""

from __future__ import annotations

from dataclasses import dataclass

SYSTEM = "urn:iso:std:iso:11073:10101"
"""The nomenclature as FHIR names it."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the nomenclature."""

    code: int
    """Context-free code."""
    name: str
    """Reference id."""


EVENTS = {
    "asystole": Term((3 << 16) + 3076, "MDC_EVT_ECG_ASYSTOLE"),
    "atrial_fibrillation": Term((3 << 16) + 3128, "MDC_EVT_ECG_ATR_FIB"),
}
"""Conditions that the nomenclature names as Vigil means them."""

POTENTIAL = Term((2 << 16) + 256, "MDC_ECG_ELEC_POTL")
"""ECG of a lead that is not named."""

LEADS = {
    "I": Term((2 << 16) + 257, "MDC_ECG_ELEC_POTL_I"),
    "II": Term((2 << 16) + 258, "MDC_ECG_ELEC_POTL_II"),
    "V1": Term((2 << 16) + 259, "MDC_ECG_ELEC_POTL_V1"),
    "V2": Term((2 << 16) + 260, "MDC_ECG_ELEC_POTL_V2"),
    "V3": Term((2 << 16) + 261, "MDC_ECG_ELEC_POTL_V3"),
    "V4": Term((2 << 16) + 262, "MDC_ECG_ELEC_POTL_V4"),
    "V5": Term((2 << 16) + 263, "MDC_ECG_ELEC_POTL_V5"),
    "V6": Term((2 << 16) + 264, "MDC_ECG_ELEC_POTL_V6"),
}
"""Leads by their usual names; a modified lead (MLII) is not the one that it is called after."""

ALARM = Term((3 << 16) + 8, "MDC_EVT_ALARM")
ALERT_SOURCE = Term(68480, "MDC_ATTR_ALERT_SOURCE")
EVENT_PHASE = Term(68481, "MDC_ATTR_EVENT_PHASE")
ALARM_STATE = Term(68482, "MDC_ATTR_ALARM_STATE")
INACTIVATION_STATE = Term(68483, "MDC_ATTR_ALARM_INACTIVATION_STATE")
ALARM_PRIORITY = Term(68484, "MDC_ATTR_ALARM_PRIORITY")
ALERT_TYPE = Term(68485, "MDC_ATTR_ALERT_TYPE")
ALERT_TEXT = Term(68546, "MDC_ATTR_ALERT_TEXT")
HEART_RATE = Term(147842, "MDC_ECG_HEART_RATE")
BEATS_PER_MINUTE = Term(264864, "MDC_DIM_BEAT_PER_MIN")


def lead_term(name: str) -> Term:
    """Return the term of a lead, the general one where its name says no more.

    Examples
    --------
    >>> lead_term("II").code, lead_term("MLII").code
    (131330, 131328)
    """
    return LEADS.get(name.upper(), POTENTIAL)
