"""Episodes that beats make and end: rates, ventricular runs, the end of a silence.

Works on the rows of a tick that have a beat, at most a few in a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.conditions import Code
from inference.episode_edges import EdgeLog
from inference.limits import MAX_BEATS, Limits
from inference.slots import Field, SlotArrays, Slots
from inference.ticks import V

RATE_CODES = (
    Code.EXTREME_BRADYCARDIA,
    Code.EXTREME_TACHYCARDIA,
    Code.BRADYCARDIA,
    Code.TACHYCARDIA,
)
"""Conditions of rate, in the order of the columns of the ``rate_*`` arrays."""

HEART_RATE_RRS = 8
"""RR intervals that the displayed heart rate averages, as bedside monitors do over 8 to 16."""

HEART_RATE_MIN_RRS = 2
"""RR intervals below which no heart rate is shown."""

FIELDS = {
    "last_r_ms": Field(dtype=np.int64, initial=-1),
    "newest": Field(dtype=np.int64),
    "beat_r_ms": Field((MAX_BEATS,), np.int64, -1),
    "beat_aami": Field((MAX_BEATS,), np.int8),
    "beat_confidence": Field((MAX_BEATS,), np.float32),
    "chain": Field(dtype=np.int32),
    "heart_rate_bpm": Field(dtype=np.float32, initial=np.nan),
    "rate_chain": Field((len(RATE_CODES),), np.int32),
    "rate_inside": Field((len(RATE_CODES),), np.int32),
    "v_run": Field(dtype=np.int32),
    "non_v": Field(dtype=np.int32),
    "last_v_ms": Field(dtype=np.int64, initial=-1),
}
"""What is remembered: a ring of the last beats (``newest`` is the column last written), beats
since an unknown RR (``chain``), the same since each rate episode ended (``rate_chain``), RRs in
a row back inside each limit, V beats in a row, other beats in a row, and the last V beat."""


@dataclass(frozen=True, slots=True, eq=False)
class NewBeats:
    """The beats of one tick, without the rows that have none; arrays of shape (n_beats,)."""

    rows: NDArray[np.intp]
    """Row of the tick."""
    slots: Slots
    """Slot of that row."""
    r_ms: NDArray[np.int64]
    """Time of the R-peak, ms."""
    rr_ms: NDArray[np.int64]
    """RR interval before it, ms; 0 unknown."""
    aami: NDArray[np.int8]
    """Class code."""
    confidence: NDArray[np.float32]
    """Probability of the class."""
    previous_r_ms: NDArray[np.int64]
    """Time of the beat before, ms; -1 where none."""
    unreadable_between: NDArray[np.bool_]
    """Signal was unreadable somewhere since the beat before."""


class BeatRules:
    """The rules for rates, ventricular runs and the end of silences.

    Parameters
    ----------
    limits : Limits
        Limits in force for all slots.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sign = np.array([-1.0, 1.0, -1.0, 1.0])
        self._n_beats = np.array(
            [
                limits.extreme_bradycardia_beats,
                limits.extreme_tachycardia_beats,
                limits.bradycardia_beats,
                limits.tachycardia_beats,
            ]
        )
        self._limit_bpm = np.array(
            [
                limits.extreme_bradycardia_bpm,
                limits.extreme_tachycardia_bpm,
                limits.bradycardia_bpm,
                limits.tachycardia_bpm,
            ]
        )
        self._v_run_max_rr_ms = round(limits.v_run_max_rr_s * 1000)

    def apply(self, state: SlotArrays, beats: NewBeats, log: EdgeLog) -> None:
        """Take in one beat a row; open and end what follows from it."""
        open_before = state["open"][beats.slots]
        unknown = self._unknown_rr(beats)
        _remember(state, beats)
        state["chain"][beats.slots] = np.where(unknown, 1, state["chain"][beats.slots] + 1)
        self._rates(state, beats, unknown, open_before, log)
        self._ventricular(state, beats, unknown, open_before, log)
        self._end_silences(beats, unknown, open_before, log)
        _update_heart_rate(state, beats)

    def _unknown_rr(self, beats: NewBeats) -> NDArray[np.bool_]:
        """RRs that are no rate: across a gap, in asystole, or long with noise inside."""
        asystolic = beats.rr_ms >= self._limits.asystole_ms
        doubtful = (beats.rr_ms >= self._limits.pause_ms) & beats.unreadable_between
        unknown: NDArray[np.bool_] = (beats.rr_ms <= 0) | asystolic | doubtful
        return unknown

    def _rates(
        self,
        state: SlotArrays,
        beats: NewBeats,
        unknown: NDArray[np.bool_],
        open_before: NDArray[np.bool_],
        log: EdgeLog,
    ) -> None:
        """Compare the mean rate over each definition's beats; end what is back inside."""
        s, r_ms = beats.slots, beats.r_ms[:, None]
        is_open = open_before[:, list(RATE_CODES)]
        chain = np.where(unknown[:, None], 1, state["rate_chain"][s] + 1)
        first_r_ms = _r_ms_ago(state, s, self._n_beats - 1)
        intervals_ms = (self._n_beats - 1) * 60_000.0
        beyond = self._sign * (intervals_ms - self._limit_bpm * (r_ms - first_r_ms)) > 0
        opens = ~is_open & beyond & (chain >= self._n_beats)

        margin_bpm, end_beats = self._limits.rate_margin_bpm, self._limits.rate_end_beats
        back_bpm = self._limit_bpm - self._sign * margin_bpm
        back = self._sign * (60_000.0 - back_bpm * beats.rr_ms[:, None]) <= 0
        inside = np.where(back & ~unknown[:, None] & ~opens, state["rate_inside"][s] + 1, 0)
        ends = is_open & (inside >= end_beats)
        recovered_ms = _r_ms_ago(state, s, np.array([end_beats]))[:, 0]

        state["rate_chain"][s] = np.where(ends, end_beats + 1, chain)
        state["rate_inside"][s] = inside
        for column, code in enumerate(RATE_CODES):
            on, off = opens[:, column], ends[:, column]
            log.open(beats.rows[on], code, first_r_ms[on, column])
            log.end(beats.rows[off], code, recovered_ms[off])

    def _ventricular(
        self,
        state: SlotArrays,
        beats: NewBeats,
        unknown: NDArray[np.bool_],
        open_before: NDArray[np.bool_],
        log: EdgeLog,
    ) -> None:
        """Count ventricular beats in a row, and take the rate of the last of them."""
        s, lim = beats.slots, self._limits
        is_v = beats.aami == V
        linked = ~unknown & (beats.rr_ms < self._v_run_max_rr_ms)
        v_run = np.where(is_v, np.where(linked, state["v_run"][s] + 1, 1), 0)
        non_v = np.where(is_v, 0, state["non_v"][s] + 1)
        last_v_ms = state["last_v_ms"][s]

        run_open = open_before[:, Code.V_RUN]
        starts = ~run_open & (v_run >= lim.v_run_beats)
        run_first_ms = _r_ms_ago(state, s, np.array([lim.v_run_beats - 1]))[:, 0]
        log.open(beats.rows[starts], Code.V_RUN, run_first_ms[starts])
        stops = run_open & ~is_v
        log.end(beats.rows[stops], Code.V_RUN, last_v_ms[stops])

        vt_open = open_before[:, Code.VENTRICULAR_TACHYCARDIA]
        first_ms = _r_ms_ago(state, s, np.array([lim.vt_beats - 1]))[:, 0]
        full, span_ms = v_run >= lim.vt_beats, beats.r_ms - first_ms
        intervals_ms = (lim.vt_beats - 1) * 60_000.0
        fast = full & (intervals_ms > lim.vt_bpm * span_ms)
        slow = full & (intervals_ms < (lim.vt_bpm - lim.rate_margin_bpm) * span_ms)
        starts = ~vt_open & fast
        log.open(beats.rows[starts], Code.VENTRICULAR_TACHYCARDIA, first_ms[starts])
        over = non_v >= lim.vt_end_beats
        stops = vt_open & (over | slow)
        ended_ms = np.where(over, last_v_ms, first_ms)
        log.end(beats.rows[stops], Code.VENTRICULAR_TACHYCARDIA, ended_ms[stops])

        state["v_run"][s] = v_run
        state["non_v"][s] = non_v
        state["last_v_ms"][s] = np.where(is_v, beats.r_ms, last_v_ms)

    def _end_silences(
        self,
        beats: NewBeats,
        unknown: NDArray[np.bool_],
        open_before: NDArray[np.bool_],
        log: EdgeLog,
    ) -> None:
        """End a pause at any beat; asystole at the first of two beats closer than a pause.

        One complex is often an artefact or an agonal beat, so it does not end an asystole.
        """
        paused = open_before[:, Code.PAUSE]
        log.end(beats.rows[paused], Code.PAUSE, beats.r_ms[paused])
        paired = ~unknown & (beats.rr_ms < self._limits.pause_ms)
        resumed = open_before[:, Code.ASYSTOLE] & paired
        log.end(beats.rows[resumed], Code.ASYSTOLE, beats.previous_r_ms[resumed])


def _remember(state: SlotArrays, beats: NewBeats) -> None:
    """Write one beat a row into the ring."""
    s = beats.slots
    newest = (state["newest"][s] + 1) % MAX_BEATS
    state["newest"][s] = newest
    state["beat_r_ms"][s, newest] = beats.r_ms
    state["beat_aami"][s, newest] = beats.aami
    state["beat_confidence"][s, newest] = beats.confidence
    state["last_r_ms"][s] = beats.r_ms


def _r_ms_ago(state: SlotArrays, slots: Slots, beats_ago: NDArray[Any]) -> NDArray[np.int64]:
    """R-peak times so many beats ago, shape (n_beats, n_columns), ms.

    ``beats_ago`` has shape (n_columns,), or (n_beats, 1) for one of its own a row.
    """
    ring = (state["newest"][slots][:, None] - beats_ago) % MAX_BEATS
    r_ms: NDArray[np.int64] = state["beat_r_ms"][slots[:, None], ring]
    return r_ms


def _update_heart_rate(state: SlotArrays, beats: NewBeats) -> None:
    """Average the last usable RRs."""
    n_rrs = np.minimum(state["chain"][beats.slots] - 1, HEART_RATE_RRS)
    span_ms = beats.r_ms - _r_ms_ago(state, beats.slots, n_rrs[:, None])[:, 0]
    known = n_rrs >= HEART_RATE_MIN_RRS
    rate_bpm = n_rrs * 60_000.0 / np.where(known, span_ms, 1)
    state["heart_rate_bpm"][beats.slots] = np.where(known, rate_bpm, np.nan)
