"""The sweeping ECG trace, drawn with the dots of Braille characters, 2 by 4 a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint32)
"""Bit of each dot of a Braille pattern (Unicode 15, chapter 21.1): rows down, columns across."""

_BRAILLE = 0x2800
_SPANS_MV = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""Ranges that a trace may fill, mV: steps, so that it seldom jumps; more is cut off."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A drawn trace."""

    lines: tuple[str, ...]
    """Lines from the top, each of the same number of characters."""
    head: int
    """Column of the newest sample, -1 where there is none."""
    window_s: float
    """Time from one end of a line to the other, s."""


def draw_sweep(
    trace_mv: NDArray[np.float32],
    fs: float,
    end: int,
    columns: int,
    lines: int,
    *,
    window_s: float,
    ascii_only: bool = False,
) -> Sweep:
    """Draw a trace as a monitor does: new samples overwrite the oldest, behind a gap.

    A sample stays in its column until the sweep comes round again, so that only
    the head moves. Each column of dots shows all values between the least and
    the greatest in its time, joined to its neighbour.

    Parameters
    ----------
    trace_mv : array of shape (n_samples,), mV
        The latest samples, oldest first; NaN where missing.
    fs : float
        Sampling frequency, Hz.
    end : int
        Index one past the last sample, counted since the stream began.
    columns, lines : int
        Size in characters.
    window_s : float
        Time that the columns hold, s.
    ascii_only : bool
        Draw with ``'``, ``.`` and ``|``.

    Returns
    -------
    Sweep
        ``lines`` strings of ``columns`` characters.

    Examples
    --------
    >>> spike = np.zeros(8, np.float32); spike[4] = 0.7
    >>> draw_sweep(spike, 4.0, 8, 5, 1, window_s=2.5, ascii_only=True).lines
    ('..|. ',)
    """
    n_dots, height = 2 * columns, 4 * lines
    low, high, first_bin = _extremes(trace_mv, fs, end, n_dots, window_s)
    dots = np.zeros((height, n_dots), dtype=np.bool_)
    head = -1
    if low.size:
        dots[:, (first_bin + np.arange(low.size)) % n_dots] = _joined(low, high, height)
        head = (first_bin + low.size - 1) % n_dots // 2
    patterns = dots.reshape(lines, 4, columns, 2)
    return Sweep(_ascii(patterns) if ascii_only else _braille(patterns), head, window_s)


def column_of(sample: int, fs: float, columns: int, window_s: float) -> int:
    """Return the column in which :func:`draw_sweep` draws a sample.

    Examples
    --------
    >>> column_of(250, 250.0, 40, 5.0), column_of(250 * 6, 250.0, 40, 5.0)
    (8, 8)
    """
    return int(sample * 2 * columns / (window_s * fs)) % (2 * columns) // 2


def _extremes(
    trace_mv: NDArray[np.float32], fs: float, end: int, n_dots: int, window_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return least and greatest value of each column of dots, and the number of the first.

    Columns are numbered since the stream began. Arrays of shape (n_columns,), mV,
    NaN where nothing is known.
    """
    values = trace_mv.astype(np.float64)
    shown = n_dots - max(2, n_dots // 20)
    if values.size == 0:
        return values, values, 0
    per_dot = window_s * fs / n_dots
    last = int((end - 1) / per_dot)
    first = max(int(np.ceil((end - values.size) / per_dot)), last - shown + 1, 0)
    if first > last:
        return values[:0], values[:0], 0
    if per_dot < 1.0:
        middle = np.minimum((np.arange(first, last + 1) + 0.5) * per_dot, end - 1)
        values = np.interp(middle, np.arange(end - values.size, end), values)
        return values, values, first
    edges = np.ceil(np.arange(first, last + 1) * per_dot).astype(np.int64) - (end - values.size)
    edges = np.clip(edges, 0, values.size - 1)
    return np.fmin.reduceat(values, edges), np.fmax.reduceat(values, edges), first


def _joined(low: NDArray[np.float64], high: NDArray[np.float64], height: int) -> NDArray[np.bool_]:
    """Return which dots are set, shape (height, n_columns), row 0 at the top."""
    known = np.isfinite(low)
    if not known.any():
        return np.zeros((height, low.size), dtype=np.bool_)
    top_mv, span_mv = _scale(low[known], high[known])
    to_row = (height - 1) / span_mv
    top, bottom = (
        np.clip(np.rint((top_mv - np.where(known, v, 0.0)) * to_row), 0, height - 1)
        for v in (high, low)
    )
    pair = known[1:] & known[:-1]
    upper, lower = top.copy(), bottom.copy()
    upper[1:] = np.where(pair, np.minimum(top[1:], bottom[:-1] + 1), top[1:])
    lower[1:] = np.where(pair, np.maximum(bottom[1:], top[:-1] - 1), bottom[1:])
    row = np.arange(height)[:, np.newaxis]
    return (row >= upper) & (row <= lower) & known


def _scale(low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[float, float]:
    """Return the value at the top, mV, and the range from top to bottom, mV."""
    least, greatest = float(low.min()), float(high.max())
    span_mv = next((s for s in _SPANS_MV if s >= greatest - least), _SPANS_MV[-1])
    middle = (least + greatest) / 2.0
    if greatest - least > span_mv:
        middle = float(np.median(low))
    step = span_mv / 16.0
    return round(middle / step) * step + span_mv / 2.0, span_mv


def _braille(patterns: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return lines of Braille for dots of shape (lines, 4, columns, 2)."""
    weighted = patterns * _DOT_BITS[np.newaxis, :, np.newaxis, :]
    codes = (_BRAILLE + weighted.sum(axis=(1, 3))).astype("<u4")
    blank = np.uint32(ord(" "))
    codes[codes == _BRAILLE] = blank
    return tuple(line.tobytes().decode("utf-32-le") for line in codes)


def _ascii(patterns: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return lines of ASCII for dots of shape (lines, 4, columns, 2)."""
    upper = patterns[:, :2].any(axis=(1, 3))
    lower = patterns[:, 2:].any(axis=(1, 3))
    codes = np.array([" ", ".", "'", "|"])[2 * upper + lower]
    return tuple("".join(line) for line in codes.tolist())
