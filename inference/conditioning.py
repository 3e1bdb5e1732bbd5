"""Conditioning: raw samples to evenly sampled, baseline-free microvolts with their quality.

Causal, its state carried, all patients in one array operation. Everything that
sums is done on integers held exactly, and the rest is element by element, so
the output of a stream depends on nothing but that stream's samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from inference.carry import Carry
from inference.cuts import cuts
from inference.quality import Quality, QualityTicks
from inference.quality_index import QualityModel
from inference.resample import TAP_SCALE, RatePlan, by_number, rate_plan, weighted_sums
from inference.slots import Field, SlotArrays, Slots, in_a_row
from inference.stage import Composite
from inference.streams import UV_PER_UNIT, adu_per_uv
from inference.ticks import TICK_MS
from ingest.frames import MISSING_ADU
from ingest.sequence_types import Chunk

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

    @property
    def scaled(self) -> NDArray[np.float32]:
        """Array of shape (n_rows, n_ticks, n_out): the signal over its amplitude scale."""
        return self.signal_uv / self.quality.scale_uv[:, :, None]

    def in_unit(self, unit: str) -> NDArray[np.float32]:
        """Return the signal in one of ``inference.model.UNITS``, shape (n_rows, n_ticks, n_out)."""
        if unit == "scale":
            return self.scaled
        return self.signal_uv / np.float32(UV_PER_UNIT[unit])

    def end_ms(self, k: int) -> NDArray[np.int64]:
        """Return the end of each row's tick ``k`` on its stream's clock, shape (n_rows,), ms."""
        return (self.first_tick + k + 1) * TICK_MS

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


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """Source samples that ticks are made of; arrays of shape (n_rows, n_samples)."""

    values: NDArray[np.int16]
    """The samples, held where missing, adu."""
    missing: NDArray[np.bool_] | None
    """Where they are; None where none is."""
    origin: NDArray[np.int64]
    """Array of shape (n_rows,): index of the first in the source stream."""


class Conditioning(Composite):
    """Calibrates, resamples and judges the samples of many streams.

    Parameters
    ----------
    model_fs : int
        Sampling frequency wanted, Hz; a whole number of samples a tick.
    n_slots : int
        Streams to make room for.
    quality : QualityModel, optional
        Weights of the quality index; those that ship where not given.
    """

    def __init__(
        self, model_fs: int, n_slots: int = 0, quality: QualityModel | None = None
    ) -> None:
        self.model_fs = model_fs
        self.quality = Quality(n_slots, quality)
        self.state = SlotArrays(
            {
                "next_sample": Field(dtype=np.int64),
                "next_tick": Field(dtype=np.int64),
                "hold_adu": Field(dtype=np.int16),
                "uv_per_adu": Field(dtype=np.float64, initial=1),
                "baseline_adu": Field(dtype=np.int64),
                "baseline_uv": Field(),
                "has_baseline": Field(dtype=np.bool_),
            },
            n_slots,
        )
        self._carry = Carry(n_slots)
        super().__init__({"signal": self.state, "carry": self._carry, "quality": self.quality})

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
            ADC units per microvolt, adu/uV; not 0, negative where the source is upside down.
        baseline : int
            ADC value of 0 V, adu.
        """
        plan = rate_plan(fs, self.model_fs)
        tick = plan.tick_at(first_sample)
        lead_in = first_sample - int(plan.start(np.array(tick, np.int64)))
        hold = baseline if first_adu == MISSING_ADU else first_adu
        state = self.state
        state["next_sample"][slot] = first_sample
        state["next_tick"][slot] = tick
        state["hold_adu"][slot] = np.clip(hold, -32767, 32767)
        state["uv_per_adu"][slot] = 1.0 / gain
        state["baseline_adu"][slot] = baseline
        self._carry.fill(slot, lead_in, int(state["hold_adu"][slot]))

    def start_lead(self, slot: int, chunk: Chunk, row: int | None) -> None:
        """Begin with one lead of a stream's first chunk; None stands for one that it has not."""
        lead = None if row is None else chunk.leads[row]
        self.start(
            slot,
            fs=chunk.fs,
            first_sample=chunk.first_sample,
            first_adu=MISSING_ADU if row is None else int(chunk.samples[row, 0]),
            gain=1.0 if lead is None else adu_per_uv(lead),
            baseline=0 if lead is None else lead.baseline,
        )

    def push(self, slots: Slots, raw_adu: NDArray[np.int16], fs: float) -> list[ConditionedBlock]:
        """Take the next samples of several streams, give the ticks that became whole.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams, all sampled at ``fs``.
        raw_adu : array of shape (n_rows, n_samples), adu
            Their next samples; ``MISSING_ADU`` where there is none.
        fs : float
            Sampling frequency, Hz.

        Returns
        -------
        list of ConditionedBlock
            One for each number of ticks that rows have in common, from 1.
        """
        plan, of = rate_plan(fs, self.model_fs), in_a_row(slots)
        n_carried = self._carry.count(slots)
        buffer = self._carry.joined(slots, raw_adu)
        n_valid = n_carried + raw_adu.shape[1]
        origin = self.state["next_sample"][of] - n_carried
        first_tick = self.state["next_tick"][of].copy()
        n_ticks = plan.whole_ticks(first_tick, origin + n_valid)
        missing = buffer == MISSING_ADU
        values = buffer
        if some_missing := bool(missing.any()):
            missing &= np.arange(buffer.shape[1]) < n_valid[:, None]
            values = self._filled(slots, buffer, missing)
        blocks = [
            self._block(slots[rows], first_tick[rows], n, source, plan)
            for n, rows in by_number(n_ticks)
            for source in [
                _Source(values[rows], missing[rows] if some_missing else None, origin[rows])
            ]
        ]
        next_tick = first_tick + n_ticks
        begin = plan.start(next_tick) - origin
        self._carry.keep(slots, buffer, begin, n_valid)
        self._hold(slots, values, begin)
        self.state["next_sample"][of] = origin + n_valid
        self.state["next_tick"][of] = next_tick
        return blocks

    def _filled(
        self, slots: Slots, buffer: NDArray[np.int16], missing: NDArray[np.bool_]
    ) -> NDArray[np.int16]:
        """Hold the last sample heard through missing ones."""
        hold = self.state["hold_adu"][slots][:, None]
        source = np.where(missing, 0, np.arange(1, buffer.shape[1] + 1))
        source = np.maximum.accumulate(source, axis=1)
        return np.take_along_axis(np.concatenate([hold, buffer], axis=1), source, axis=1)

    def _block(
        self, slots: Slots, first_tick: NDArray[np.int64], n: int, source: _Source, plan: RatePlan
    ) -> ConditionedBlock:
        """Make ``n`` ticks of some rows."""
        ticks = first_tick[:, None] + np.arange(n)
        starts = plan.start(ticks) - source.origin[:, None]
        sums = weighted_sums(source.values, starts, plan.phase(ticks), plan)
        of = in_a_row(slots)
        uv_per_adu = self.state["uv_per_adu"][of]
        sums /= TAP_SCALE
        sums -= self.state["baseline_adu"][of][:, None, None]
        sums *= uv_per_adu[:, None, None]
        raw_uv = np.rint(sums, out=sums)
        levels_uv = (raw_uv.sum(axis=2) / plan.n_out).astype(np.float32)
        signal_uv = self._about_baseline(of, raw_uv, levels_uv)
        own, starts = plan.width - 2 * plan.before, starts + plan.before
        lost = None if source.missing is None else cuts(source.missing, starts, own)
        quality = self.quality.judge(
            slots, signal_uv, levels_uv, cuts(source.values, starts, own), lost, uv_per_adu
        )
        return ConditionedBlock(slots, first_tick, signal_uv, quality)

    def _about_baseline(
        self, of: Slots | slice, raw_uv: NDArray[np.float64], means: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Take the slow baseline away, moving in a straight line through each tick."""
        baseline, known = self.state["baseline_uv"][of], self.state["has_baseline"][of]
        if not known.all():
            baseline = np.where(known, baseline, means[:, 0])
            self.state["has_baseline"][of] = True
        ramp = _ramp(raw_uv.shape[2])
        signal = raw_uv.astype(np.float32)
        for k in range(raw_uv.shape[1]):
            target = baseline + (means[:, k] - baseline) * BASELINE_RATE
            signal[:, k] -= baseline[:, None] + (target - baseline)[:, None] * ramp
            baseline = target
        self.state["baseline_uv"][of] = baseline
        return signal

    def _hold(self, slots: Slots, values: NDArray[np.int16], begin: NDArray[np.int64]) -> None:
        """Remember the sample before what is carried: it stands where that one begins missing."""
        moved = np.flatnonzero(begin > 0)
        self.state["hold_adu"][slots[moved]] = values[moved, begin[moved] - 1]


@cache
def _ramp(n: int) -> NDArray[np.float32]:
    """Give the shares of the way through a tick at which its samples lie, shape (n,)."""
    return (np.arange(1, n + 1) / n).astype(np.float32)
