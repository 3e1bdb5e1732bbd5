"""Beat-by-beat comparison (EC57, 4.3; the official tool is bxb)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.ec57.aami import EC57, AamiMapping
from training.ec57.annotation import Annotations
from training.ec57.matching import match_beats
from training.ec57.protocol import STANDARD, Protocol
from training.ec57.rr import Pair, RrError, rr_error
from training.ec57.segments import Segment, inside, members, shutdown_segments, vf_segments
from training.ec57.tally import (
    REF_CLASSES,
    TEST_CLASSES,
    Confusion,
    Tally,
    cells,
    qrs_tally,
    sveb_tally,
    veb_tally,
)


@dataclass(frozen=True)
class BeatPair:
    """A matched, missed or falsely detected beat."""

    ref_sample: int | None
    """Sample index of the reference beat; None for a false detection."""
    test_sample: int | None
    """Sample index of the test beat; None for a missed beat."""
    cell: str
    """Where it is counted: reference class, then test class, such as ``Nv`` or ``Vo``."""


@dataclass(frozen=True, eq=False)
class BeatComparison:
    """What a beat-by-beat comparison of one record found."""

    confusion: Confusion
    """Shape (7, 7), beats: rows N S V F Q O X, columns n s v f q o x (see `tally`)."""
    rr: RrError
    """Error of RR intervals."""
    timing_ms: NDArray[np.float64]
    """Test time minus reference time of each matched pair, shape (n_matched,), ms."""
    shutdown_s: float
    """How long the test annotator called the signal unreadable, s."""
    pairs: tuple[BeatPair, ...]
    """Every beat in time order, to find and draw the errors."""
    excluded: int = 0
    """Reference beats that do not count: learning period, VF, behind the record's end."""

    @property
    def qrs(self) -> Tally:
        """Detection of beats of any class."""
        return qrs_tally(self.confusion)

    @property
    def veb(self) -> Tally:
        """Detection of ventricular ectopic beats."""
        return veb_tally(self.confusion)

    @property
    def sveb(self) -> Tally:
        """Detection of supraventricular ectopic beats."""
        return sveb_tally(self.confusion)

    def count(self, names: str) -> int:
        """Add up cells by name, such as ``"Vn Vs"``."""
        return cells(self.confusion, names)


def compare_beats(
    ref: Annotations,
    test: Annotations,
    *,
    end_sample: int | None = None,
    protocol: Protocol = STANDARD,
    mapping: AamiMapping = EC57,
) -> BeatComparison:
    """Compare a test annotator's beats with the reference, beat by beat.

    Beats of the learning period do not count. Ventricular flutter and
    fibrillation are left out: what either annotator marks as such by default,
    each annotator's own only with ``protocol.official`` (known bug, physionet
    issue 39; the tool does drop the beats of an annotator that marks no VF).

    Parameters
    ----------
    ref, test
        Annotations at the same sampling frequency.
    end_sample
        Last sample of the record; the last reference annotation if left out.
    protocol
        Match window, learning period, and whether to count as the official tool.
    mapping
        AAMI class of each symbol.

    Examples
    --------
    >>> from training.ec57.annotation import make_annotations
    >>> from training.ec57.protocol import Protocol
    >>> ref = make_annotations([360, 720, 1080], ["N", "V", "N"], 360)
    >>> test = make_annotations([365, 720], ["N", "N"], 360)
    >>> found = compare_beats(ref, test, protocol=Protocol(learning_s=0))
    >>> [pair.cell for pair in found.pairs], found.qrs.se
    (['Nn', 'Vn', 'No'], 66.66666666666667)
    """
    end = last_sample(ref) if end_sample is None else end_sample
    start, window = protocol.start(ref.fs), protocol.window(ref.fs)
    ref_vf, test_vf = _excluded_vf(ref, test, end, official=protocol.official)
    ref_shut = shutdown_segments(ref, end, window)
    test_shut = shutdown_segments(test, end, window)
    ref_beats = _Beats.of(ref, mapping, start, end, ref_vf)
    test_beats = _Beats.of(test, mapping, start, end, test_vf)
    pairs = _pair(ref_beats, test_beats, window, ref_shut, test_shut)
    confusion = np.zeros((len(REF_CLASSES), len(TEST_CLASSES)), dtype=np.int64)
    for pair in pairs:
        confusion[REF_CLASSES.index(pair.cell[0]), TEST_CLASSES.index(pair.cell[1])] += 1
    timed: list[Pair] = [(p.ref_sample, p.test_sample) for p in pairs if p.cell[0] != "X"]
    return BeatComparison(
        confusion,
        rr_error(
            timed,
            (ref_beats.before, test_beats.before),
            (*ref_vf, *ref_shut),
            (*test_vf, *test_shut),
            ref.fs,
        ),
        np.array(
            [(t - r) * 1000.0 / ref.fs for r, t in timed if r is not None and t is not None],
            dtype=np.float64,
        ),
        sum(b - max(a, start) for a, b in test_shut if b > start) / ref.fs,
        tuple(pairs),
        sum(symbol in mapping.classes for symbol in ref.symbol) - len(ref_beats.samples),
    )


def last_sample(marks: Annotations) -> int:
    """Give the sample index of the last annotation; 0 without one."""
    return int(marks.sample[-1]) if len(marks.sample) else 0


@dataclass(frozen=True)
class _Beats:
    """Beats of the test period."""

    samples: list[int]
    classes: list[str]
    before: int | None  # last beat of the learning period

    @classmethod
    def of(
        cls, marks: Annotations, mapping: AamiMapping, start: int, end: int, vf: Sequence[Segment]
    ) -> _Beats:
        flags = zip(
            marks.sample.tolist(), marks.symbol, members(marks.sample, vf).tolist(), strict=True
        )
        beats = [
            (sample, mapping.classes[symbol])
            for sample, symbol, is_vf in flags
            if symbol in mapping.classes and sample <= end and not is_vf
        ]
        early = [sample for sample, _ in beats if sample < start]
        tested = beats[len(early) :]
        return cls([s for s, _ in tested], [c for _, c in tested], early[-1] if early else None)


def _excluded_vf(
    ref: Annotations, test: Annotations, end: int, *, official: bool
) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Find the VF that excludes the reference's beats and the test annotator's."""
    ref_vf = vf_segments(ref, end, from_rhythm=not official)
    test_vf = vf_segments(test, end, from_rhythm=not official)
    if official:
        return ref_vf, test_vf or ref_vf
    return (*ref_vf, *test_vf), (*ref_vf, *test_vf)


def _pair(
    ref: _Beats,
    test: _Beats,
    window: int,
    ref_shut: Sequence[Segment],
    test_shut: Sequence[Segment],
) -> list[BeatPair]:
    """Match the beats and say where each one is counted."""
    pairs = []
    for i, j in match_beats(ref.samples, test.samples, window):
        r = None if i is None else ref.samples[i]
        t = None if j is None else test.samples[j]
        if i is not None:
            row = ref.classes[i]
        else:
            row = "X" if t is not None and inside(t, ref_shut) else "O"
        if j is not None:
            column = test.classes[j].lower()
        else:
            column = "x" if r is not None and inside(r, test_shut) else "o"
        pairs.append(BeatPair(r, t, row + column))
    return pairs
