"""Whether beats are those of an organised rhythm, so that no fibrillation can be.

A model that looks at the waveform takes some fast regular rhythms for fibrillation. The beats
know better. Where complexes follow one another evenly there is a tachycardia: of the ventricles,
unless they look like the stream's usual ones or are sharp and not too fast. Complexes that are
sharp and not too fast are no fibrillation either, even or not: beats and rates tell of them.
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
"""Median RR interval from which sharp complexes are left to their classes and rate, ms: 180 bpm."""
RECENT_MS = 4000
"""Beats of so long tell the rate of sharp complexes, ms."""
USUAL_BEATS = 6
"""Of the last eight beats, so many that look usual make a rhythm conducted as usual."""
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


def lethal_kind(
    r_ms: NDArray[np.int64],
    aami: NDArray[np.int8],
    now_ms: int,
    *,
    sharp: bool = False,
    n_usual: int = 0,
) -> Lethal:
    """Say what a lethal waveform is, by the beats found in it.

    Parameters
    ----------
    r_ms, aami : arrays of shape (n_beats,)
        R-peaks, ms, rising, and class codes: all that are known by now.
    now_ms : int
        Now, ms.
    sharp : bool
        It is made of sharp complexes, see :mod:`inference.sharpness`.
    n_usual : int
        Of the last eight beats, how many look like the usual ones.

    Returns
    -------
    Lethal

    Examples
    --------
    >>> r_ms = np.arange(400, 6000, 400)
    >>> lethal_kind(r_ms, np.zeros(14, np.int8), 6400, sharp=True).name
    'LEFT'
    >>> lethal_kind(r_ms, np.full(14, V, np.int8), 6400).name
    'TACHYCARDIA'
    >>> lethal_kind(r_ms[:3], np.zeros(3, np.int8), 6400).name
    'FIBRILLATION'
    """
    slow = sharp and _is_slow(r_ms, now_ms)
    even_ms = _even_ms(r_ms[-N_BEATS:], now_ms)
    if even_ms < SHORTEST_MS:
        return Lethal.LEFT if slow else Lethal.FIBRILLATION
    if 2 * int((aami[-N_BEATS:] == V).sum()) >= N_BEATS:
        return Lethal.TACHYCARDIA
    return Lethal.LEFT if slow or n_usual >= USUAL_BEATS else Lethal.TACHYCARDIA


def _even_ms(r_ms: NDArray[np.int64], now_ms: int) -> float:
    """Give the RR interval of complexes that follow one another evenly; 0 where they do not."""
    if len(r_ms) < N_BEATS or now_ms - r_ms[-1] > OLDEST_MS or r_ms[-1] - r_ms[0] > LONGEST_MS:
        return 0.0
    rr_ms = np.diff(r_ms).tolist()
    median_ms = _median(rr_ms)
    n_even = sum(abs(rr - median_ms) <= EVEN * median_ms for rr in rr_ms)
    return median_ms if n_even >= EVEN_SHARE * len(rr_ms) else 0.0


def _is_slow(r_ms: NDArray[np.int64], now_ms: int) -> bool:
    """Say whether the last seconds hold no fast rhythm; no beats at all are asystole's to tell."""
    rr_ms = np.diff(r_ms[r_ms >= now_ms - RECENT_MS]).tolist()
    return not rr_ms or _median(rr_ms) >= SLOW_MS


def _median(values: list[int]) -> float:
    """Return the median; of so few values numpy's takes ten times as long.

    Examples
    --------
    >>> _median([3, 1, 2]), _median([4, 1, 3, 2])
    (2.0, 2.5)
    """
    ordered, half = sorted(values), len(values) // 2
    return (ordered[half] + ordered[-half - 1]) / 2
