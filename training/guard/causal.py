"""The past's output never depends on the future: measured, not believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError

MAX_LOOK_AHEAD_S = 1.0
"""Look-ahead that a headline may have, s; whatever looks further is no monitor."""
CUTS = (0.35, 0.52, 0.71, 0.9)
"""Where the future is changed, as shares of the signal."""

Transform = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""Takes a signal of shape (n_samples,); gives an array whose first axis is time."""
Scorer = Callable[[NDArray[np.float32]], tuple[NDArray[np.floating], NDArray[np.floating]]]
"""Takes a signal of shape (n_samples,); gives the times of its outputs, shape (n,), s, in order,
and what they say, shape (n, ...)."""


def require_causal(
    name: str,
    transform: Transform,
    signal: NDArray[np.float32],
    *,
    look_ahead: int = 0,
    stride: int = 1,
    seed: int = 0,
) -> None:
    """Refuse a transform whose output up to now depends on what comes later.

    The signal is cut off, and its future is changed, at several places: outputs up to there
    must be the same to the last bit.

    Parameters
    ----------
    name : str
        What it is, for the message.
    transform : callable
        The transform, without memory of earlier calls.
    signal : array of shape (n_samples,)
        Any signal that makes it work.
    look_ahead : int
        Samples past an output that it may look at, as declared.
    stride : int
        Samples an output.
    seed : int
        Of the changed future.

    Raises
    ------
    ingest.errors.InputError
        Naming the transform and where it looked ahead.

    Examples
    --------
    >>> x = np.sin(np.arange(400, dtype=np.float32))
    >>> require_causal("running sum", np.cumsum, x)
    >>> require_causal("z-score", lambda x: (x - x.mean()) / x.std(), x)
    Traceback (most recent call last):
    ingest.errors.InputError: z-score is not causal: ...
    """
    whole = np.asarray(transform(signal.copy()))
    for cut, changed in _futures(signal, seed):
        n_known = max((cut - look_ahead) // stride, 0)
        for what, future in (("cut off", changed[:cut]), ("changed", changed)):
            found = np.asarray(transform(future.copy()))
            if len(found) < n_known:
                raise InputError(
                    f"{name} gives {len(found)} outputs of {cut} samples, not {n_known}: it waits "
                    f"for more than the {look_ahead} samples that it declares"
                )
            if not np.array_equal(found[:n_known], whole[:n_known], equal_nan=True):
                raise InputError(
                    f"{name} is not causal: with the signal {what} at sample {cut} its output "
                    f"more than {look_ahead} samples before that is another. Statistics of the "
                    "whole record and zero-phase filters let the past know the future"
                )


def measure_look_ahead(
    scorer: Scorer, signal: NDArray[np.float32], fs: float, *, seed: int = 0
) -> float:
    """Measure how far past its outputs a scorer looks, s: at least so far.

    Parameters
    ----------
    scorer : callable
        Gives outputs with their times, such as beats with their probabilities.
    signal : array of shape (n_samples,)
        A signal that it has outputs for.
    fs : float
        Its sampling frequency, Hz.
    seed : int
        Of the changed future.

    Returns
    -------
    float
        The longest time, over several places at which the future is changed, from the first
        output that differs to that place; 0 if none before it does.
    """
    time_s, values = scorer(signal.copy())
    longest_s = 0.0
    for cut, changed in _futures(signal, seed):
        time_there_s, values_there = scorer(changed)
        n = min(len(time_s), len(time_there_s))
        same = (time_s[:n] == time_there_s[:n]) & _rows_equal(values[:n], values_there[:n])
        first = n if same.all() else int(np.argmin(same))
        after = [float(times[first]) for times in (time_s, time_there_s) if first < len(times)]
        longest_s = max([longest_s, *(cut / fs - time for time in after)])
    return longest_s


def require_look_ahead(
    name: str,
    scorer: Scorer,
    signal: NDArray[np.float32],
    fs: float,
    declared_s: float,
    *,
    limit_s: float = MAX_LOOK_AHEAD_S,
) -> float:
    """Refuse a scorer that looks further ahead than it declares, or than is allowed.

    Parameters
    ----------
    name : str
        What it is, for the message.
    scorer, signal, fs
        As for :func:`measure_look_ahead`.
    declared_s : float
        What it says of itself, s.
    limit_s : float
        Most that is allowed, s.

    Returns
    -------
    float
        The look-ahead that was measured, s.

    Raises
    ------
    ingest.errors.InputError
        With the time that was measured.
    """
    measured_s = measure_look_ahead(scorer, signal, fs)
    if measured_s > declared_s:
        raise InputError(
            f"{name} looks at least {measured_s:.3f} s ahead, but declares {declared_s:g} s: what "
            "it looks ahead is latency and is to be counted as such"
        )
    if declared_s > limit_s:
        raise InputError(
            f"{name} looks {declared_s:g} s ahead; at most {limit_s:g} s are allowed for figures "
            "of a monitor"
        )
    return measured_s


def _futures(
    signal: NDArray[np.float32], seed: int, cuts: Sequence[float] = CUTS
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield places, and the signal with another future from there on: wild and of another level."""
    rng = np.random.default_rng(seed)
    size = float(np.ptp(signal)) or 1.0
    for share in cuts:
        cut = int(len(signal) * share)
        changed = signal.copy()
        wild = rng.standard_normal(len(signal) - cut) * size * 2 + size
        changed[cut:] = wild.astype(signal.dtype)
        yield cut, changed


def _rows_equal(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Compare row by row, NaN equal to NaN."""
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.asarray(same.reshape(len(same), -1).all(axis=1))
