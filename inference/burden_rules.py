"""Episodes of ectopy and irregularity: no emergencies, each told once for as long as it goes on.

Each is *seen* at some beat, begins when it is first seen, and has ended when it was not seen
for ``burden_end_s``: a bigeminy that comes and goes is one episode. Of most beats nothing has to
be looked at but whether the rhythm is even.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.beat_codes import BURDEN_CODES
from inference.beat_history import NewBeats, r_ms_ago
from inference.conditions import Code
from inference.episode_edges import EdgeLog
from inference.rule_limits import RuleLimits
from inference.slots import Field, SlotArrays, in_a_row
from inference.ticks import S, V

BIN_MS = 5000
"""Ventricular beats are counted in stretches of this length, ms."""
N_BINS = 12
"""Stretches that are a minute."""
FAST_BPM = 100.0
"""From this rate on a third of an RR interval is too short to be told from the QRS before it, so
that R-on-T is not judged, and a beat is missed after :data:`FAST_MISSED_MS`, bpm."""
FAST_MISSED_MS = 1000
"""RR interval from which a beat is missed at a rate from :data:`FAST_BPM`, ms."""
STEP = 8
"""Successive RR intervals that differ by more than their mean over this are uneven."""
LEAST_N = 3
"""Beats in a row before a missed one, none of them ventricular."""

FIELDS = {
    "v_bits": Field(dtype=np.uint32),
    "uneven_bits": Field(dtype=np.uint32),
    "s_run": Field(dtype=np.int32),
    "seen_ms": Field((len(BURDEN_CODES),), np.int64, -1),
    "veb_bins": Field((N_BINS,), np.uint8),
    "veb_bin": Field(dtype=np.int32),
}
"""What is remembered: which of the last 32 beats were V, which of the last RR intervals differed
from the one before (newest lowest), S beats in a row, when each condition was last seen, V beats
in each of the last stretches (newest last) and the number of the newest."""

_ONE, _SEVEN = np.uint32(1), np.uint32(7)
_COLUMN = {code: column for column, code in enumerate(BURDEN_CODES)}
_CODES = list(BURDEN_CODES)
_VENTRICULAR = (Code.R_ON_T, Code.COUPLET, Code.BIGEMINY, Code.TRIGEMINY, Code.FREQUENT_VEBS)
_V_COLUMNS = [_COLUMN[code] for code in _VENTRICULAR]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """What is known of ventricular runs at some beats; arrays of shape (n_beats,)."""

    before: NDArray[np.int32]
    """V beats in a row up to the beat before."""
    now: NDArray[np.int32]
    """The same with this beat; 0 where it is not ventricular."""


def apply(
    state: SlotArrays,
    beats: NewBeats,
    lim: RuleLimits,
    open_before: NDArray[np.bool_],
    runs: Runs,
    log: EdgeLog,
) -> None:
    """Take in one beat a row that is in the ring already; open and end what follows from it."""
    s, here = beats.slots, in_a_row(beats.slots)
    is_v, is_s = beats.aami == V, beats.aami == S
    state["v_bits"][here] = (state["v_bits"][here] << _ONE) | is_v
    s_run = np.where(is_s, np.where(beats.unknown, 1, state["s_run"][here] + 1), 0)
    state["s_run"][here] = s_run
    seen = np.zeros((len(s), len(BURDEN_CODES)), np.bool_)
    _see_uneven(state, beats, lim, open_before, seen)
    some = np.flatnonzero(is_v | (runs.before == 2))
    if len(some):
        of = Runs(runs.before[some], runs.now[some])
        seen[some[:, None], _V_COLUMNS] = _see_ventricular(state, beats.at(some), lim.at(some), of)
    if is_s.any():
        span_ms = beats.r_ms - r_ms_ago(state, s, lim.sv_run_beats - 1)
        fast = (lim.sv_run_beats - 1) * 60_000.0 > lim.sv_run_bpm * span_ms
        seen[:, _COLUMN[Code.SUPRAVENTRICULAR_RUN]] = (s_run >= lim.sv_run_beats) & fast
    is_open = open_before[:, _CODES]
    some = np.flatnonzero((seen | is_open).any(axis=1))
    if len(some):
        _follow(state, beats.at(some), lim.at(some), seen[some], is_open[some], log)


def _see_uneven(
    state: SlotArrays,
    beats: NewBeats,
    lim: RuleLimits,
    open_before: NDArray[np.bool_],
    seen: NDArray[np.bool_],
) -> None:
    """Look for missed beats and irregularity."""
    s, of, rr_ms = beats.slots, in_a_row(beats.slots), beats.rr_ms
    v_bits, chain = state["v_bits"][of], state["chain"][of]
    rr_before_ms = beats.previous_r_ms - r_ms_ago(state, s, 2)
    no_v = (v_bits & _SEVEN) == 0
    uneven = STEP * np.abs(rr_ms - rr_before_ms) * 2 > rr_ms + rr_before_ms
    uneven &= no_v & (chain >= 3)
    bits = (state["uneven_bits"][of] << _ONE) | uneven
    state["uneven_bits"][of] = bits
    if not uneven.any():
        return
    n_steps = lim.irregular_beats - 2
    newest = (np.uint64(1) << np.asarray(n_steps, np.uint64)) - np.uint64(1)
    n_uneven = np.bitwise_count(bits & newest)
    irregular = uneven & (chain >= lim.irregular_beats)
    irregular &= n_uneven > lim.irregular_share * n_steps
    irregular &= ~open_before[:, Code.ATRIAL_FIBRILLATION]
    seen[:, _COLUMN[Code.IRREGULAR_RHYTHM]] = irregular

    rate_bpm = state["heart_rate_bpm"][s].astype(np.float64)  # up to the beat before
    slow_missed = rr_ms * rate_bpm > lim.missed_beat_share * 60_000.0
    missed = np.where(rate_bpm < FAST_BPM, slow_missed, rr_ms > FAST_MISSED_MS)
    missed &= uneven & ~np.isnan(rate_bpm) & (chain > LEAST_N + 1) & ((v_bits & np.uint32(14)) == 0)
    missed &= (2 * rr_ms > 3 * rr_before_ms) & (rr_ms < lim.pause_ms) & ~beats.unreadable_between
    seen[:, _COLUMN[Code.MISSED_BEAT]] = missed


def _see_ventricular(
    state: SlotArrays, beats: NewBeats, lim: RuleLimits, runs: Runs
) -> NDArray[np.bool_]:
    """Look for patterns of ventricular beats, where there is one now or was a pair before.

    Returns
    -------
    array of shape (n_beats, 5)
        What is seen, by ``_VENTRICULAR``.
    """
    s, is_v, v_bits = beats.slots, beats.aami == V, state["v_bits"][beats.slots]
    chain = state["chain"][s]
    rate_bpm = state["heart_rate_bpm"][s].astype(np.float64)
    early = beats.rr_ms * rate_bpm < lim.r_on_t_share * 60_000.0
    single = is_v & (runs.before == 0) & ~beats.unknown
    two = _repeats(v_bits, 2, lim.bigeminy_cycles) & (chain >= 2 * lim.bigeminy_cycles)
    three = _repeats(v_bits, 3, lim.trigeminy_cycles) & (chain >= 3 * lim.trigeminy_cycles)
    found = np.empty((len(s), len(_VENTRICULAR)), np.bool_)
    found[:, 0] = single & early & (rate_bpm < FAST_BPM)
    found[:, 1] = (runs.before == 2) & (runs.now < 2) & ~beats.unknown
    found[:, 2], found[:, 3] = two, three
    found[:, 4] = _count(state, beats, is_v) >= lim.vebs_per_min
    return found


def _repeats(v_bits: NDArray[np.uint32], length: int, cycles: Any) -> NDArray[np.bool_]:
    """Tell where the newest beats are so many cycles that end in their only ventricular beat.

    Examples
    --------
    >>> _repeats(np.array([0b010101, 0b110101], np.uint32), 2, 3).tolist()
    [True, False]
    """
    if isinstance(cycles, int):
        mask, pattern = _cycles(length, cycles)
    else:
        mask, pattern = np.array([_cycles(length, n) for n in cycles.tolist()], np.uint32).T
    alike: NDArray[np.bool_] = (v_bits & mask) == pattern
    return alike


@cache
def _cycles(length: int, cycles: int) -> tuple[np.uint32, np.uint32]:
    """Give the bits of so many cycles, and those of their ventricular beats."""
    mask = (1 << length * cycles) - 1
    return np.uint32(mask), np.uint32(mask // ((1 << length) - 1))


def _count(state: SlotArrays, beats: NewBeats, is_v: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count ventricular beats into the present stretch; give those of a minute, 0 where none is."""
    rows = np.flatnonzero(is_v)
    s = beats.slots[rows]
    newest = beats.r_ms[rows] // BIN_MS
    gone = np.minimum(newest - state["veb_bin"][s], N_BINS)
    from_bin = np.arange(N_BINS) + gone[:, None]
    kept = np.take_along_axis(state["veb_bins"][s], np.minimum(from_bin, N_BINS - 1), axis=1)
    bins = np.where(from_bin < N_BINS, kept, 0).astype(np.uint8)
    bins[:, -1] += 1
    state["veb_bins"][s], state["veb_bin"][s] = bins, newest
    n = np.zeros(len(is_v), np.int64)
    n[rows] = bins.sum(axis=1)
    return n


def _follow(
    state: SlotArrays,
    beats: NewBeats,
    lim: RuleLimits,
    seen: NDArray[np.bool_],
    is_open: NDArray[np.bool_],
    log: EdgeLog,
) -> None:
    """Begin what is seen, and end what was not seen for long."""
    s, r_ms = beats.slots, beats.r_ms
    seen_ms = state["seen_ms"][s]
    over = lim.burden_end_ms <= (r_ms[:, None] - seen_ms).T
    opens, ends = seen & ~is_open, is_open & ~seen & over.T
    for column in np.flatnonzero(opens.any(axis=0)):
        on = opens[:, column]
        # Never before what was seen last: that was told already.
        onset_ms = np.maximum(
            _onset_ms(state, beats, lim, BURDEN_CODES[column]), seen_ms[:, column]
        )
        log.open(beats.rows[on], BURDEN_CODES[column], onset_ms[on])
    for column in np.flatnonzero(ends.any(axis=0)):
        off = ends[:, column]
        log.end(beats.rows[off], BURDEN_CODES[column], seen_ms[off, column])
    state["seen_ms"][s] = np.where(seen, r_ms[:, None], seen_ms)


def _onset_ms(state: SlotArrays, beats: NewBeats, lim: RuleLimits, code: Code) -> NDArray[np.int64]:
    """Place an onset where the evidence begins, ms."""
    if code is Code.FREQUENT_VEBS:
        return np.maximum(beats.r_ms - N_BINS * BIN_MS, 0)
    ago = {
        Code.SUPRAVENTRICULAR_RUN: lim.sv_run_beats - 1,
        Code.R_ON_T: 1,
        Code.COUPLET: 2,
        Code.BIGEMINY: 2 * lim.bigeminy_cycles - 1,
        Code.TRIGEMINY: 3 * lim.trigeminy_cycles - 1,
        Code.MISSED_BEAT: 1,
        Code.IRREGULAR_RHYTHM: lim.irregular_beats - 1,
    }[code]
    return r_ms_ago(state, beats.slots, ago)
