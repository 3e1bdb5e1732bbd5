"""Episodes of the signal itself: lead off, gap, noise; and since when beats can be missed.

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

SIGNAL_CODES = (Code.LEAD_OFF, Code.SIGNAL_GAP, Code.NOISE)
"""Technical conditions, in the order of the columns of the ``bad_*`` arrays."""

FIELDS = {
    "bad_since_ms": Field((len(SIGNAL_CODES),), np.int64, -1),
    "bad_gone_ms": Field((len(SIGNAL_CODES),), np.int64),
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
        self._limit_ms = np.round(
            1000 * np.array([limits.lead_off_s, limits.signal_gap_s, limits.noise_s])
        ).astype(np.int64)
        self._clear_ms = round(limits.technical_clear_s * 1000)
        # Lead off and gap must be unbroken; noise flickers, so short good stretches are bridged.
        self._break_ms = np.array([TICK_MS, TICK_MS, self._clear_ms])

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
    """Sort each tick under one cause at most: gap before lead off before noise.

    Returns
    -------
    NDArray[np.bool_]
        Array of shape (n_rows, 3), columns as in :data:`SIGNAL_CODES`.
    """
    lead_off = (quality.flat | quality.saturated) & ~quality.missing
    noise = quality.noisy & ~(quality.flat | quality.saturated | quality.missing)
    return np.stack([lead_off, quality.missing, noise], axis=1)
