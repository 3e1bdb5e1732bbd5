"""Episodes of the signal itself: lead off, flat line, gap, noise, saturation.

These are judged at the end of the tick that brings the quality, not at the
horizon at which beats are decided.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.conditions import Code
from inference.episode_edges import EdgeLog
from inference.limits import Limits
from inference.slots import Field, SlotArrays, Slots
from inference.ticks import TICK_MS, TickQuality

SIGNAL_CODES = (
    Code.LEAD_OFF,
    Code.SIGNAL_GAP,
    Code.NOISE,
    Code.FLAT_LINE,
    Code.SATURATION,
)
"""Technical conditions, in the order of the columns of the ``bad_*`` arrays."""

FIELDS = {
    "bad_since_ms": Field((len(SIGNAL_CODES),), np.int64, -1),
    "bad_gone_ms": Field((len(SIGNAL_CODES),), np.int32),
}
"""What is remembered: when the present stretch of each began (-1: none), and for how long it has
not been seen since."""


class SignalRules:
    """The rules for technical conditions.

    Parameters
    ----------
    limits : Limits
        Limits in force for all slots.
    """

    def __init__(self, limits: Limits) -> None:
        limit_s = {
            Code.LEAD_OFF: limits.lead_off_s,
            Code.SIGNAL_GAP: limits.signal_gap_s,
            Code.NOISE: limits.noise_s,
            Code.FLAT_LINE: limits.flat_line_s,
            Code.SATURATION: limits.saturation_s,
        }
        self._limit_ms = np.array([round(1000 * limit_s[code]) for code in SIGNAL_CODES])
        self._clear_ms = round(limits.technical_clear_s * 1000)
        # What flickers, noise and clipping, has its short good stretches bridged.
        flickers = np.isin(SIGNAL_CODES, [Code.NOISE, Code.SATURATION])
        self._break_ms = np.where(flickers, self._clear_ms, TICK_MS)

    def apply(
        self,
        state: SlotArrays,
        slots: Slots,
        now_ms: NDArray[np.int64],
        quality: TickQuality,
        log: EdgeLog,
    ) -> None:
        """Take in one tick's quality; open and end what follows from it."""
        bad = _bad_signal(quality)
        since_ms = state["bad_since_ms"][slots]
        rows = np.flatnonzero((bad | (since_ms >= 0)).any(axis=1))
        if len(rows):
            self._follow(state, rows, slots[rows], now_ms[rows], bad[rows], log)

    def _follow(
        self,
        state: SlotArrays,
        rows: NDArray[np.intp],
        slots: Slots,
        now_ms: NDArray[np.int64],
        bad: NDArray[np.bool_],
        log: EdgeLog,
    ) -> None:
        """Lengthen, break, open and end the stretches of rows that have any."""
        now = now_ms[:, None]
        is_open = state["open"][slots][:, list(SIGNAL_CODES)]
        since_ms = state["bad_since_ms"][slots]
        since_ms = np.where(bad & (since_ms < 0), now - TICK_MS, since_ms)
        gone_ms = np.where(bad, 0, state["bad_gone_ms"][slots] + TICK_MS)
        opens = ~is_open & bad & (now - since_ms >= self._limit_ms)
        ends = is_open & (gone_ms >= self._clear_ms)
        broken = ends | (~is_open & (gone_ms >= self._break_ms))
        state["bad_since_ms"][slots] = np.where(broken, -1, since_ms)
        state["bad_gone_ms"][slots] = np.where(broken, 0, gone_ms)
        for column, code in enumerate(SIGNAL_CODES):
            on, off = opens[:, column], ends[:, column]
            log.open(rows[on], code, since_ms[on, column])
            log.end(rows[off], code, now_ms[off] - gone_ms[off, column])


def _bad_signal(quality: TickQuality) -> NDArray[np.bool_]:
    """Sort each tick under one cause at most: gap before what stands still before noise.

    Returns
    -------
    NDArray[np.bool_]
        Array of shape (n_rows, 5), columns as in :data:`SIGNAL_CODES`.
    """
    missing, there = quality.missing, ~quality.missing
    flat, saturated = quality.flat & there, quality.saturated & there
    noise = quality.noisy & there & ~flat & ~saturated
    return np.stack(
        [flat & saturated, missing, noise, flat & ~saturated, saturated & ~flat], axis=1
    )
