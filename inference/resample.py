"""Exact resampling: any sampling frequency to the model's, tick by tick, bit for bit.

One tick of output is one small matrix product over all patients. The taps are
integers and the samples are integers, so every partial sum is an integer below
2**53 and the float64 product is exact: the result cannot depend on the batch,
on the chunking, on the BLAS kernel or on the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inference.cuts import alike, cuts
from inference.ticks import TICK_MS

HALF_WIDTH_S = 0.1
"""Half the length of the low-pass kernel, s: the delay that resampling costs."""

CUTOFF_HZ = 40.0
"""-6 dB point of the low-pass, Hz: keeps the QRS (most energy below 30 Hz, Thakor 1984)
and takes mains hum at 50 and 60 Hz down; lower where the source's Nyquist demands it."""

TAP_SCALE = 1 << 16
"""What the integer taps of one output sample add up to: gain one at 0 Hz, exactly."""

MAX_PHASES = 40
"""Sub-sample positions a tick may start at; finer ones are rounded down (error < 1/40 sample)."""


@dataclass(frozen=True, slots=True, eq=False)
class RatePlan:
    """How one tick is made from source samples at one sampling frequency."""

    fs: Fraction
    """Source sampling frequency, Hz."""
    per_tick: Fraction
    """Source samples a tick."""
    n_out: int
    """Output samples a tick."""
    before: int
    """Source samples a tick's window begins before the tick's first whole sample."""
    width: int
    """Source samples in a tick's window."""
    taps: NDArray[np.float64]
    """Array of shape (n_phases, width, n_out): integers, each column adding up to TAP_SCALE."""

    def start(self, tick: NDArray[np.int64]) -> NDArray[np.int64]:
        """First source sample of each tick's window (may be negative), same shape as ``tick``."""
        num, den = self._position()
        if den == 1:  # as nearly always
            return tick * num - self.before
        start: NDArray[np.int64] = tick // den * num + tick % den * num // den - self.before
        return start

    def phase(self, tick: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index into ``taps`` for each tick, same shape as ``tick``."""
        num, den = self._position()
        if den == 1:
            return np.zeros_like(tick)
        phase: NDArray[np.int64] = tick % den * num % den * len(self.taps) // den
        return phase

    def tick_at(self, sample: int) -> int:
        """Tick that holds a source sample."""
        num, den = self._position()
        tick = sample * den // num
        return tick + 1 if (tick + 1) * num // den <= sample else tick

    def time_ms(self, sample: int) -> int:
        """Time of a source sample on the stream's clock, in whole ms, rounded down."""
        return int(sample * 1000 / self.fs)

    def whole_ticks(self, first: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the ticks from ``first`` on whose windows lie wholly before sample ``end``.

        Parameters
        ----------
        first : array of shape (n_rows,)
            Tick numbers.
        end : array of shape (n_rows,)
            Sample index one past the last sample there is.
        """
        num, den = self._position()
        behind = end - self.width + self.before + 1  # what a whole tick must begin before
        if den == 1:
            whole: NDArray[np.int64] = np.maximum((behind - 1) // num - first + 1, 0)
            return whole
        last_tick: NDArray[np.int64] = behind // num * den + (behind % num * den - 1) // num
        n_ticks: NDArray[np.int64] = np.maximum(last_tick - first + 1, 0)
        return n_ticks

    def _position(self) -> tuple[int, int]:
        """Source samples a tick, as a fraction; products with whole ticks are kept in 64 bits."""
        return self.per_tick.numerator, self.per_tick.denominator


@lru_cache(maxsize=64)
def rate_plan(fs: float, model_fs: int) -> RatePlan:
    """Design the taps from ``fs`` to ``model_fs`` (both Hz).

    A Blackman-windowed sinc, scaled to integers; the rounding error of each
    column goes to its largest tap, so that a constant stays that constant.

    Examples
    --------
    >>> plan = rate_plan(360.0, 125)
    >>> plan.n_out, len(plan.taps), bool((plan.taps.sum(axis=1) == TAP_SCALE).all())
    (25, 1, True)
    """
    exact = Fraction(fs).limit_denominator(1000)
    per_tick = exact * TICK_MS / 1000
    n_out = model_fs * TICK_MS // 1000
    phases = min(per_tick.denominator, MAX_PHASES)
    half = HALF_WIDTH_S * float(exact)
    before = int(np.ceil(half))
    width = before + int(np.ceil((n_out - 1) * float(exact) / model_fs + half)) + 2
    cutoff = min(CUTOFF_HZ, 0.45 * float(exact), 0.45 * model_fs)
    taps = np.empty((phases, width, n_out))
    for p in range(phases):
        centre = p / phases + np.arange(n_out) * float(exact) / model_fs
        offset = (np.arange(width) - before)[:, None] - centre
        taps[p] = _integer_taps(offset, half, cutoff / float(exact))
    return RatePlan(exact, per_tick, n_out, before, width, taps)


def _integer_taps(offset: NDArray[np.float64], half: float, cutoff: float) -> NDArray[np.float64]:
    """Sinc taps at ``offset`` samples from the centre, ``cutoff`` in cycles a sample."""
    x = np.clip(offset / half, -1.0, 1.0)
    window = 0.42 + 0.5 * np.cos(np.pi * x) + 0.08 * np.cos(2 * np.pi * x)
    ideal = window * np.sinc(2 * cutoff * offset)
    taps = np.rint(ideal / ideal.sum(axis=0) * TAP_SCALE)
    columns = np.arange(taps.shape[1])
    taps[taps.argmax(axis=0), columns] += TAP_SCALE - taps.sum(axis=0)
    return np.asarray(taps)


def by_number(
    n_ticks: NDArray[np.int64],
) -> Iterator[tuple[int, slice | NDArray[np.intp]]]:
    """Part rows by how many ticks became whole, from 1; mostly they are all alike.

    Examples
    --------
    >>> [(n, rows.tolist()) for n, rows in by_number(np.array([2, 0, 1, 2]))]
    [(1, [2]), (2, [0, 3])]
    """
    if alike(n_ticks):
        if len(n_ticks) and n_ticks[0]:
            yield int(n_ticks[0]), slice(None)
        return
    for n in np.unique(n_ticks[n_ticks > 0]).tolist():
        yield n, np.flatnonzero(n_ticks == n)


def weighted_sums(
    values: NDArray[np.int16],
    starts: NDArray[np.int64],
    phase: NDArray[np.int64],
    plan: RatePlan,
) -> NDArray[np.float64]:
    """Apply the taps; exact, whatever the order in which the products are added.

    Where all rows are cut alike a tick of all of them is one product without a copy.

    Parameters
    ----------
    values : array of shape (n_rows, n_samples), adu
        Source samples.
    starts, phase : arrays of shape (n_rows, n_ticks)
        First sample of each tick's window, and its index into the taps.
    plan : RatePlan
        The taps.

    Returns
    -------
    array of shape (n_rows, n_ticks, n_out)
    """
    sums = np.empty((*starts.shape, plan.n_out))
    if alike(starts) and alike(phase):
        whole = values.astype(np.float64)
        for k, (start, p) in enumerate(zip(starts[0].tolist(), phase[0].tolist(), strict=True)):
            sums[:, k] = whole[:, start : start + plan.width] @ plan.taps[p]
        return sums
    flat = cuts(values, starts, plan.width).reshape(-1, plan.width).astype(np.float64)
    which, out = phase.reshape(-1), sums.reshape(-1, plan.n_out)
    for p in np.unique(which):
        out[which == p] = flat[which == p] @ plan.taps[p]
    return sums
