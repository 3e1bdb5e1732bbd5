"""The table of alarm conditions: what each is, how urgent, what it hides, and who says so.

Order in the table is order of precedence: among what becomes known in one tick
with one onset, the earlier row comes first. Kinds, priorities and latching use
the words of IEC 60601-1-8: a priority says how soon someone must respond
(high at once, medium promptly, low: be aware), a technical condition is one of
the equipment, and a latched signal goes on after its condition has ended,
until someone acknowledges it. The priorities themselves are Vigil's choice in
that style.

A later condition is one more row here and one more member of :class:`Code`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from inference.limits import Limits
from inference.ticks import TICK_MS
from ingest.errors import InputError


class Code(IntEnum):
    """Number of a condition: its row in :data:`CONDITIONS`, its column in state arrays."""

    VENTRICULAR_FIBRILLATION = 0
    ASYSTOLE = 1
    VENTRICULAR_TACHYCARDIA = 2
    EXTREME_BRADYCARDIA = 3
    EXTREME_TACHYCARDIA = 4
    V_RUN = 5
    PAUSE = 6
    BRADYCARDIA = 7
    TACHYCARDIA = 8
    ATRIAL_FIBRILLATION = 9
    LEAD_OFF = 10
    SIGNAL_GAP = 11
    NOISE = 12


class Kind(StrEnum):
    """Whether the patient or the equipment is the matter."""

    PHYSIOLOGICAL = "physiological"
    TECHNICAL = "technical"


class Priority(StrEnum):
    """How soon someone must respond."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the table."""

    code: Code
    """Its number."""
    kind: Kind
    """Physiological or technical."""
    priority: Priority
    """High, medium or low."""
    definition: str
    """In words, with the names of the limits."""
    limit_keys: tuple[str, ...]
    """The fields of :class:`~inference.limits.Limits` that define it."""
    source: str
    """Where the definition comes from."""
    latching: bool = False
    """The alarm stays after the condition has ended, until acknowledged."""
    hides: tuple[Code, ...] = ()
    """Conditions that are not raised while this one is active."""

    @property
    def name(self) -> str:
        """Name as it stands in alarms and metrics, such as ``"v_run"``."""
        return self.code.name.lower()


_CHALLENGE_2015 = "PhysioNet/CinC Challenge 2015, alarm definitions"
_OWN = "no standard value; Vigil's choice"
_PHYSIOLOGICAL, _TECHNICAL = Kind.PHYSIOLOGICAL, Kind.TECHNICAL
_HIGH, _MEDIUM, _LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW

CONDITIONS: tuple[Condition, ...] = (
    Condition(
        Code.VENTRICULAR_FIBRILLATION, _PHYSIOLOGICAL, _HIGH,
        "the waveform of fibrillation, flutter or fast tachycardia of the ventricles for vf_s",
        ("vf_s",), _CHALLENGE_2015, latching=True,
        hides=(
            Code.ASYSTOLE, Code.VENTRICULAR_TACHYCARDIA, Code.EXTREME_BRADYCARDIA,
            Code.EXTREME_TACHYCARDIA, Code.V_RUN, Code.PAUSE, Code.BRADYCARDIA, Code.TACHYCARDIA,
            Code.ATRIAL_FIBRILLATION,
        ),
    ),
    Condition(
        Code.ASYSTOLE, _PHYSIOLOGICAL, _HIGH,
        "no QRS for asystole_s of readable signal",
        ("asystole_s", "pause_s"), _CHALLENGE_2015, latching=True,
        hides=(Code.PAUSE, Code.BRADYCARDIA, Code.EXTREME_BRADYCARDIA),
    ),
    Condition(
        Code.VENTRICULAR_TACHYCARDIA, _PHYSIOLOGICAL, _HIGH,
        "vt_beats consecutive ventricular beats at a mean rate above vt_bpm",
        ("vt_bpm", "vt_beats", "vt_end_beats", "v_run_max_rr_s"), _CHALLENGE_2015, latching=True,
        hides=(Code.V_RUN, Code.TACHYCARDIA),
    ),
    Condition(
        Code.EXTREME_BRADYCARDIA, _PHYSIOLOGICAL, _HIGH,
        "mean rate below extreme_bradycardia_bpm over extreme_bradycardia_beats beats",
        ("extreme_bradycardia_bpm", "extreme_bradycardia_beats", "rate_margin_bpm"),
        _CHALLENGE_2015, hides=(Code.BRADYCARDIA,),
    ),
    Condition(
        Code.EXTREME_TACHYCARDIA, _PHYSIOLOGICAL, _HIGH,
        "mean rate above extreme_tachycardia_bpm over extreme_tachycardia_beats beats",
        ("extreme_tachycardia_bpm", "extreme_tachycardia_beats", "rate_margin_bpm"),
        _CHALLENGE_2015, hides=(Code.TACHYCARDIA,),
    ),
    Condition(
        Code.V_RUN, _PHYSIOLOGICAL, _MEDIUM,
        "v_run_beats consecutive ventricular beats, each within v_run_max_rr_s of the last",
        ("v_run_beats", "v_run_max_rr_s"), "three or more: the usual definition of a run",
    ),
    Condition(
        Code.PAUSE, _PHYSIOLOGICAL, _MEDIUM,
        "no QRS for pause_s after a beat, all of it readable",
        ("pause_s",), "2018 ACC/AHA/HRS bradycardia guideline: sinus pause, over 3 s",
    ),
    Condition(
        Code.BRADYCARDIA, _PHYSIOLOGICAL, _MEDIUM,
        "mean rate below bradycardia_bpm over bradycardia_beats beats",
        ("bradycardia_bpm", "bradycardia_beats", "rate_margin_bpm"), _OWN,
    ),
    Condition(
        Code.TACHYCARDIA, _PHYSIOLOGICAL, _MEDIUM,
        "mean rate above tachycardia_bpm over tachycardia_beats beats",
        ("tachycardia_bpm", "tachycardia_beats", "rate_margin_bpm"), _OWN,
    ),
    Condition(
        Code.ATRIAL_FIBRILLATION, _PHYSIOLOGICAL, _LOW,
        "irregular rhythm without P waves over af_beats beats",
        ("af_beats",), "2020 ESC guideline on atrial fibrillation: 30 s or more",
    ),
    Condition(
        Code.LEAD_OFF, _TECHNICAL, _MEDIUM,
        "flat or saturated for lead_off_s without a break",
        ("lead_off_s", "technical_clear_s"), _OWN,
    ),
    Condition(
        Code.SIGNAL_GAP, _TECHNICAL, _MEDIUM,
        "samples missing for signal_gap_s without a break",
        ("signal_gap_s", "technical_clear_s"), _OWN,
    ),
    Condition(
        Code.NOISE, _TECHNICAL, _LOW,
        "unreadable for noise_s with no good stretch of technical_clear_s in it",
        ("noise_s", "technical_clear_s"), _OWN,
    ),
)  # fmt: skip

N_CONDITIONS = len(CONDITIONS)


def condition_by_name(name: str) -> Condition:
    """Return the row of that name.

    Raises
    ------
    InputError
        If there is none, with the names that there are.

    Examples
    --------
    >>> condition_by_name("asystole").priority.value
    'high'
    """
    for condition in CONDITIONS:
        if condition.name == name:
            return condition
    known = ", ".join(condition.name for condition in CONDITIONS)
    raise InputError(f"condition {name!r} is unknown; known are {known}")


def time_to_alarm_s(code: Code, limits: Limits, decision_delay_ms: int) -> float:
    """Bound the time from an onset to the end of the tick that knows of it, s.

    Parameters
    ----------
    code : Code
        The condition.
    limits : Limits
        Limits in force.
    decision_delay_ms : int
        How late a beat may be decided, ms.

    Returns
    -------
    float
        The most it can take on the stream's own clock; transport and waiting come on top.

    Examples
    --------
    >>> round(time_to_alarm_s(Code.VENTRICULAR_TACHYCARDIA, Limits(), 680), 2)
    3.28
    """
    slowest_rr_s = limits.asystole_s  # a longer one breaks the window, and is asystole
    evidence_s = {
        Code.VENTRICULAR_FIBRILLATION: limits.vf_s,
        Code.ATRIAL_FIBRILLATION: limits.af_beats * slowest_rr_s,
        Code.ASYSTOLE: limits.asystole_s,
        Code.VENTRICULAR_TACHYCARDIA: (limits.vt_beats - 1) * 60.0 / limits.vt_bpm,
        Code.EXTREME_BRADYCARDIA: (limits.extreme_bradycardia_beats - 1) * slowest_rr_s,
        Code.EXTREME_TACHYCARDIA: (limits.extreme_tachycardia_beats - 1)
        * 60.0
        / limits.extreme_tachycardia_bpm,
        Code.V_RUN: (limits.v_run_beats - 1) * limits.v_run_max_rr_s,
        Code.PAUSE: limits.pause_s,
        Code.BRADYCARDIA: (limits.bradycardia_beats - 1) * slowest_rr_s,
        Code.TACHYCARDIA: (limits.tachycardia_beats - 1) * 60.0 / limits.tachycardia_bpm,
        Code.LEAD_OFF: limits.lead_off_s,
        Code.SIGNAL_GAP: limits.signal_gap_s,
        Code.NOISE: limits.noise_s + limits.technical_clear_s,
    }[code]
    technical = CONDITIONS[code].kind is Kind.TECHNICAL
    delay_ms = TICK_MS if technical else decision_delay_ms + TICK_MS
    return evidence_s + delay_ms / 1000
