"""The rhythm, for display and as WFDB rhythm annotations.

Auxiliary strings are those of PhysioNet's rhythm annotations. ``(SBR`` is used
for every slow rate, although the sinus node is not looked at; for a fast rate
of unproven origin PhysioNet has no word, so ``(TACHY`` is Vigil's own. A short
ventricular run is no rhythm of its own here: the beat annotations show it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.conditions import Code


class Rhythm(IntEnum):
    """Codes of the rhythm, least to most pressing."""

    UNKNOWN = 0
    NORMAL = 1
    TACHYCARDIA = 2
    BRADYCARDIA = 3
    AF = 4
    VT = 5
    ASYSTOLE = 6
    VF = 7


AUX = {
    Rhythm.UNKNOWN: "",
    Rhythm.NORMAL: "(N",
    Rhythm.TACHYCARDIA: "(TACHY",
    Rhythm.BRADYCARDIA: "(SBR",
    Rhythm.AF: "(AFIB",
    Rhythm.VT: "(VT",
    Rhythm.ASYSTOLE: "(ASYS",
    Rhythm.VF: "(VF",
}
"""WFDB auxiliary string of each rhythm; empty where nothing is annotated."""

RHYTHM_OF = {
    Code.VENTRICULAR_FIBRILLATION: Rhythm.VF,
    Code.ASYSTOLE: Rhythm.ASYSTOLE,
    Code.SUSTAINED_VENTRICULAR_TACHYCARDIA: Rhythm.VT,
    Code.VENTRICULAR_TACHYCARDIA: Rhythm.VT,
    Code.EXTREME_BRADYCARDIA: Rhythm.BRADYCARDIA,
    Code.BRADYCARDIA: Rhythm.BRADYCARDIA,
    Code.EXTREME_TACHYCARDIA: Rhythm.TACHYCARDIA,
    Code.TACHYCARDIA: Rhythm.TACHYCARDIA,
    Code.ATRIAL_FIBRILLATION: Rhythm.AF,
}
"""Rhythm that an open episode means; conditions that are not here mean none."""


def rhythm_of_open(is_open: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Give the most pressing rhythm of what is open.

    Parameters
    ----------
    is_open : array of shape (n_rows, n_conditions)
        Open episodes.
    known : array of shape (n_rows,)
        Whether the heart rate is known.

    Returns
    -------
    array of shape (n_rows,)
        :class:`Rhythm` codes.
    """
    slow = is_open[:, Code.EXTREME_BRADYCARDIA] | is_open[:, Code.BRADYCARDIA]
    fast = is_open[:, Code.EXTREME_TACHYCARDIA] | is_open[:, Code.TACHYCARDIA]
    from_most_pressing = {
        Rhythm.VF: is_open[:, Code.VENTRICULAR_FIBRILLATION],
        Rhythm.ASYSTOLE: is_open[:, Code.ASYSTOLE],
        Rhythm.VT: is_open[:, Code.VENTRICULAR_TACHYCARDIA],
        Rhythm.AF: is_open[:, Code.ATRIAL_FIBRILLATION],
        Rhythm.BRADYCARDIA: slow,
        Rhythm.TACHYCARDIA: fast,
        Rhythm.NORMAL: known,
    }
    chosen = np.select(list(from_most_pressing.values()), list(from_most_pressing), Rhythm.UNKNOWN)
    return chosen.astype(np.int8)


def rhythm_changes(
    episodes: Iterable[tuple[Code, int, int]], start_ms: int
) -> list[tuple[int, Rhythm]]:
    """Merge overlapping episodes into one line of rhythms, the most pressing on top.

    Parameters
    ----------
    episodes : Iterable[tuple[Code, int, int]]
        Condition, onset and offset of each, ms, in any order.
    start_ms : int
        Time of the first annotation, ms.

    Returns
    -------
    list[tuple[int, Rhythm]]
        Times, ms, rising, and the rhythm from there on; no two alike in a row.

    Examples
    --------
    >>> rhythm_changes([(Code.TACHYCARDIA, 10, 50), (Code.VENTRICULAR_TACHYCARDIA, 20, 30)], 0)
    ... # doctest: +NORMALIZE_WHITESPACE
    [(0, <Rhythm.NORMAL: 1>), (10, <Rhythm.TACHYCARDIA: 2>), (20, <Rhythm.VT: 5>),
     (30, <Rhythm.TACHYCARDIA: 2>), (50, <Rhythm.NORMAL: 1>)]
    """
    spans = [(RHYTHM_OF[code], a, b) for code, a, b in episodes if code in RHYTHM_OF and b > a]
    times = {start_ms, *(t for _, a, b in spans for t in (a, b) if t > start_ms)}
    deltas = sorted([(a, 1, r) for r, a, _ in spans] + [(b, -1, r) for r, _, b in spans])
    n_open = dict.fromkeys(Rhythm, 0)
    n_open[Rhythm.NORMAL] = 1
    changes: list[tuple[int, Rhythm]] = []
    i = 0
    for time_ms in sorted(times):
        while i < len(deltas) and deltas[i][0] <= time_ms:
            n_open[deltas[i][2]] += deltas[i][1]
            i += 1
        rhythm = max(r for r in Rhythm if n_open[r])
        if not changes or changes[-1][1] is not rhythm:
            changes.append((time_ms, rhythm))
    return changes
