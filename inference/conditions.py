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

from ingest.errors import InputError


class Code(IntEnum):
    """Number of a condition: its row in :data:`CONDITIONS`, its column in state arrays."""

    VENTRICULAR_FIBRILLATION = 0
    ASYSTOLE = 1
    SUSTAINED_VENTRICULAR_TACHYCARDIA = 2
    VENTRICULAR_TACHYCARDIA = 3
    EXTREME_BRADYCARDIA = 4
    EXTREME_TACHYCARDIA = 5
    NON_SUSTAINED_VENTRICULAR_TACHYCARDIA = 6
    V_RUN = 7
    PAUSE = 8
    BRADYCARDIA = 9
    TACHYCARDIA = 10
    ATRIAL_FIBRILLATION = 11
    SUPRAVENTRICULAR_RUN = 12
    R_ON_T = 13
    COUPLET = 14
    BIGEMINY = 15
    TRIGEMINY = 16
    FREQUENT_VEBS = 17
    MISSED_BEAT = 18
    IRREGULAR_RHYTHM = 19
    LEAD_OFF = 20
    SIGNAL_GAP = 21
    FLAT_LINE = 22
    ARRHYTHMIA_SUSPENDED = 23
    NOISE = 24
    SATURATION = 25
    OTHER_LEAD = 26
    DEVICE_LOST = 27
    LATE_STREAM = 28
    CLOCK_JUMP = 29
    PULSELESS = 30
    UNUSUAL_NUMERICS = 31
    LOST_NUMERICS = 32


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
_GUIDELINE_2017 = "2017 AHA/ACC/HRS guideline on ventricular arrhythmias, table of definitions"
_MINDRAY = "as Mindray's monitors define it (TM80/TM70 operator's manual, arrhythmia events)"
_EDAN = "as Edan's monitors define it (elite V6 user manual, alarm information)"
_OWN = "no standard value; Vigil's choice"
_PHYSIOLOGICAL, _TECHNICAL = Kind.PHYSIOLOGICAL, Kind.TECHNICAL
_HIGH, _MEDIUM, _LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW
_BURDEN = (
    Code.SUPRAVENTRICULAR_RUN, Code.R_ON_T, Code.COUPLET, Code.BIGEMINY, Code.TRIGEMINY,
    Code.FREQUENT_VEBS, Code.MISSED_BEAT, Code.IRREGULAR_RHYTHM,
)  # fmt: skip
"""Ectopy and irregularity: mean nothing while something lethal goes on."""

CONDITIONS: tuple[Condition, ...] = (
    Condition(
        Code.VENTRICULAR_FIBRILLATION, _PHYSIOLOGICAL, _HIGH,
        "the waveform of fibrillation, flutter or tachycardia of the ventricles for vf_s; no eight "
        "complexes that follow one another evenly, nor sharp ones slower than 180 bpm",
        ("vf_s",), _CHALLENGE_2015, latching=True,
        hides=(
            Code.ASYSTOLE, Code.SUSTAINED_VENTRICULAR_TACHYCARDIA, Code.VENTRICULAR_TACHYCARDIA,
            Code.EXTREME_BRADYCARDIA, Code.EXTREME_TACHYCARDIA,
            Code.NON_SUSTAINED_VENTRICULAR_TACHYCARDIA, Code.V_RUN, Code.PAUSE, Code.BRADYCARDIA,
            Code.TACHYCARDIA, Code.ATRIAL_FIBRILLATION, *_BURDEN, Code.PULSELESS,
        ),
    ),
    Condition(
        Code.ASYSTOLE, _PHYSIOLOGICAL, _HIGH,
        "no QRS for asystole_s of readable signal",
        ("asystole_s", "pause_s"), _CHALLENGE_2015, latching=True,
        hides=(
            Code.PAUSE, Code.BRADYCARDIA, Code.EXTREME_BRADYCARDIA, *_BURDEN, Code.PULSELESS,
        ),
    ),
    Condition(
        Code.SUSTAINED_VENTRICULAR_TACHYCARDIA, _PHYSIOLOGICAL, _HIGH,
        "ventricular tachycardia that has lasted for vt_sustained_s",
        ("vt_sustained_s", "vt_bpm", "vt_beats", "vt_end_beats", "v_run_max_rr_s"),
        _GUIDELINE_2017, latching=True,
        hides=(
            Code.VENTRICULAR_TACHYCARDIA, Code.NON_SUSTAINED_VENTRICULAR_TACHYCARDIA, Code.V_RUN,
            Code.TACHYCARDIA, *_BURDEN,
        ),
    ),
    Condition(
        Code.VENTRICULAR_TACHYCARDIA, _PHYSIOLOGICAL, _HIGH,
        "vt_beats consecutive ventricular beats at a mean rate above vt_bpm; or the waveform of "
        "ventricular_fibrillation with eight even complexes, ventricular or unlike the usual ones",
        ("vt_bpm", "vt_beats", "vt_end_beats", "v_run_max_rr_s", "vf_s"), _CHALLENGE_2015,
        latching=True,
        hides=(
            Code.NON_SUSTAINED_VENTRICULAR_TACHYCARDIA, Code.V_RUN, Code.TACHYCARDIA, *_BURDEN,
        ),
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
        Code.NON_SUSTAINED_VENTRICULAR_TACHYCARDIA, _PHYSIOLOGICAL, _MEDIUM,
        "v_run_beats consecutive ventricular beats at a mean rate above vt_bpm, until the first "
        "other beat",
        ("v_run_beats", "vt_bpm", "v_run_max_rr_s"), _GUIDELINE_2017, hides=(Code.V_RUN,),
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
        Code.SUPRAVENTRICULAR_RUN, _PHYSIOLOGICAL, _LOW,
        "sv_run_beats consecutive supraventricular ectopic beats at a mean rate above sv_run_bpm",
        ("sv_run_beats", "sv_run_bpm", "burden_end_s"), _OWN,
    ),
    Condition(
        Code.R_ON_T, _PHYSIOLOGICAL, _LOW,
        "a ventricular beat behind another beat by less than r_on_t_share of the mean RR interval, "
        "at a rate below 100 bpm",
        ("r_on_t_share", "burden_end_s"), f"{_EDAN}, without the compensatory pause",
    ),
    Condition(
        Code.COUPLET, _PHYSIOLOGICAL, _LOW,
        "two consecutive ventricular beats within v_run_max_rr_s, no more",
        ("v_run_max_rr_s", "burden_end_s"), _MINDRAY,
    ),
    Condition(
        Code.BIGEMINY, _PHYSIOLOGICAL, _LOW,
        "bigeminy_cycles of one other and one ventricular beat",
        ("bigeminy_cycles", "burden_end_s"), _MINDRAY,
    ),
    Condition(
        Code.TRIGEMINY, _PHYSIOLOGICAL, _LOW,
        "trigeminy_cycles of two others and one ventricular beat",
        ("trigeminy_cycles", "burden_end_s"), _MINDRAY,
    ),
    Condition(
        Code.FREQUENT_VEBS, _PHYSIOLOGICAL, _LOW,
        "vebs_per_min ventricular beats in a minute, counted in stretches of 5 s",
        ("vebs_per_min", "burden_end_s"), _OWN,
    ),
    Condition(
        Code.MISSED_BEAT, _PHYSIOLOGICAL, _LOW,
        "behind three beats, none ventricular, an RR interval over missed_beat_share of the mean "
        "one (from 100 bpm on: over 1 s) and 1.5 of the one before, below pause_s",
        ("missed_beat_share", "pause_s", "burden_end_s"), f"{_MINDRAY}, judged at once",
    ),
    Condition(
        Code.IRREGULAR_RHYTHM, _PHYSIOLOGICAL, _LOW,
        "more than irregular_share of successive RR intervals among irregular_beats differ by an "
        "eighth, none beside a ventricular beat, and atrial fibrillation is not called",
        ("irregular_beats", "irregular_share", "burden_end_s"), _OWN,
    ),
    Condition(
        Code.LEAD_OFF, _TECHNICAL, _MEDIUM,
        "stuck at the converter's limit for lead_off_s without a break",
        ("lead_off_s", "technical_clear_s"), _OWN,
    ),
    Condition(
        Code.SIGNAL_GAP, _TECHNICAL, _MEDIUM,
        "samples missing for signal_gap_s without a break",
        ("signal_gap_s", "technical_clear_s"), _OWN,
    ),
    Condition(
        Code.FLAT_LINE, _TECHNICAL, _MEDIUM,
        "no movement of 8 uV for 2 s and flat_line_s more, away from the converter's limit",
        ("flat_line_s", "technical_clear_s"), _OWN,
    ),
    Condition(
        Code.ARRHYTHMIA_SUSPENDED, _TECHNICAL, _MEDIUM,
        "suspend_s of the last 30 s unreadable, until resume_s are readable in a row",
        ("suspend_s", "resume_s"),
        "GE ApexPro telemetry, operator's manual: ARR SUSPEND at 20 of the last 30 s",
        hides=(Code.NOISE,),
    ),
    Condition(
        Code.NOISE, _TECHNICAL, _LOW,
        "unreadable for noise_s with no good stretch of technical_clear_s in it",
        ("noise_s", "technical_clear_s"), _OWN,
    ),
    Condition(
        Code.SATURATION, _TECHNICAL, _LOW,
        "at the converter's limit and off it again, for saturation_s with no good stretch of "
        "technical_clear_s in it",
        ("saturation_s", "technical_clear_s"), _OWN,
    ),
    Condition(
        Code.OTHER_LEAD, _TECHNICAL, _LOW,
        "scored by another lead than the first, which cannot be read",
        ("switch_s", "return_s"), _OWN,
    ),
    Condition(
        Code.DEVICE_LOST, _TECHNICAL, _MEDIUM,
        "nothing heard for lost_s, by the clock of whoever listens, and no end was told",
        ("lost_s",), _OWN, hides=(Code.LATE_STREAM,),
    ),
    Condition(
        Code.LATE_STREAM, _TECHNICAL, _MEDIUM,
        "samples come more than late_s after they were taken, by the clock of whoever listens",
        ("late_s",), _OWN,
    ),
    Condition(
        Code.CLOCK_JUMP, _TECHNICAL, _LOW,
        "the device's clock and its count of samples have come apart by clock_jump_s",
        ("clock_jump_s",), _OWN,
    ),
    Condition(
        Code.PULSELESS, _PHYSIOLOGICAL, _HIGH,
        "no pulse in an arterial line for pulseless_s behind regular ones, its mean pressure below "
        "60 mmHg, and nothing at the line that explains it",
        ("pulseless_s",), _OWN, latching=True,
    ),
    Condition(
        Code.UNUSUAL_NUMERICS, _PHYSIOLOGICAL, _LOW,
        "numerics (heart rate, SpO2 …) are for 3 s further from their forecast than the false "
        "alarms asked for allow",
        (), _OWN,
    ),
    Condition(
        Code.LOST_NUMERICS, _TECHNICAL, _LOW,
        "numerics are gone, or stand still unlike their habit, for longer than the false alarms "
        "asked for allow",
        (), _OWN,
    ),
)  # fmt: skip

N_CONDITIONS = len(CONDITIONS)
LETHAL = (
    Code.VENTRICULAR_FIBRILLATION,
    Code.ASYSTOLE,
    Code.SUSTAINED_VENTRICULAR_TACHYCARDIA,
    Code.VENTRICULAR_TACHYCARDIA,
    Code.PULSELESS,
)
"""Conditions that are called as long as there is any signal, suspended or not."""
SUSPENDED = tuple(
    c.code for c in CONDITIONS if c.kind is Kind.PHYSIOLOGICAL and c.code not in LETHAL
)
"""Conditions that are not called while arrhythmia calling is suspended."""
OUTSIDE = (Code.LATE_STREAM, Code.DEVICE_LOST, Code.CLOCK_JUMP)
"""Conditions told by clocks and not by samples: never in the log of alarms, which is a function
of the signal; see :mod:`inference.stream_watch`."""
OF_NUMERICS = (Code.UNUSUAL_NUMERICS, Code.LOST_NUMERICS)
"""Conditions told of numerics, and never of an ECG; see :mod:`inference.anomalies`."""


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
