"""Signal quality, tick by tick, and the amplitude scale that models are given.

Plain features with stated limits: missing, flat, saturated, noisy. They gate
what may be believed; they do not mend anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from inference.slots import Field, Slots
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
NOISE_RATIO = 0.06
"""Quiet-tick roughness against the QRS amplitude from which beats are not believed: over 99 % of
the ticks of every DS1 record lie below, muscle noise of a quarter of the QRS above."""
MIN_SCALE_UV = 150.0
"""Least amplitude scale, uV: below it a signal is not blown up to look like a QRS."""
RISE, FALL = np.float32(1.1), np.float32(0.98)
"""Most that the scale goes up or down in a tick: doubles in 1.4 s, halves in 7 s."""
SPAN_TICKS = 10
"""Ticks over which the largest excursion is taken: 2 s holds a QRS down to 30 bpm."""
ROUGH_TICKS = 5
"""Ticks among which the quietest tells the noise: one of them lies between QRS complexes."""


@dataclass(frozen=True, slots=True, eq=False)
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
    """Too much noise."""
    index: NDArray[np.float32]
    """Quality index, 0 to 1."""

    @classmethod
    def joined(cls, parts: Sequence[QualityTicks]) -> QualityTicks:
        """Put the rows of several under one another."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @property
    def heard(self) -> NDArray[np.bool_]:
        """Array of shape (n_rows, n_ticks): there is a signal, be it noisy."""
        return ~(self.missing | self.flat | self.saturated)

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Array of shape (n_rows, n_ticks): beats may be called from the tick."""
        return ~(self.missing | self.flat | self.saturated | self.noisy)

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
    """

    def __init__(self, n_slots: int = 0) -> None:
        super().__init__(
            {
                "n_ticks": Field(dtype=np.int64),
                "scale_uv": Field(initial=MIN_SCALE_UV),
                "span_uv": Field((SPAN_TICKS,)),
                "rough_uv": Field((ROUGH_TICKS,)),
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
        missing = np.zeros(raw_adu.shape[:2], np.bool_)
        if lost is not None:
            missing = np.count_nonzero(lost, axis=2) >= MISSING_SHARE * lost.shape[2]
        low, high = raw_adu.min(axis=2), raw_adu.max(axis=2)
        still, flat = self._flat(slots, low, high, uv_per_adu)
        top, bottom = signal_uv.max(axis=2), signal_uv.min(axis=2)
        over, under = top >= RAIL_UV, bottom <= -RAIL_UV
        saturated = np.zeros(flat.shape, np.bool_)
        if over.any() or under.any():
            turned = (uv_per_adu < 0)[:, None]
            far_high, far_low = np.where(turned, under, over), np.where(turned, over, under)
            saturated = _at_rail(raw_adu, high, far_high) | _at_rail(raw_adu, low, far_low)
        if still is not None:
            at_end = (high == MOST_ADU) | (low == -MOST_ADU)
            stuck = self._stuck(slots, still, saturated | at_end)
            saturated, flat = saturated | stuck, flat | stuck
        scale, rough = self._amplitudes(slots, signal_uv, top - bottom)
        ratio = rough / scale
        index = np.float32(1) / (np.float32(1) + (ratio / np.float32(NOISE_RATIO / 2)) ** 2)
        index[missing | flat | saturated] = 0
        if index.shape[1]:
            self.state["index"][slots] = index[:, -1]
        return QualityTicks(scale, missing, flat, saturated, ratio > NOISE_RATIO, index)

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
        return self._amplitudes(slots, signal_uv, spans)[0]

    def _flat(
        self,
        slots: Slots,
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
        run_low, run_high = state["flat_low"][slots], state["flat_high"][slots]
        run = state["flat_run"][slots]
        limit = np.floor(FLAT_UV / np.abs(uv_per_adu)).astype(np.int64)
        flat = np.zeros(low.shape, np.bool_)
        if not (run.any() or (_span(low, high) <= limit[:, None]).any()):  # as nearly always
            state["flat_low"][slots], state["flat_high"][slots] = low[:, -1], high[:, -1]
            state["stuck"][slots] = False
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
        state["flat_low"][slots], state["flat_high"][slots] = run_low, run_high
        state["flat_run"][slots] = run
        return still, flat

    def _stuck(
        self, slots: Slots, still: NDArray[np.bool_], at_rail: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Tell for how long a signal rests that came to rest at the rail.

        The baseline follows it there, so that a look at one tick would not tell it any more.
        """
        stuck, held = self.state["stuck"][slots], np.zeros_like(still)
        for k in range(still.shape[1]):
            held[:, k] = stuck = still[:, k] & (stuck | at_rail[:, k])
        self.state["stuck"][slots] = stuck
        return held

    def _amplitudes(
        self, slots: Slots, signal_uv: NDArray[np.float32], spans: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the amplitude scale and the roughness of each tick, given its span, uV."""
        state = self.state
        bends = np.abs(signal_uv[..., 2:] - 2 * signal_uv[..., 1:-1] + signal_uv[..., :-2])
        roughs = _fixed_mean(bends)
        recent_spans = np.concatenate([state["span_uv"][slots], spans], axis=1)
        recent_roughs = np.concatenate([state["rough_uv"][slots], roughs], axis=1)
        scale, age = state["scale_uv"][slots], state["n_ticks"][slots]
        scales, quietest = np.empty_like(spans), np.empty_like(spans)
        least = np.float32(MIN_SCALE_UV)
        for k in range(spans.shape[1]):
            largest = np.maximum(recent_spans[:, k + 1 : k + 1 + SPAN_TICKS].max(axis=1), least)
            held = np.minimum(np.maximum(largest, scale * FALL), scale * RISE)
            scale = np.maximum(np.where(age + k < SPAN_TICKS, largest, held), least)
            scales[:, k] = scale
            quietest[:, k] = recent_roughs[:, k + 1 : k + 1 + ROUGH_TICKS].min(axis=1)
        state["span_uv"][slots] = recent_spans[:, -SPAN_TICKS:]
        state["rough_uv"][slots] = recent_roughs[:, -ROUGH_TICKS:]
        state["scale_uv"][slots], state["n_ticks"][slots] = scale, age + spans.shape[1]
        return scales, quietest


def _span(low: NDArray[np.int16], high: NDArray[np.int16]) -> NDArray[np.int64]:
    """Subtract without overflow."""
    return high.astype(np.int64) - low


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
