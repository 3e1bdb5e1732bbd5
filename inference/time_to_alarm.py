"""How long each condition can take from its onset to the tick that knows of it."""

from __future__ import annotations

from inference.conditions import CONDITIONS, Code, Kind
from inference.forecast import HOLD_S
from inference.limits import FLAT_LINE_S, SUSPEND_WINDOW_S, Limits
from inference.pulse_finder import KNOWN_AFTER_MS
from inference.ticks import TICK_MS


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
    4.88
    """
    slowest_rr_s = limits.asystole_s  # a longer one breaks the window, and is asystole
    evidence_s = {
        Code.VENTRICULAR_FIBRILLATION: limits.vf_s,
        Code.ATRIAL_FIBRILLATION: limits.af_beats * slowest_rr_s,
        Code.ASYSTOLE: limits.asystole_s,
        Code.VENTRICULAR_TACHYCARDIA: max(
            (limits.vt_beats - 1) * 60.0 / limits.vt_bpm, limits.vf_s
        ),
        Code.EXTREME_BRADYCARDIA: (limits.extreme_bradycardia_beats - 1) * slowest_rr_s,
        Code.EXTREME_TACHYCARDIA: (limits.extreme_tachycardia_beats - 1)
        * 60.0
        / limits.extreme_tachycardia_bpm,
        Code.SUSTAINED_VENTRICULAR_TACHYCARDIA: limits.vt_sustained_s + limits.stale_s,
        Code.NON_SUSTAINED_VENTRICULAR_TACHYCARDIA: (limits.v_run_beats - 1) * 60.0 / limits.vt_bpm,
        Code.V_RUN: (limits.v_run_beats - 1) * limits.v_run_max_rr_s,
        Code.PAUSE: limits.pause_s,
        Code.BRADYCARDIA: (limits.bradycardia_beats - 1) * slowest_rr_s,
        Code.TACHYCARDIA: (limits.tachycardia_beats - 1) * 60.0 / limits.tachycardia_bpm,
        Code.SUPRAVENTRICULAR_RUN: (limits.sv_run_beats - 1) * 60.0 / limits.sv_run_bpm,
        Code.R_ON_T: limits.r_on_t_share * slowest_rr_s,
        Code.COUPLET: limits.v_run_max_rr_s + slowest_rr_s,
        Code.BIGEMINY: (2 * limits.bigeminy_cycles - 1) * slowest_rr_s,
        Code.TRIGEMINY: (3 * limits.trigeminy_cycles - 1) * slowest_rr_s,
        Code.FREQUENT_VEBS: 60.0,
        Code.MISSED_BEAT: limits.pause_s,
        Code.IRREGULAR_RHYTHM: (limits.irregular_beats - 1) * slowest_rr_s,
        Code.LEAD_OFF: limits.lead_off_s,
        Code.SIGNAL_GAP: limits.signal_gap_s,
        Code.NOISE: limits.noise_s + limits.technical_clear_s,
        Code.FLAT_LINE: FLAT_LINE_S + limits.flat_line_s,
        Code.SATURATION: limits.saturation_s + limits.technical_clear_s,
        Code.ARRHYTHMIA_SUSPENDED: SUSPEND_WINDOW_S,
        Code.OTHER_LEAD: SUSPEND_WINDOW_S,
        Code.LATE_STREAM: limits.late_s,
        Code.DEVICE_LOST: limits.lost_s,
        Code.CLOCK_JUMP: 0.0,
        Code.PULSELESS: limits.pulseless_s + KNOWN_AFTER_MS / 1000,
        Code.UNUSUAL_NUMERICS: float(HOLD_S),
        Code.LOST_NUMERICS: float(HOLD_S),
    }[code]
    technical = CONDITIONS[code].kind is Kind.TECHNICAL
    delay_ms = TICK_MS if technical else decision_delay_ms + TICK_MS
    return evidence_s + delay_ms / 1000
