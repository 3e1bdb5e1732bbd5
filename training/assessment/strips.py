"""The stretches of signal in which most goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.assessment.scoring import Scored
from training.ec57 import BeatPair

WIDTH_S = 10.0
"""Length of a stretch, s: what a printed strip shows."""
PER_RECORD = 3
"""Most stretches of one record, so that one bad record does not fill the page."""
WRONG_V = frozenset("Vn Vs Vf Vq Vo Vx Nv Sv Ov Xv".split())
"""Cells that EC57 counts as a VEB missed or falsely called."""
WRONG_S = frozenset("Sn Sv Sf Sq So Sx Ns Vs Os Xs".split())
"""The same for SVEB; Fs is neither right nor wrong in gross figures."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One stretch of one record."""

    scored: Scored
    """The record."""
    start_s: float
    """Where it begins, s since the record's start."""
    errors: int
    """Beats that are wrong in it."""
    pairs: tuple[BeatPair, ...]
    """All beats in it, in time order."""

    def summary(self, kind: str) -> str:
        """Say what is wrong, most frequent first.

        Parameters
        ----------
        kind : str
            ``qrs``, ``veb`` or ``sveb``.
        """
        wrong = Counter(pair.cell for pair in self.pairs if is_wrong(pair.cell, kind))
        parts = [f"{n} × {_said(cell)}" for cell, n in wrong.most_common()]
        return ", ".join(parts)


def is_wrong(cell: str, kind: str) -> bool:
    """Tell whether a cell counts against detection of a kind of beat.

    Examples
    --------
    >>> is_wrong("No", "qrs"), is_wrong("Nv", "qrs"), is_wrong("Nv", "veb"), is_wrong("Fv", "veb")
    (True, False, True, False)
    """
    if kind == "qrs":
        return cell[0] in "OX" or cell[1] in "ox"
    return cell in (WRONG_V if kind == "veb" else WRONG_S)


def time_s(pair: BeatPair, fs: float) -> float:
    """Give the time of a beat: of the reference where there is one, s."""
    sample = pair.test_sample if pair.ref_sample is None else pair.ref_sample
    return (sample or 0) / fs


def worst(
    records: Sequence[Scored],
    kind: str,
    n: int = 10,
    *,
    width_s: float = WIDTH_S,
    per_record: int = PER_RECORD,
) -> list[Strip]:
    """Find the stretches with most errors, none overlapping another.

    Parameters
    ----------
    records : sequence of Scored
        Where to look.
    kind : str
        ``qrs``, ``veb`` or ``sveb``.
    n : int
        Most stretches.
    width_s : float
        Length of each, s.
    per_record : int
        Most of one record.

    Returns
    -------
    list of Strip
        Most errors first; fewer than ``n`` where there are no more errors.
    """
    candidates = [strip for one in records for strip in _of_record(one, kind, per_record, width_s)]
    return sorted(candidates, key=lambda strip: -strip.errors)[:n]


def _of_record(scored: Scored, kind: str, most: int, width_s: float) -> list[Strip]:
    """Take a record's worst stretches one after the other, leaving out what was taken."""
    pairs = scored.comparison.beats.pairs
    times = np.array([time_s(pair, scored.fs) for pair in pairs])
    wrong = times[[is_wrong(pair.cell, kind) for pair in pairs]] if len(pairs) else times
    taken: list[Strip] = []
    while len(wrong) and len(taken) < most:
        within = np.searchsorted(wrong, wrong + 0.9 * width_s, "right") - np.arange(len(wrong))
        first = int(within.argmax())
        last = first + int(within[first]) - 1
        start = max(0.0, float(wrong[first] + wrong[last] - width_s) / 2)
        inside = [p for p, t in zip(pairs, times, strict=True) if start <= t < start + width_s]
        errors = sum(is_wrong(pair.cell, kind) for pair in inside)
        taken.append(Strip(scored, start, errors, tuple(inside)))
        # Half a width aside, what is left cannot make a stretch that overlaps this one.
        wrong = wrong[(wrong < start - width_s / 2) | (wrong >= start + width_s * 1.5)]
    return taken


def _said(cell: str) -> str:
    """Say a cell in words."""
    ref, test = cell[0], cell[1].upper()
    if ref in "OX":
        return f"{test} where there is no beat"
    return f"{ref} missed" if test in "OX" else f"{ref} called {test}"
