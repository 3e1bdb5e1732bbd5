"""The normal parts of a record: where every alarm of the patient is false."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.limits import Limits
from inference.ticks import N
from training.ec57 import Annotations, read_annotations
from training.ec57.segments import rhythm_segments
from training.labels import aami_codes

LEAST_S = 20.0
"""Shortest part, s: the slowest rule looks back over 17 beats."""
SINUS = frozenset({"(N"})
"""Rhythms that are normal."""


@dataclass(frozen=True, slots=True)
class NormalPart:
    """One stretch of a record; times in s since the record began."""

    begin_s: float
    """Its first beat."""
    end_s: float
    """Its last beat."""

    def holds(self, onset_s: float, told_s: float) -> bool:
        """Tell whether an alarm's evidence and its raising lie within.

        Examples
        --------
        >>> NormalPart(10.0, 60.0).holds(20.0, 24.0), NormalPart(10.0, 60.0).holds(9.0, 24.0)
        (True, False)
        """
        return self.begin_s <= onset_s and told_s <= self.end_s


def normal_parts(folder: Path, record: str, n_samples: int, fs: float) -> list[NormalPart]:
    """Find stretches of 20 s or more of sinus rhythm, all beats N, at 50 to 120 bpm throughout.

    Raises
    ------
    ingest.errors.InputError
        If the annotations cannot be read.
    """
    notes = read_annotations(folder, record, "atr", fs)
    limits = Limits()
    slowest_s, fastest_s = 60 / limits.bradycardia_bpm, 60 / limits.tachycardia_bpm
    found = []
    for first, last in rhythm_segments(notes, SINUS, n_samples):
        beat_s, usual = _beats(notes, first, last)
        breaks = [-1, *np.flatnonzero(~usual).tolist(), len(beat_s)]
        for a, b in pairwise(breaks):
            found += _even(beat_s[a + 1 : b], fastest_s, slowest_s)
    return found


def _beats(
    notes: Annotations, first: int, last: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give the times of the beats of a segment, and which are N."""
    codes = aami_codes(notes.symbol)
    own = (codes >= 0) & (notes.sample >= first) & (notes.sample < last)
    return notes.sample[own] / notes.fs, codes[own] == N


def _even(beat_s: NDArray[np.float64], fastest_s: float, slowest_s: float) -> list[NormalPart]:
    """Part beats where an interval is out of bounds; keep what is long enough."""
    rr_s = np.diff(beat_s)
    breaks = [-1, *np.flatnonzero((rr_s < fastest_s) | (rr_s > slowest_s)).tolist(), len(rr_s)]
    parts = []
    for a, b in pairwise(breaks):
        if b > a + 1 and beat_s[b] - beat_s[a + 1] >= LEAST_S:
            parts.append(NormalPart(float(beat_s[a + 1]), float(beat_s[b])))
    return parts
