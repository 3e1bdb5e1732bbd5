"""Episodes that beats make and end: rates, ventricular runs, the end of a silence.

Works on the rows of a tick that have a beat, at most a few in a hundred. What each run is called:

=====================  =========================  ==========================================
ventricular beats      at a mean rate             is
=====================  =========================  ==========================================
2                      any                        ``couplet``
3 (``v_run_beats``)    ``vt_bpm`` or less         ``v_run``: a triplet; longer, a slow run
3 (``v_run_beats``)    above ``vt_bpm``           ``non_sustained_ventricular_tachycardia``
5 (``vt_beats``)       above ``vt_bpm``           ``ventricular_tachycardia``
that, for 30 s         (``vt_sustained_s``)       ``sustained_ventricular_tachycardia``
=====================  =========================  ==========================================

Each hides those above it but the couplet, which is exactly two. A model may tell ventricular
tachycardia, too: it then holds as long as either does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference import beat_history, burden_rules
from inference.beat_codes import RATE_CODES, RUN_CODES
from inference.beat_history import NewBeats, r_ms_ago
from inference.burden_rules import Runs
from inference.conditions import Code
from inference.episode_edges import EdgeLog
from inference.rule_limits import RATE_SIGN, RuleLimits
from inference.slots import Field, SlotArrays, Slots, in_a_row
from inference.ticks import V

HEART_RATE_RRS = 8
"""RR intervals that the displayed heart rate averages, as bedside monitors do over 8 to 16."""

HEART_RATE_MIN_RRS = 2
"""RR intervals below which no heart rate is shown."""

FIELDS = {
    **beat_history.FIELDS,
    **burden_rules.FIELDS,
    "chain": Field(dtype=np.int32),
    "heart_rate_bpm": Field(dtype=np.float32, initial=np.nan),
    "rate_chain": Field((len(RATE_CODES),), np.int32),
    "rate_inside": Field((len(RATE_CODES),), np.int32),
    "v_run": Field(dtype=np.int32),
    "non_v": Field(dtype=np.int32),
    "last_v_ms": Field(dtype=np.int64, initial=-1),
    "vt_by_beats": Field(dtype=np.bool_),
    "vt_told": Field(dtype=np.bool_),
}
"""What is remembered: a ring of the last beats, beats since an unknown RR (``chain``), the same
since each rate episode ended (``rate_chain``), RRs in a row back inside each limit, V beats in a
row, other beats in a row, the last V beat, and who says that there is ventricular tachycardia."""

_RATES, _RUNS = list(RATE_CODES), np.isin(list(Code), list(RUN_CODES))
LEAST_RUN = 3
"""Ventricular beats in a row below which no limit calls them a run."""


def apply(state: SlotArrays, beats: NewBeats, lim: RuleLimits, log: EdgeLog) -> None:
    """Take in one beat a row; open and end what follows from it."""
    open_before = state["open"][beats.slots]
    beat_history.remember(state, beats)
    of = in_a_row(beats.slots)
    state["chain"][of] = np.where(beats.unknown, 1, state["chain"][of] + 1)
    _rates(state, beats, lim, open_before, log)
    runs = _ventricular(state, beats, lim, open_before, log)
    _end_silences(beats, lim, open_before, log)
    burden_rules.apply(state, beats, lim, open_before, runs, log)
    _update_heart_rate(state, beats)


def _rates(
    state: SlotArrays,
    beats: NewBeats,
    lim: RuleLimits,
    open_before: NDArray[np.bool_],
    log: EdgeLog,
) -> None:
    """Compare the mean rate over each definition's beats; end what is back inside."""
    s, r_ms, unknown = beats.slots, beats.r_ms[:, None], beats.unknown[:, None]
    of, is_open = in_a_row(s), open_before[:, _RATES]
    chain = np.where(unknown, 1, state["rate_chain"][of] + 1)
    first_r_ms = r_ms_ago(state, s[:, None], lim.rate_beats - 1)
    beyond = RATE_SIGN * (lim.rate_intervals_ms - lim.rate_bpm * (r_ms - first_r_ms)) > 0
    opens = beyond & ~is_open & (chain >= lim.rate_beats)

    back = RATE_SIGN * (60_000.0 - lim.rate_back_bpm * beats.rr_ms[:, None]) <= 0
    inside = np.where(back & ~(unknown | opens), state["rate_inside"][of] + 1, 0)
    ends = is_open & (inside >= lim.rate_end_column)
    state["rate_chain"][of] = np.where(ends, lim.rate_end_column + 1, chain)
    state["rate_inside"][of] = inside
    if opens.any() or ends.any():
        recovered_ms = r_ms_ago(state, s, lim.rate_end_beats)
        for column, code in enumerate(RATE_CODES):
            on, off = opens[:, column], ends[:, column]
            log.open(beats.rows[on], code, first_r_ms[on, column])
            log.end(beats.rows[off], code, recovered_ms[off])


def _ventricular(
    state: SlotArrays,
    beats: NewBeats,
    lim: RuleLimits,
    open_before: NDArray[np.bool_],
    log: EdgeLog,
) -> Runs:
    """Count ventricular beats in a row, and take the rate of the last of them."""
    s, is_v = beats.slots, beats.aami == V
    run_before, last_v_ms = state["v_run"][s], state["last_v_ms"][s]
    linked = ~beats.unknown & (beats.rr_ms < lim.v_run_max_rr_ms)
    v_run = np.where(is_v, np.where(linked, run_before + 1, 1), 0)
    state["v_run"][s] = v_run
    here = in_a_row(s)
    state["non_v"][here] = np.where(is_v, 0, state["non_v"][here] + 1)
    state["last_v_ms"][s] = np.where(is_v, beats.r_ms, last_v_ms)
    some = np.flatnonzero((v_run >= LEAST_RUN) | (open_before & _RUNS).any(axis=1))
    if len(some):
        of, limits = beats.at(some), lim.at(some)
        _short_runs(state, of, limits, open_before[some], last_v_ms[some], log)
        _tachycardia(state, of, limits, last_v_ms[some], log)
    return Runs(run_before, v_run)


def _short_runs(
    state: SlotArrays,
    beats: NewBeats,
    lim: RuleLimits,
    open_before: NDArray[np.bool_],
    last_v_ms: NDArray[np.int64],
    log: EdgeLog,
) -> None:
    """Open and end runs of three and more, fast ones and any."""
    s, is_v = beats.slots, beats.aami == V
    first_ms = r_ms_ago(state, s, lim.v_run_beats - 1)
    full = state["v_run"][s] >= lim.v_run_beats
    fast = (lim.v_run_beats - 1) * 60_000.0 > lim.vt_bpm * (beats.r_ms - first_ms)
    for code, made in (
        (Code.NON_SUSTAINED_VENTRICULAR_TACHYCARDIA, full & fast),
        (Code.V_RUN, full),
    ):
        on, off = ~open_before[:, code] & made, open_before[:, code] & ~is_v
        log.open(beats.rows[on], code, first_ms[on])
        log.end(beats.rows[off], code, last_v_ms[off])


def _tachycardia(
    state: SlotArrays,
    beats: NewBeats,
    lim: RuleLimits,
    last_v_ms: NDArray[np.int64],
    log: EdgeLog,
) -> None:
    """Open and end ventricular tachycardia by beats, and tell when it is sustained."""
    s = beats.slots
    by_beats, told = state["vt_by_beats"][s], state["vt_told"][s]
    first_ms = r_ms_ago(state, s, lim.vt_beats - 1)
    full, span_ms = state["v_run"][s] >= lim.vt_beats, beats.r_ms - first_ms
    intervals_ms = (lim.vt_beats - 1) * 60_000.0
    starts = ~by_beats & full & (intervals_ms > lim.vt_bpm * span_ms)
    slow = full & (intervals_ms < (lim.vt_bpm - lim.rate_margin_bpm) * span_ms)
    over = state["non_v"][s] >= lim.vt_end_beats
    stops = by_beats & (over | slow)
    state["vt_by_beats"][s] = (by_beats | starts) & ~stops
    on, off = starts & ~told, stops & ~told
    log.open(beats.rows[on], Code.VENTRICULAR_TACHYCARDIA, first_ms[on])
    end_tachycardia(state, beats.rows[off], s[off], np.where(over, last_v_ms, first_ms)[off], log)
    is_open = state["open"][s]
    onset_ms = state["onset_ms"][s, Code.VENTRICULAR_TACHYCARDIA]
    lasts = is_open[:, Code.VENTRICULAR_TACHYCARDIA]
    lasts &= ~is_open[:, Code.SUSTAINED_VENTRICULAR_TACHYCARDIA]
    lasts &= beats.r_ms - onset_ms >= lim.vt_sustained_ms
    log.open(beats.rows[lasts], Code.SUSTAINED_VENTRICULAR_TACHYCARDIA, onset_ms[lasts])


def end_tachycardia(
    state: SlotArrays,
    rows: NDArray[np.intp],
    slots: Slots,
    at_ms: NDArray[np.int64],
    log: EdgeLog,
) -> None:
    """End ventricular tachycardia, and with it the sustained one.

    Parameters
    ----------
    state : SlotArrays
        Of the episodes.
    rows, slots : arrays of shape (n,)
        Rows of the log that have it, and their slots.
    at_ms : array of shape (n,), ms
        When.
    log : EdgeLog
        What ends is noted here.
    """
    log.end(rows, Code.VENTRICULAR_TACHYCARDIA, at_ms)
    sustained = state["open"][slots, Code.SUSTAINED_VENTRICULAR_TACHYCARDIA]
    log.end(rows[sustained], Code.SUSTAINED_VENTRICULAR_TACHYCARDIA, at_ms[sustained])


def tell_tachycardia(
    state: SlotArrays, row: NDArray[np.intp], slot: Slots, onset: bool, at_ms: NDArray[np.int64],
    log: EdgeLog,
) -> None:  # fmt: skip
    """Take in that a model says tachycardia began or ended, of one stream; arrays of shape (1,)."""
    state["vt_told"][slot] = onset
    if state["vt_by_beats"][slot[0]]:
        return
    if onset:
        log.open(row, Code.VENTRICULAR_TACHYCARDIA, at_ms)
    else:
        end_tachycardia(state, row, slot, at_ms, log)


def forget_rate(state: SlotArrays, slots: Slots) -> None:
    """Begin the rates anew behind fibrillation: what was found in its waves were no RR intervals.

    A rate episode that is open stays so until beats back inside its limit end it.
    """
    state["chain"][slots], state["rate_chain"][slots] = 0, 0
    state["heart_rate_bpm"][slots] = np.nan


def _end_silences(
    beats: NewBeats, lim: RuleLimits, open_before: NDArray[np.bool_], log: EdgeLog
) -> None:
    """End a pause at any beat; asystole at the first of two beats closer than a pause.

    One complex is often an artefact or an agonal beat, so it does not end an asystole.
    """
    paused, silent = open_before[:, Code.PAUSE], open_before[:, Code.ASYSTOLE]
    if paused.any() or silent.any():
        log.end(beats.rows[paused], Code.PAUSE, beats.r_ms[paused])
        paired = ~beats.unknown & (beats.rr_ms < lim.pause_ms)
        resumed = silent & paired
        log.end(beats.rows[resumed], Code.ASYSTOLE, beats.previous_r_ms[resumed])


def _update_heart_rate(state: SlotArrays, beats: NewBeats) -> None:
    """Average the last usable RRs."""
    of = in_a_row(beats.slots)
    n_rrs = np.minimum(state["chain"][of] - 1, HEART_RATE_RRS)
    span_ms = beats.r_ms - r_ms_ago(state, beats.slots, n_rrs)
    known = n_rrs >= HEART_RATE_MIN_RRS
    rate_bpm = n_rrs * 60_000.0 / np.where(known, span_ms, 1)
    state["heart_rate_bpm"][of] = np.where(known, rate_bpm, np.nan)
