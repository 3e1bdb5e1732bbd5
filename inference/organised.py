"""Whether beats are those of an organised rhythm, so that no fibrillation can be.

A model that looks at the waveform takes some fast regular rhythms for fibrillation. The R-peaks
know better: where complexes follow one another evenly there is a tachycardia, of the ventricles
if most beats are, or if it is too fast to be told from one.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.ticks import V

N_BEATS = 8
"""Beats that must follow one another evenly."""
LONGEST_MS = 6000
"""Longest time that they may take, ms: 70 bpm."""
OLDEST_MS = 1500
"""Age of the last beyond which nothing is known of now, ms."""
SHORTEST_MS = 250
"""Mean RR interval below which even peaks may be flutter, ms: 240 bpm."""
SLOW_MS = 333
"""RR interval from which the beats' classes can be relied on, ms: 180 bpm."""
EVEN = 0.15
"""RR intervals that differ from their median by no more than this share are even."""
EVEN_SHARE = 0.8
"""Share of them that must be. These are Vigil's choice, on all patients of vfdb; only the rhythm
model beside them was fitted without the patient."""


class Lethal(IntEnum):
    """What a lethal waveform is called, least to most pressing."""

    LEFT = 0
    """Nothing: an organised rhythm of other beats, which its rate tells about."""
    TACHYCARDIA = 1
    """Ventricular tachycardia."""
    FIBRILLATION = 2
    """Ventricular fibrillation or flutter."""


def lethal_kind(r_ms: NDArray[np.int64], aami: NDArray[np.int8], now_ms: int) -> Lethal:
    """Say what a lethal waveform is, by the beats found in it.

    Parameters
    ----------
    r_ms, aami : arrays of shape (n_beats,)
        R-peaks, ms, rising, and class codes: all that are known by now.
    now_ms : int
        Now, ms.

    Returns
    -------
    Lethal

    Examples
    --------
    >>> r_ms = np.arange(400, 6000, 400)
    >>> lethal_kind(r_ms, np.zeros(14, np.int8), 6400).name
    'LEFT'
    >>> lethal_kind(r_ms, np.full(14, V, np.int8), 6400).name
    'TACHYCARDIA'
    >>> lethal_kind(r_ms[:3], np.zeros(3, np.int8), 6400).name
    'FIBRILLATION'
    """
    r_ms, aami = r_ms[-N_BEATS:], aami[-N_BEATS:]
    if len(r_ms) < N_BEATS or now_ms - r_ms[-1] > OLDEST_MS or r_ms[-1] - r_ms[0] > LONGEST_MS:
        return Lethal.FIBRILLATION
    rr_ms = np.diff(r_ms)
    median_ms = float(np.median(rr_ms))
    n_even = int((np.abs(rr_ms - median_ms) <= EVEN * median_ms).sum())
    if median_ms < SHORTEST_MS or n_even < EVEN_SHARE * len(rr_ms):
        return Lethal.FIBRILLATION
    ventricular = 2 * int((aami == V).sum()) >= N_BEATS
    return Lethal.TACHYCARDIA if ventricular or median_ms < SLOW_MS else Lethal.LEFT
