"""The last 10 s of the lead that is scored, kept for alarms to show; where that is asked for.

It costs 3 KiB a stream. What an alarm shows ends with the tick that decided it.
"""

from __future__ import annotations

import numpy as np

from inference.conditioning import ConditionedBlock
from inference.peaks import by_rank
from inference.slots import Field
from inference.stage import Stage
from inference.strip import Strip
from inference.ticks import AAMI, TICK_MS, BlockBeats

STRIP_TICKS = 50
"""Ticks that are kept: 10 s."""
MOST_BEATS = 50
"""Beats that are kept, the refractory time apart all that a strip can hold."""
NEVER_MS = -(10**9)
_INDEX_STEPS = 100


class Strips(Stage):
    """Keeps the last 10 s of many streams.

    Parameters
    ----------
    fs : int
        Sampling frequency of the conditioned signal, Hz.
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, fs: int, n_slots: int = 0) -> None:
        self.fs, self._n = fs, fs * TICK_MS // 1000
        super().__init__(
            {
                "signal_uv": Field((STRIP_TICKS, self._n), np.int16),
                "index": Field((STRIP_TICKS,), np.uint8),
                "held": Field(dtype=np.int8),
                "r_ms": Field((MOST_BEATS,), np.int64, NEVER_MS),
                "aami": Field((MOST_BEATS,), np.int8),
            },
            n_slots,
        )
        self._row: dict[int, int] = {}

    def take(self, block: ConditionedBlock, found: BlockBeats) -> None:
        """Take the next ticks of some streams, and the beats that they decided."""
        state, slots = self.state, block.slots
        uv = np.clip(np.rint(block.signal_uv), -32767, 32767).astype(np.int16)
        index = np.rint(block.quality.index * _INDEX_STEPS).astype(np.uint8)
        signal = np.concatenate([state["signal_uv"][slots], uv], axis=1)
        indices = np.concatenate([state["index"][slots], index], axis=1)
        n_ticks = uv.shape[1]
        self._line = (block, signal, indices, state["held"][slots].copy())
        self._beats = (state["r_ms"][slots].copy(), state["aami"][slots].copy(), found)
        self._row = {slot: row for row, slot in enumerate(slots.tolist())}
        state["signal_uv"][slots] = signal[:, -STRIP_TICKS:]
        state["index"][slots] = indices[:, -STRIP_TICKS:]
        held = np.minimum(state["held"][slots].astype(np.int64) + n_ticks, STRIP_TICKS)
        state["held"][slots] = held
        for of_rank in by_rank(found.row):
            own = slots[found.row[of_rank]]
            for name, values in (("r_ms", found.r_ms), ("aami", found.aami)):
                ring = state[name][own]
                state[name][own] = np.concatenate([ring[:, 1:], values[of_rank, None]], axis=1)

    def of(self, slot: int, decided_ms: int) -> Strip:
        """Give the strip of a stream of the block that was taken last.

        Parameters
        ----------
        slot : int
            Its slot.
        decided_ms : int
            End of the tick of the block that the strip shall end with, ms.
        """
        row = self._row[slot]
        block, signal, indices, held = self._line
        tick = int(decided_ms // TICK_MS - block.first_tick[row] - 1)
        stop = STRIP_TICKS + tick + 1
        start = max(stop - STRIP_TICKS, STRIP_TICKS - int(held[row]))
        begin_ms = decided_ms - (stop - start) * TICK_MS
        r_ms, aami, found = self._beats
        own = (found.row == row) & (found.tick <= tick)
        all_ms = np.concatenate([r_ms[row], found.r_ms[own]])
        classes = np.concatenate([aami[row], found.aami[own]])
        shown = (all_ms >= begin_ms).nonzero()[0]
        return Strip(
            begin_ms,
            self.fs,
            signal[row, start:stop].reshape(-1),
            tuple((indices[row, start:stop] / _INDEX_STEPS).tolist()),
            tuple((int(all_ms[i]), AAMI[classes[i]]) for i in shown),
        )
