"""Run-by-run comparison of ectopic couplets and runs (EC57, 4.4; the official tool is rxr)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

from training.ec57.aami import EC57, AamiMapping
from training.ec57.annotation import Annotations
from training.ec57.beats import last_sample
from training.ec57.protocol import STANDARD, Protocol
from training.ec57.segments import (
    AF_OR_FLUTTER_RHYTHMS,
    members,
    rhythm_segments,
    vf_segments,
)
from training.ec57.tally import Tally

RunKind = Literal["ve", "sve"]

LONGEST = 6
"""Runs of this many beats or more are long; longer ones are not told apart."""

_ECTOPIC, _OTHER, _ON, _OFF, _FOREIGN = range(5)


@dataclass(frozen=True)
class Run:
    """Consecutive ectopic beats."""

    first: int
    """Sample index of its first beat, or of the onset of the arrhythmia that makes it."""
    last: int | None
    """Sample index of its last beat; None for a run without a beat (official tool only)."""
    length: int
    """Beats; an arrhythmia that stands for a run adds `LONGEST`."""


@dataclass(frozen=True)
class RunComparison:
    """Couplets, short runs (3 to 5 beats) and long runs (6 or more) of one kind."""

    couplets: Tally
    short: Tally
    long: Tally

    def __add__(self, other: RunComparison) -> RunComparison:
        return RunComparison(
            self.couplets + other.couplets, self.short + other.short, self.long + other.long
        )


NO_RUNS = RunComparison(*[Tally(0, 0, 0, 0)] * 3)


class RunStream:
    """One annotator's ectopic and other beats, with the marks that make or break runs.

    Ventricular runs consist of V and F; ventricular flutter and fibrillation
    stand for a long run. Supraventricular runs consist of S and, during atrial
    fibrillation and flutter, of N. The official tool further
    takes the onset of AF itself for a run of 6 (known bug, physionet issue
    29), and lets marks of the other kind interrupt a run when it looks for a
    partner; both only with `official`.

    Parameters
    ----------
    marks
        The annotator's marks.
    kind
        ``"ve"`` or ``"sve"``.
    end
        Last sample that counts.
    mapping
        AAMI class of each symbol.
    official
        Whether to count as the official tool.
    """

    def __init__(
        self, marks: Annotations, kind: RunKind, end: int, mapping: AamiMapping, *, official: bool
    ) -> None:
        self.official = official
        vf = vf_segments(marks, end, from_rhythm=not official)
        af = rhythm_segments(marks, AF_OR_FLUTTER_RHYTHMS, end)
        ectopic, in_af = ("VF", "") if kind == "ve" else ("S", "N")
        own, foreign = (vf, af) if kind == "ve" else (af, vf)
        events: list[tuple[int, int, int]] = []
        if kind == "ve" or official:
            events += [(at, 0, code) for a, b in own for at, code in ((a, _ON), (b, _OFF))]
        if official:
            events += [(at, 0, _FOREIGN) for ends in foreign for at in ends]
        flags = zip(
            marks.sample.tolist(),
            marks.symbol,
            members(marks.sample, vf).tolist(),
            members(marks.sample, af).tolist(),
            strict=True,
        )
        for sample, symbol, is_vf, is_af in flags:
            aami = mapping.classes.get(symbol)
            if aami is None or is_vf or sample > end:
                continue
            counts = aami in ectopic or (is_af and aami == in_af)
            events.append((sample, 1, _ECTOPIC if counts else _OTHER))
        self.events = [(at, code) for at, _, code in sorted(events, key=lambda e: e[:2])]
        self._times = [at for at, _ in self.events]
        self._sustained = own if kind == "ve" or official else ()

    def runs(self, start: int) -> list[Run]:
        """Find the runs of two and more beats from a sample index on.

        Parameters
        ----------
        start
            First sample that counts.
        """
        found: list[Run] = []
        run = Run(start, None, LONGEST) if self._goes_on(start) else None
        for at, code in self.events[bisect_left(self._times, start) :]:
            if code == _OTHER:
                if run is not None and run.length > 1:
                    found.append(run)
                run = None
            elif code != _FOREIGN:
                run = self._extended(run, at, code)
        if run is not None and run.length > 1:
            found.append(run)
        return found

    def _extended(self, run: Run | None, at: int, code: int) -> Run | None:
        """Give the run as it stands after one more event that does not end it."""
        if code == _ECTOPIC:
            return Run(at, at, 1) if run is None else Run(run.first, at, run.length + 1)
        if code == _OFF:
            return None if run is None else Run(run.first, at, run.length)
        if self.official:
            return Run(at, None, LONGEST) if run is None else run
        if run is None:
            return Run(at, at, LONGEST)
        return Run(run.first, at, max(run.length, LONGEST))

    def longest(self, first: int, last: int) -> int:
        """Give the length of the longest run in a window, at most `LONGEST`.

        Parameters
        ----------
        first, last
            The window, sample indices, both included.
        """
        if self._goes_on(first):
            return LONGEST
        best = length = 0
        for k in range(bisect_left(self._times, first), len(self.events)):
            at, code = self.events[k]
            if at > last:
                break
            if code == _ON:
                return LONGEST
            if code == _ECTOPIC:
                length += 1
                best = max(best, length)
            elif code != _OFF:
                length = 0
        return min(best, LONGEST)

    def _goes_on(self, at: int) -> bool:
        """Tell whether an arrhythmia that stands for a run has begun before and still goes on."""
        return any(a < at <= b for a, b in self._sustained)


def compare_runs(
    ref: Annotations,
    test: Annotations,
    kind: RunKind,
    *,
    end_sample: int | None = None,
    protocol: Protocol = STANDARD,
    mapping: AamiMapping = EC57,
) -> RunComparison:
    """Compare ectopic couplets and runs.

    Each run of one annotator is looked for in the other's annotations from a
    match window before its first beat to one after its last. A couplet is
    found by a run of 2 or more there, a short run by 3, a long run by 6.

    Parameters
    ----------
    ref, test
        Annotations at the same sampling frequency.
    kind
        ``"ve"`` ventricular or ``"sve"`` supraventricular.
    end_sample
        Last sample of the record; the last reference annotation if left out.
    protocol
        Match window, learning period, and whether to count as the official tool.
    mapping
        AAMI class of each symbol.

    Examples
    --------
    >>> from training.ec57.annotation import make_annotations
    >>> ref = make_annotations(range(100, 700, 100), list("NVVNVN"), 100)
    >>> test = make_annotations(range(100, 700, 100), list("NVVVVN"), 100)
    >>> found = compare_runs(ref, test, "ve", protocol=Protocol(learning_s=0))
    >>> found.couplets.se, found.short.ppv
    (100.0, 0.0)
    """
    end = last_sample(ref) if end_sample is None else end_sample
    window, start = protocol.window(ref.fs), protocol.start(ref.fs)
    theirs, ours = (
        RunStream(marks, kind, end, mapping, official=protocol.official) for marks in (ref, test)
    )
    found = _look_up(theirs.runs(start), ours, window)
    true = _look_up(ours.runs(start), theirs, window)
    return RunComparison(
        *(Tally(*se, *ppv) for se, ppv in zip(found, true, strict=True)),
    )


def _look_up(runs: list[Run], other: RunStream, window: int) -> list[tuple[int, int]]:
    """Count the couplets, short and long runs that the other has, and those it has not."""
    counts = [[0, 0], [0, 0], [0, 0]]
    for run in runs:
        size = 0 if run.length == 2 else 1 if run.length < LONGEST else 2
        first = run.first - window
        # The official tool leaves no window for a run without a beat (issue 29).
        last = first if run.last is None else run.last + window
        counts[size][other.longest(first, last) < (2, 3, LONGEST)[size]] += 1
    return [(hit, miss) for hit, miss in counts]
