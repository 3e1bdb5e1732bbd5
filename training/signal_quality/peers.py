"""Quality indices of the literature, computed causally, to compare with.

kSQI and pSQI as Li, Mark and Clifford (Physiological Measurement 29, 2008) define
them; bSQI as there, from how well wfdb's xqrs and gqrs agree.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from inference.ticks import TICK_MS
from training.signal_quality.marked import FS, MarkedLead
from training.stress.peers import find_qrs

PEERS = ("kSQI", "pSQI", "bSQI")
"""Their names."""
WINDOW_TICKS = 25
"""Signal that kSQI and pSQI look back on: 5 s."""
AGREE_TICKS = 50
"""Signal over which detections are compared: 10 s."""
MATCH_S = 0.15
"""How far apart two detections of one beat may lie, s."""
LOW_HZ, MID_HZ, HIGH_HZ = 5.0, 15.0, 40.0
"""pSQI: power of the QRS, from low to mid, over that from low to high, Hz."""


def peer(name: str, lead: MarkedLead, cache: Path) -> NDArray[np.float64]:
    """Compute an index by tick, array of shape (n_ticks,); higher is better.

    Raises
    ------
    KeyError
        If it is none of :data:`PEERS`.
    """
    return {"kSQI": _kurtosis, "pSQI": _power, "bSQI": _agreement}[name](lead, cache)


def _windows(lead: MarkedLead) -> NDArray[np.float32]:
    """Cut the signal before the end of each tick, array of shape (n_ticks, n_samples)."""
    flat = lead.signal_uv.reshape(-1)
    n = lead.signal_uv.shape[1]
    padded = np.concatenate([np.zeros((WINDOW_TICKS - 1) * n, np.float32), flat])
    return sliding_window_view(padded, WINDOW_TICKS * n)[::n]


def _kurtosis(lead: MarkedLead, cache: Path) -> NDArray[np.float64]:
    windows = _windows(lead)
    about = windows - windows.mean(axis=1, keepdims=True)
    square = about * about
    fourth = (square * square).mean(axis=1)
    return np.asarray(fourth / np.maximum(square.mean(axis=1) ** 2, 1e-6), np.float64)


def _power(lead: MarkedLead, cache: Path) -> NDArray[np.float64]:
    windows = _windows(lead)
    power = np.abs(np.fft.rfft(windows * np.hanning(windows.shape[1]), axis=1)) ** 2
    hz = np.fft.rfftfreq(windows.shape[1], 1 / FS)
    qrs = power[:, (hz >= LOW_HZ) & (hz < MID_HZ)].sum(axis=1)
    every = power[:, (hz >= LOW_HZ) & (hz < HIGH_HZ)].sum(axis=1)
    return np.asarray(qrs / np.maximum(every, 1e-6))


def _agreement(lead: MarkedLead, cache: Path) -> NDArray[np.float64]:
    fs, n_ticks = lead.recording.fs, len(lead.mark)
    found = {}
    for name in ("gqrs", "xqrs"):
        try:
            found[name] = find_qrs(name, lead.recording, cache) / fs
        except (ValueError, IndexError, ZeroDivisionError):  # they fail on signals without a QRS
            found[name] = np.zeros(0)
    edges_s = np.arange(n_ticks + 1) * TICK_MS / 1000
    matched = _matches(found["gqrs"], found["xqrs"])
    counts = [np.histogram(each, edges_s)[0] for each in (*found.values(), matched)]
    summed = [np.convolve(each, np.ones(AGREE_TICKS))[:n_ticks] for each in counts]
    return np.asarray(summed[2] / np.maximum(summed[0] + summed[1] - summed[2], 1))


def _matches(a_s: NDArray[np.float64], b_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give those of ``a_s`` that have one of ``b_s`` beside them.

    Examples
    --------
    >>> _matches(np.array([1.0, 2.0]), np.array([1.1, 3.0])).tolist()
    [1.0]
    """
    if not len(a_s) or not len(b_s):
        return np.zeros(0)
    after = np.searchsorted(b_s, a_s)
    before = np.abs(a_s - b_s[np.maximum(after - 1, 0)])
    behind = np.abs(a_s - b_s[np.minimum(after, len(b_s) - 1)])
    return a_s[np.minimum(before, behind) <= MATCH_S]
