"""Signal quality, tick by tick, and the amplitude scale that models are given.

Plain features with stated limits (missing, flat, saturated) and an index of the
waveform, which below a limit says noisy. They gate what may be believed; they
do not mend anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inference.quality_index import SPAN_TICKS, QualityModel, measure, over_window, shipped
from inference.slots import Field, Slots, in_a_row
from inference.stage import Stage
from inference.ticks import TickQuality

MISSING_SHARE = 0.25
"""A tick is missing when at least this share of its samples is."""
FLAT_UV = 8.0
"""Peak-to-peak within which a signal does not move, uV: below any ECG, about 1-2 adu."""
FLAT_TICKS = 10
"""Ticks that a signal must not have moved to be called flat: 2 s."""
RAIL_UV = 2000.0
"""Distance from the baseline from which equal samples mean a converter at its limit, uV."""
MOST_ADU = 32767
"""Sample beyond which int16 has no more, adu: a limit in any calibration."""
RAIL_SHARE = 0.5
"""Share of a tick's samples that must be equal to its extreme."""
MIN_SCALE_UV = 150.0
"""Least amplitude scale, uV: below it a signal is not blown up to look like a QRS."""
RISE, FALL = np.float32(1.1), np.float32(0.98)
"""Most that the scale goes up or down in a tick: doubles in 1.4 s, halves in 7 s."""


@dataclass(frozen=True, eq=False)
class QualityTicks:
    """Quality of several ticks of several streams, every array of shape (n_rows, n_ticks)."""

    scale_uv: NDArray[np.float32]
    """Amplitude scale, about the peak-to-peak QRS amplitude of the past seconds, uV."""
    missing: NDArray[np.bool_]
    """Samples are missing."""
    flat: NDArray[np.bool_]
    """The signal has not moved for 2 s, or is stuck at the converter's limit."""
    saturated: NDArray[np.bool_]
    """The signal is at the converter's limit: held there where it is flat too, else clipped."""
    noisy: NDArray[np.bool_]
    """Too much noise for beats to be believed."""
    index: NDArray[np.float32]
    """Quality index of the last two seconds, 0 to 1; 0 where nothing is heard."""

    @classmethod
    def joined(cls, parts: Sequence[QualityTicks]) -> QualityTicks:
        """Put the rows of several under one another."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @cached_property
    def heard(self) -> NDArray[np.bool_]:
        """Array of shape (n_rows, n_ticks): there is a signal, be it noisy."""
        return ~(self.missing | self.flat | self.saturated)

    @cached_property
    def readable(self) -> NDArray[np.bool_]:
        """Array of shape (n_rows, n_ticks): beats may be called from the tick."""
        return self.heard & ~self.noisy

    def tick(self, k: int, rows: NDArray[np.intp]) -> TickQuality:
        """Return tick ``k`` of some rows."""
        return TickQuality(
            self.missing[rows, k],
            self.flat[rows, k],
            self.saturated[rows, k],
            self.noisy[rows, k],
            self.index[rows, k],
        )


class Quality(Stage):
    """Judges ticks; its state is a few recent ticks' features a stream.

    Parameters
    ----------
    n_slots : int
        Streams to make room for.
    model : QualityModel, optional
        Weights of the index; those that ship where not given.
    """

    def __init__(self, n_slots: int = 0, model: QualityModel | None = None) -> None:
        self.model = model or shipped()
        super().__init__(
            {
                "n_ticks": Field(dtype=np.int64),
                "scale_uv": Field(initial=MIN_SCALE_UV),
                "span_uv": Field((SPAN_TICKS,)),
                "rough_uv": Field((SPAN_TICKS - 1,)),
                "level_uv": Field((SPAN_TICKS - 1,)),
                "flat_low": Field(dtype=np.int16),
                "flat_high": Field(dtype=np.int16),
                "index": Field(),
                "flat_run": Field(dtype=np.int32),
                "stuck": Field(dtype=np.bool_),
            },
            n_slots,
        )

    def judge(
        self,
        slots: Slots,
        signal_uv: NDArray[np.float32],
        levels_uv: NDArray[np.float32],
        raw_adu: NDArray[np.int16],
        lost: NDArray[np.bool_] | None,
        uv_per_adu: NDArray[np.float64],
    ) -> QualityTicks:
        """Judge the next ticks of several streams.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        signal_uv : array of shape (n_rows, n_ticks, n_out), uV
            Conditioned signal.
        levels_uv : array of shape (n_rows, n_ticks), uV
            Mean of each tick before its baseline was taken away.
        raw_adu : array of shape (n_rows, n_ticks, n_raw), adu
            The source samples of each tick, held where missing.
        lost : array of shape (n_rows, n_ticks, n_raw), or None
            Where samples are missing; None where none is.
        uv_per_adu : array of shape (n_rows,), uV/adu
            Calibration; negative where the source is upside down.

        Returns
        -------
        QualityTicks
            Quality of each of the ticks.
        """
        of = in_a_row(slots)
        missing = np.zeros(raw_adu.shape[:2], np.bool_)
        if lost is not None:
            missing = np.count_nonzero(lost, axis=2) >= MISSING_SHARE * lost.shape[2]
        low, high = raw_adu.min(axis=2), raw_adu.max(axis=2)
        still, flat = self._flat(of, low, high, uv_per_adu)
        top, bottom = signal_uv.max(axis=2), signal_uv.min(axis=2)
        saturated = np.zeros(flat.shape, np.bool_)
        if max(top.max(initial=0), -bottom.min(initial=0)) >= RAIL_UV:
            over, under = top >= RAIL_UV, bottom <= -RAIL_UV
            turned = (uv_per_adu < 0)[:, None]
            far_high, far_low = np.where(turned, under, over), np.where(turned, over, under)
            saturated = _at_rail(raw_adu, high, far_high) | _at_rail(raw_adu, low, far_low)
        if still is not None:
            at_end = (high == MOST_ADU) | (low == -MOST_ADU)
            stuck = self._stuck(of, still, saturated | at_end)
            saturated, flat = saturated | stuck, flat | stuck
        scale, largest, roughs = self._amplitudes(of, signal_uv, top - bottom)
        levels = self._behind(of, "level_uv", levels_uv)
        self.state["n_ticks"][of] += signal_uv.shape[1]
        found = measure(largest, roughs, levels, scale)
        index = self.model.index(found.features)
        noisy = self.model.noisy(found, index)
        if noisy.any():
            index = np.where(noisy, np.minimum(index, np.float32(self.model.noisy_below)), index)
        ticks = QualityTicks(scale, missing, flat, saturated, noisy, index)
        if not ticks.heard.all():
            index[~ticks.heard] = 0
        if index.shape[1]:
            self.state["index"][of] = index[:, -1]
        return ticks

    def amplitude_scale(self, slots: Slots, signal_uv: NDArray[np.float32]) -> NDArray[np.float32]:
        """Follow the amplitude scale alone, as training does over augmented signals.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        signal_uv : array of shape (n_rows, n_ticks, n_out), uV
            Conditioned signal.

        Returns
        -------
        array of shape (n_rows, n_ticks), uV
        """
        spans = signal_uv.max(axis=2) - signal_uv.min(axis=2)
        of = in_a_row(slots)
        scales = self._amplitudes(of, signal_uv, spans)[0]
        self.state["n_ticks"][of] += signal_uv.shape[1]
        return scales

    def _flat(
        self,
        of: Slots | slice,
        low: NDArray[np.int16],
        high: NDArray[np.int16],
        uv_per_adu: NDArray[np.float64],
    ) -> tuple[NDArray[np.bool_] | None, NDArray[np.bool_]]:
        """Follow how long the signal has stayed within one narrow band.

        Returns
        -------
        still : array of shape (n_rows, n_ticks), or None
            The tick stays in the band of the one before, or begins one; None where none does.
        flat : array of shape (n_rows, n_ticks)
            It has been so for 2 s.
        """
        state = self.state
        run_low, run_high = state["flat_low"][of], state["flat_high"][of]
        run = state["flat_run"][of]
        limit = FLAT_UV / np.abs(uv_per_adu)
        flat = np.zeros(low.shape, np.bool_)
        if not (run.any() or (_span(low, high) <= limit[:, None]).any()):  # as nearly always
            state["flat_low"][of], state["flat_high"][of] = low[:, -1], high[:, -1]
            state["stuck"][of] = False
            return None, flat
        still = np.zeros(low.shape, np.bool_)
        for k in range(low.shape[1]):
            joined_low = np.minimum(run_low, low[:, k])
            joined_high = np.maximum(run_high, high[:, k])
            goes_on = (run > 0) & (_span(joined_low, joined_high) <= limit)
            alone = _span(low[:, k], high[:, k]) <= limit
            run_low = np.where(goes_on, joined_low, low[:, k])
            run_high = np.where(goes_on, joined_high, high[:, k])
            run = np.where(goes_on, run + 1, alone.astype(np.int32)).astype(np.int32)
            still[:, k], flat[:, k] = run > 0, run >= FLAT_TICKS
        state["flat_low"][of], state["flat_high"][of] = run_low, run_high
        state["flat_run"][of] = run
        return still, flat

    def _stuck(
        self, of: Slots | slice, still: NDArray[np.bool_], at_rail: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Tell for how long a signal rests that came to rest at the rail.

        The baseline follows it there, so that a look at one tick would not tell it any more.
        """
        stuck, held = self.state["stuck"][of], np.zeros_like(still)
        for k in range(still.shape[1]):
            held[:, k] = stuck = still[:, k] & (stuck | at_rail[:, k])
        self.state["stuck"][of] = stuck
        return held

    def _amplitudes(
        self, of: Slots | slice, signal_uv: NDArray[np.float32], spans: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], ...]:
        """Return the amplitude scale of each tick, the largest span of the last ones, roughness.

        Returns
        -------
        scales, largest : arrays of shape (n_rows, n_ticks), uV
        roughs : array of shape (n_rows, SPAN_TICKS - 1 + n_ticks), uV
            With those before.
        """
        state = self.state
        bends = np.abs(signal_uv[..., 2:] - 2 * signal_uv[..., 1:-1] + signal_uv[..., :-2])
        roughs = self._behind(of, "rough_uv", _fixed_mean(bends))
        recent = np.concatenate([state["span_uv"][of], spans], axis=1)
        state["span_uv"][of] = recent[:, -SPAN_TICKS:]
        scale, age = state["scale_uv"][of], state["n_ticks"][of]
        scales = np.empty_like(spans)
        least = np.float32(MIN_SCALE_UV)
        largest = over_window(np.maximum, recent[:, 1:], SPAN_TICKS)
        wanted, some_young = np.maximum(largest, least), bool((age < SPAN_TICKS).any())
        for k in range(spans.shape[1]):
            held = np.minimum(np.maximum(wanted[:, k], scale * FALL), scale * RISE)
            if some_young:
                held = np.where(age + k < SPAN_TICKS, wanted[:, k], held)
            scales[:, k] = scale = np.maximum(held, least)
        state["scale_uv"][of] = scale
        return scales, largest, roughs

    def _behind(
        self, of: Slots | slice, name: str, newest: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Put values of new ticks behind those of the last; a stream begins as if it stood so."""
        before, n_ticks = self.state[name][of], self.state["n_ticks"][of]
        if not n_ticks.all():
            before = np.where(n_ticks[:, None] == 0, newest[:, :1], before)
        line = np.concatenate([before, newest], axis=1)
        self.state[name][of] = line[:, -(SPAN_TICKS - 1) :]
        return line


def _span(low: NDArray[np.int16], high: NDArray[np.int16]) -> NDArray[np.int64]:
    """Subtract without overflow."""
    return np.subtract(high, low, dtype=np.int64)


def _fixed_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean over the last axis, the same bits for any layout: added up in integers."""
    whole = np.rint(values).astype(np.int64)
    mean: NDArray[np.float64] = whole.sum(axis=-1) / values.shape[-1]
    return mean.astype(np.float32)


def _at_rail(
    raw_adu: NDArray[np.int16], extreme: NDArray[np.int16], far: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell where a good part of a tick's samples stands at its extreme, if that lies far out."""
    at_rail = np.zeros(far.shape, np.bool_)
    row, tick = np.nonzero(far)
    equal = raw_adu[row, tick] == extreme[row, tick, None]
    at_rail[row, tick] = np.count_nonzero(equal, axis=1) >= RAIL_SHARE * raw_adu.shape[2]
    return at_rail
