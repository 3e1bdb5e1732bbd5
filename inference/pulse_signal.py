"""Pulse leads, made ready: any sampling frequency to 50 Hz in the lead's own unit, tick by tick.

The same exact resampling as that of the ECG (:mod:`inference.resample`), so that what comes out
does not depend on how the samples came. Nothing is filtered beyond it: upstrokes are looked for
in differences, which no slow drift disturbs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.carry import Carry
from inference.cuts import cuts
from inference.pulse_leads import MMHG_PER_UNIT
from inference.resample import TAP_SCALE, by_number, rate_plan, weighted_sums
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Composite
from inference.ticks import TICK_MS
from ingest.frames import MISSING_ADU, Lead

PULSE_FS = 50
"""Sampling frequency at which pulses are looked for, Hz: an upstroke lasts 100 ms or longer."""
PER_TICK = PULSE_FS * TICK_MS // 1000
"""Samples a tick."""
FRAME_MS = 1000 // PULSE_FS
"""Length of a sample, ms."""
FLAT_MS = 3000
"""A pulse lead that has not moved by more than ``FLAT_ADU`` for so long is off, ms: coarse
converters show a plateau of one value between slow pulses."""
FLAT_ADU = 1
"""Movement that is none, adu."""


@dataclass(frozen=True, slots=True, eq=False)
class PulseBlock:
    """The same number of ticks of one pulse lead for several streams."""

    slots: Slots
    """Array of shape (n_rows,)."""
    first_tick: NDArray[np.int64]
    """Array of shape (n_rows,): number of each row's first tick."""
    signal: NDArray[np.float64]
    """Array of shape (n_rows, n_ticks, PER_TICK), mmHg for pressure, else the lead's unit."""
    off: NDArray[np.bool_]
    """Array of shape (n_rows, n_ticks): half of the samples are missing, or nothing moves."""


class PulseSignal(Composite):
    """Calibrates and resamples one pulse lead of many streams.

    Parameters
    ----------
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, n_slots: int = 0) -> None:
        self.state = SlotArrays(
            {
                "next_sample": Field(dtype=np.int64),
                "next_tick": Field(dtype=np.int64),
                "hold_adu": Field(dtype=np.int16),
                "unit_per_adu": Field(dtype=np.float64, initial=1),
                "baseline_adu": Field(dtype=np.int64),
                "flat_low": Field(dtype=np.int16),
                "flat_high": Field(dtype=np.int16, initial=2 * FLAT_ADU),
                "flat_ticks": Field(dtype=np.int32),
            },
            n_slots,
        )
        self._carry = Carry(n_slots)
        super().__init__({"signal": self.state, "carry": self._carry})

    def start(self, slot: int, *, fs: float, first_sample: int, first_adu: int, lead: Lead) -> None:
        """Begin a stream in a fresh slot.

        Parameters
        ----------
        slot : int
            Its slot.
        fs : float
            Sampling frequency of the source, Hz.
        first_sample : int
            Index of the first sample that will be pushed.
        first_adu : int
            That sample, adu: what lies before it is taken to have stood there.
        lead : Lead
            Calibration; pressure is taken to mmHg.
        """
        plan = rate_plan(fs, PULSE_FS)
        tick = plan.tick_at(first_sample)
        lead_in = first_sample - int(plan.start(np.array(tick, np.int64)))
        hold = lead.baseline if first_adu == MISSING_ADU else first_adu
        state = self.state
        state["next_sample"][slot] = first_sample
        state["next_tick"][slot] = tick
        state["hold_adu"][slot] = np.clip(hold, -32767, 32767)
        state["unit_per_adu"][slot] = MMHG_PER_UNIT.get(lead.unit, 1.0) / lead.adc_gain
        state["baseline_adu"][slot] = lead.baseline
        self._carry.fill(slot, lead_in, int(state["hold_adu"][slot]))

    def push(
        self,
        slots: Slots,
        raw_adu: NDArray[np.int16],
        fs: float,
        next_tick: NDArray[np.int64],
    ) -> list[PulseBlock]:
        """Take the next samples of several streams, give their ticks up to where the ECG stands.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams, all sampled at ``fs``.
        raw_adu : array of shape (n_rows, n_samples), adu
            Their next samples; ``MISSING_ADU`` where there is none.
        fs : float
            Sampling frequency, Hz.
        next_tick : array of shape (n_rows,)
            First tick that is not wanted yet: of the ECG, whose window is never shorter.

        Returns
        -------
        list of PulseBlock
            One for each number of ticks that rows have in common, from 1.
        """
        plan, state = rate_plan(fs, PULSE_FS), self.state
        n_carried = self._carry.count(slots)
        buffer = self._carry.joined(slots, raw_adu)
        n_valid = n_carried + raw_adu.shape[1]
        origin = state["next_sample"][slots] - n_carried
        first_tick = state["next_tick"][slots]
        missing = buffer == MISSING_ADU
        missing &= np.arange(buffer.shape[1]) < n_valid[:, None]
        values = self._filled(slots, buffer, missing) if missing.any() else buffer
        blocks = []
        for n, rows in by_number(next_tick - first_tick):
            ticks = first_tick[rows, None] + np.arange(n)
            starts = plan.start(ticks) - origin[rows, None]
            sums = weighted_sums(values[rows], starts, plan.phase(ticks), plan) / TAP_SCALE
            chosen, own = slots[rows], plan.width - 2 * plan.before
            adu = sums - state["baseline_adu"][chosen][:, None, None]
            signal = adu * state["unit_per_adu"][chosen][:, None, None]
            lost = cuts(missing[rows], starts + plan.before, own).mean(axis=2) >= 0.5
            off = lost | self._flat(chosen, cuts(values[rows], starts + plan.before, own))
            blocks.append(PulseBlock(chosen, first_tick[rows], signal, off))
        begin = plan.start(next_tick) - origin
        self._carry.keep(slots, buffer, begin, n_valid)
        moved = np.flatnonzero(begin > 0)
        state["hold_adu"][slots[moved]] = values[moved, begin[moved] - 1]
        state["next_sample"][slots] = origin + n_valid
        state["next_tick"][slots] = next_tick
        return blocks

    def _filled(
        self, slots: Slots, buffer: NDArray[np.int16], missing: NDArray[np.bool_]
    ) -> NDArray[np.int16]:
        """Hold the last sample heard through missing ones."""
        hold = self.state["hold_adu"][slots][:, None]
        source = np.where(missing, 0, np.arange(1, buffer.shape[1] + 1))
        source = np.maximum.accumulate(source, axis=1)
        return np.take_along_axis(np.concatenate([hold, buffer], axis=1), source, axis=1)

    def _flat(self, slots: Slots, raw_adu: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Tell in which ticks the lead has stood still for ``FLAT_MS``, shape (n_rows, n_ticks)."""
        state = self.state
        low, high = raw_adu.min(axis=2), raw_adu.max(axis=2)
        run_low, run_high = state["flat_low"][slots], state["flat_high"][slots]
        run = state["flat_ticks"][slots]
        flat = np.zeros(low.shape, np.bool_)
        for k in range(low.shape[1]):
            both_low, both_high = np.minimum(run_low, low[:, k]), np.maximum(run_high, high[:, k])
            goes_on = both_high.astype(np.int32) - both_low <= FLAT_ADU
            run_low = np.where(goes_on, both_low, low[:, k])
            run_high = np.where(goes_on, both_high, high[:, k])
            run = np.where(goes_on, run + 1, 0).astype(np.int32)
            flat[:, k] = run * TICK_MS >= FLAT_MS
        state["flat_low"][slots], state["flat_high"][slots] = run_low, run_high
        state["flat_ticks"][slots] = run
        return flat
