"""Conditioning: raw samples to evenly sampled, baseline-free microvolts with their quality.

Causal, its state carried, all patients in one array operation. Everything that
sums is done on integers held exactly, and the rest is element by element, so
the output of a stream depends on nothing but that stream's samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.quality import Quality, QualityTicks
from inference.resample import TAP_SCALE, RatePlan, rate_plan
from inference.slots import Field, SlotArrays, Slots, Snapshot
from ingest.frames import MISSING_ADU

BASELINE_RATE = np.float32(0.25)
"""Share of the way the baseline goes to each tick's mean: a high-pass near 0.2 Hz, no delay."""


@dataclass(frozen=True, slots=True, eq=False)
class ConditionedBlock:
    """The same number of ticks for several streams."""

    slots: Slots
    """Array of shape (n_rows,)."""
    first_tick: NDArray[np.int64]
    """Array of shape (n_rows,): number of each row's first tick."""
    signal_uv: NDArray[np.float32]
    """Array of shape (n_rows, n_ticks, n_out), uV about the baseline, at the model's fs."""
    quality: QualityTicks
    """Quality of each tick; its arrays have shape (n_rows, n_ticks)."""

    @classmethod
    def joined(cls, blocks: Sequence[ConditionedBlock]) -> ConditionedBlock:
        """Put the rows of several blocks of as many ticks under one another."""
        if len(blocks) == 1:
            return blocks[0]
        return cls(
            np.concatenate([block.slots for block in blocks]),
            np.concatenate([block.first_tick for block in blocks]),
            np.concatenate([block.signal_uv for block in blocks]),
            QualityTicks.joined([block.quality for block in blocks]),
        )


class Conditioning:
    """Calibrates, resamples and judges the samples of many streams.

    Parameters
    ----------
    model_fs : int
        Sampling frequency wanted, Hz; a whole number of samples a tick.
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, model_fs: int, n_slots: int = 0) -> None:
        self.model_fs = model_fs
        self.quality = Quality(n_slots)
        self.state = SlotArrays(
            {
                "next_sample": Field(dtype=np.int64),
                "next_tick": Field(dtype=np.int64),
                "n_carried": Field(dtype=np.int64),
                "hold_adu": Field(dtype=np.int16),
                "uv_per_adu": Field(dtype=np.float64, initial=1),
                "baseline_adu": Field(dtype=np.int64),
                "baseline_uv": Field(),
                "has_baseline": Field(dtype=np.bool_),
            },
            n_slots,
        )
        self._carry = np.zeros((n_slots, 0), np.int16)

    def resize(self, n_slots: int) -> None:
        """Make room for more streams."""
        self.state.resize(n_slots)
        self.quality.resize(n_slots)
        if n_slots > len(self._carry):
            grown = np.zeros((n_slots, self._carry.shape[1]), np.int16)
            grown[: len(self._carry)] = self._carry
            self._carry = grown

    def reset(self, slots: Slots) -> None:
        """Forget the given streams."""
        self.state.reset(slots)
        self.quality.reset(slots)

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy the state of the given streams."""
        carry = self._carry[slots].copy()
        carry[np.arange(carry.shape[1]) >= self.state["n_carried"][slots][:, None]] = 0
        quality = {f"quality.{k}": v for k, v in self.quality.snapshot(slots).items()}
        return self.state.snapshot(slots) | quality | {"carry": carry}

    def restore(self, slots: Slots, snapshot: Snapshot) -> None:
        """Write back a copy made by :meth:`snapshot`."""
        rows = dict(snapshot)
        carry = rows.pop("carry")
        quality = {k: rows.pop(k) for k in list(rows) if k.startswith("quality.")}
        self.quality.restore(slots, {k.removeprefix("quality."): v for k, v in quality.items()})
        self.state.restore(slots, rows)
        self._widen(carry.shape[1])
        self._carry[slots, : carry.shape[1]] = carry

    def start(
        self, slot: int, *, fs: float, first_sample: int, first_adu: int, gain: float, baseline: int
    ) -> None:
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
        gain : float
            ADC units per microvolt, adu/uV.
        baseline : int
            ADC value of 0 V, adu.
        """
        plan = rate_plan(fs, self.model_fs)
        tick = plan.tick_at(first_sample)
        lead_in = first_sample - int(plan.start(np.array(tick, np.int64)))
        self._widen(lead_in)
        hold = baseline if first_adu == MISSING_ADU else first_adu
        state = self.state
        state["next_sample"][slot] = first_sample
        state["next_tick"][slot] = tick
        state["n_carried"][slot] = lead_in
        state["hold_adu"][slot] = np.clip(hold, -32767, 32767)
        state["uv_per_adu"][slot] = 1.0 / gain
        state["baseline_adu"][slot] = baseline
        self._carry[slot, :lead_in] = state["hold_adu"][slot]

    def push(
        self, slots: Slots, raw_adu: NDArray[np.int16], fs: float
    ) -> Iterator[ConditionedBlock]:
        """Take the next samples of several streams, give the ticks that became whole.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams, all sampled at ``fs``.
        raw_adu : array of shape (n_rows, n_samples), adu
            Their next samples; ``MISSING_ADU`` where there is none.
        fs : float
            Sampling frequency, Hz.

        Yields
        ------
        ConditionedBlock
            One for each number of ticks that rows have in common.
        """
        plan = rate_plan(fs, self.model_fs)
        state = self.state
        n_carried = state["n_carried"][slots]
        buffer = self._joined(slots, n_carried, raw_adu)
        origin = state["next_sample"][slots] - n_carried
        end = state["next_sample"][slots] + raw_adu.shape[1]
        first_tick = state["next_tick"][slots]
        n_ticks = plan.whole_ticks(first_tick, end)
        missing = buffer == MISSING_ADU
        values = self._filled(slots, buffer, missing, n_carried + raw_adu.shape[1])
        blocks = [
            self._block(slots, rows, first_tick, int(n), origin, values, missing, plan)
            for n in np.unique(n_ticks[n_ticks > 0])
            for rows in [np.flatnonzero(n_ticks == n)]
        ]
        self._keep(slots, plan, buffer, values, origin, end, first_tick + n_ticks)
        yield from blocks

    def _joined(
        self, slots: Slots, n_carried: NDArray[np.int64], raw_adu: NDArray[np.int16]
    ) -> NDArray[np.int16]:
        """Put the new samples behind the carried ones, each row at its own place."""
        n_new = raw_adu.shape[1]
        width = int(n_carried.max(initial=0)) + n_new
        buffer = np.zeros((len(slots), width), np.int16)
        carried = min(self._carry.shape[1], width)
        buffer[:, :carried] = self._carry[slots, :carried]
        if (n_carried == n_carried[:1]).all():
            at = int(n_carried[0]) if len(slots) else 0
            buffer[:, at : at + n_new] = raw_adu
        else:
            columns = n_carried[:, None] + np.arange(n_new)
            np.put_along_axis(buffer, columns, raw_adu, axis=1)
        return buffer

    def _filled(
        self,
        slots: Slots,
        buffer: NDArray[np.int16],
        missing: NDArray[np.bool_],
        n_valid: NDArray[np.int64],
    ) -> NDArray[np.int16]:
        """Hold the last sample heard through missing ones."""
        missing &= np.arange(buffer.shape[1]) < n_valid[:, None]
        if not missing.any():
            return buffer
        hold = self.state["hold_adu"][slots][:, None]
        source = np.where(missing, 0, np.arange(1, buffer.shape[1] + 1))
        source = np.maximum.accumulate(source, axis=1)
        return np.take_along_axis(np.concatenate([hold, buffer], axis=1), source, axis=1)

    def _block(
        self,
        slots: Slots,
        rows: NDArray[np.intp],
        first_tick: NDArray[np.int64],
        n: int,
        origin: NDArray[np.int64],
        values: NDArray[np.int16],
        missing: NDArray[np.bool_],
        plan: RatePlan,
    ) -> ConditionedBlock:
        """Make ``n`` ticks for the given rows."""
        ticks = first_tick[rows, None] + np.arange(n)
        at = (plan.start(ticks) - origin[rows, None])[..., None] + np.arange(plan.width)
        window = np.take_along_axis(values[rows], at.reshape(len(rows), -1), axis=1)
        lost = np.take_along_axis(missing[rows], at.reshape(len(rows), -1), axis=1)
        window = window.reshape(at.shape)
        sums = self._weighted_sums(window, plan.phase(ticks), plan)
        chosen = slots[rows]
        adu = sums / TAP_SCALE - self.state["baseline_adu"][chosen][:, None, None]
        raw_uv = np.rint(adu * self.state["uv_per_adu"][chosen][:, None, None])
        own = slice(plan.before, plan.width - plan.before)
        signal_uv = self._about_baseline(chosen, raw_uv)
        quality = self.quality.judge(
            chosen,
            signal_uv,
            window[..., own],
            lost.reshape(at.shape)[..., own],
            self.state["uv_per_adu"][chosen],
        )
        return ConditionedBlock(chosen, first_tick[rows], signal_uv, quality)

    def _weighted_sums(
        self, window: NDArray[np.int16], phase: NDArray[np.int64], plan: RatePlan
    ) -> NDArray[np.float64]:
        """Apply the taps; exact, whatever the order in which the products are added."""
        flat = window.reshape(-1, plan.width).astype(np.float64)
        if len(plan.taps) == 1:
            sums = flat @ plan.taps[0]
        else:
            sums = np.empty((len(flat), plan.n_out))
            which = phase.reshape(-1)
            for p in np.unique(which):
                sums[which == p] = flat[which == p] @ plan.taps[p]
        return sums.reshape(*window.shape[:2], plan.n_out)

    def _about_baseline(self, slots: Slots, raw_uv: NDArray[np.float64]) -> NDArray[np.float32]:
        """Take the slow baseline away, moving in a straight line through each tick."""
        n_out = raw_uv.shape[2]
        means = (raw_uv.sum(axis=2) / n_out).astype(np.float32)
        baseline = self.state["baseline_uv"][slots]
        fresh = ~self.state["has_baseline"][slots]
        baseline[fresh] = means[fresh, 0]
        ramp = (np.arange(1, n_out + 1) / n_out).astype(np.float32)
        signal = raw_uv.astype(np.float32)
        for k in range(raw_uv.shape[1]):
            target = baseline + (means[:, k] - baseline) * BASELINE_RATE
            signal[:, k] -= baseline[:, None] + (target - baseline)[:, None] * ramp
            baseline = target
        self.state["baseline_uv"][slots] = baseline
        self.state["has_baseline"][slots] = True
        return signal

    def _keep(
        self,
        slots: Slots,
        plan: RatePlan,
        buffer: NDArray[np.int16],
        values: NDArray[np.int16],
        origin: NDArray[np.int64],
        end: NDArray[np.int64],
        next_tick: NDArray[np.int64],
    ) -> None:
        """Carry what the next tick's window will need."""
        begin = plan.start(next_tick) - origin
        n_carried = end - origin - begin
        self._widen(int(n_carried.max(initial=0)))
        columns = np.minimum(begin[:, None] + np.arange(self._carry.shape[1]), buffer.shape[1] - 1)
        self._carry[slots] = np.take_along_axis(buffer, columns, axis=1)
        moved = begin > 0
        before = np.take_along_axis(values, np.maximum(begin - 1, 0)[:, None], axis=1)[:, 0]
        hold = self.state["hold_adu"]
        hold[slots[moved]] = before[moved]
        self.state["n_carried"][slots] = n_carried
        self.state["next_sample"][slots] = end
        self.state["next_tick"][slots] = next_tick

    def _widen(self, n: int) -> None:
        """Make room to carry ``n`` samples a stream."""
        if n > self._carry.shape[1]:
            grown = np.zeros((len(self._carry), n), np.int16)
            grown[:, : self._carry.shape[1]] = self._carry
            self._carry = grown
