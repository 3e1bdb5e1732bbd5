"""Stretches of a record that annotations mark: VF, AF, unreadable signal (shutdown)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from training.ec57.annotation import Annotations

Segment = tuple[int, int]
"""First and last sample index of a stretch, both included."""

AF_RHYTHMS = frozenset({"(AFIB"})
AF_OR_FLUTTER_RHYTHMS = frozenset({"(AFIB", "(AFL"})
VF_RHYTHMS = frozenset({"(VFL", "(VF", "(VFIB"})

_SHUTDOWN_BITS = 0x30  # WFDB Applications Guide, bxb(1): bits 4 and 5 of the subtype both set


def inside(sample: int, segments: Sequence[Segment]) -> bool:
    """Tell whether a sample index lies in any of the segments.

    Examples
    --------
    >>> inside(10, [(5, 10)]), inside(11, [(5, 10)])
    (True, False)
    """
    return any(first <= sample <= last for first, last in segments)


def members(sample: NDArray[np.int64], segments: Sequence[Segment]) -> NDArray[np.bool_]:
    """Tell for each sample index, in time order, whether it lies in any of the segments.

    Examples
    --------
    >>> members(np.array([4, 5, 10, 11]), [(5, 10)]).tolist()
    [False, True, True, False]
    """
    found = np.zeros(len(sample), dtype=np.bool_)
    for first, last in segments:
        found[np.searchsorted(sample, first) : np.searchsorted(sample, last, side="right")] = True
    return found


def breaks(first: int, last: int, segments: Sequence[Segment]) -> bool:
    """Tell whether a whole segment lies between two sample indices.

    Examples
    --------
    >>> breaks(0, 100, [(20, 80)]), breaks(0, 50, [(20, 80)])
    (True, False)
    """
    return any(first <= start and end <= last for start, end in segments)


def rhythm_segments(
    marks: Annotations, rhythms: frozenset[str], end_sample: int
) -> tuple[Segment, ...]:
    """Find where any of the rhythms goes on.

    It begins at a ``+`` annotation with one of the texts and ends at the next
    ``+`` with another text, or at `end_sample`.

    Examples
    --------
    >>> from training.ec57.annotation import make_annotations
    >>> marks = make_annotations([10, 50], ["+", "+"], 360, ["(AFIB", "(N"])
    >>> rhythm_segments(marks, AF_RHYTHMS, 100)
    ((10, 50),)
    """
    found: list[Segment] = []
    start: int | None = None
    for sample, symbol, note in zip(
        marks.sample.tolist(), marks.symbol, marks.aux_note, strict=True
    ):
        if symbol != "+":
            continue
        if note in rhythms:
            start = sample if start is None else start
        elif start is not None:
            found.append((start, sample))
            start = None
    if start is not None:
        found.append((start, max(start, end_sample)))
    return tuple(found)


def vf_segments(
    marks: Annotations, end_sample: int, *, from_rhythm: bool = False
) -> tuple[Segment, ...]:
    """Find ventricular flutter and fibrillation: from ``[`` to ``]``, or to the end.

    Parameters
    ----------
    marks
        The annotator's marks.
    end_sample
        Where an episode without ``]`` ends.
    from_rhythm
        Where the annotator has no ``[`` at all, take its ``(VFL`` and ``(VF``
        rhythms instead. The official tools look at ``[`` and ``]`` only.

    Examples
    --------
    >>> from training.ec57.annotation import make_annotations
    >>> vf_segments(make_annotations([10, 50, 90], ["[", "]", "["], 360), 100)
    ((10, 50), (90, 100))
    """
    if from_rhythm and "[" not in marks.symbol:
        return rhythm_segments(marks, VF_RHYTHMS, end_sample)
    found: list[Segment] = []
    start: int | None = None
    for sample, symbol in zip(marks.sample.tolist(), marks.symbol, strict=True):
        if symbol == "[" and start is None:
            start = sample
        elif symbol == "]" and start is not None:
            found.append((start, sample))
            start = None
    if start is not None:
        found.append((start, max(start, end_sample)))
    return tuple(found)


def shutdown_segments(marks: Annotations, end_sample: int, window: int) -> tuple[Segment, ...]:
    """Find where the annotator calls the signal unreadable.

    By the conventions of the WFDB Applications Guide, bxb(1). MIT-BIH and
    European ST-T: from a ``~`` whose subtype has bits 4 and 5 set to the next
    ``~`` without them (or to the end). AHA: an annotator that never resumes
    marks the middle of a stretch, which begins a match window after the
    annotation before and ends a match window before the one after.

    Parameters
    ----------
    marks
        The annotator's marks.
    end_sample
        Where an unreadable stretch without an end stops.
    window
        Match window, samples.

    Examples
    --------
    >>> from training.ec57.annotation import make_annotations
    >>> shutdown_segments(make_annotations([10, 50], ["~", "~"], 360, subtype=[-1, 0]), 100, 54)
    ((10, 50),)
    >>> aha = make_annotations([0, 200, 400], list("N~N"), 360, subtype=[0, -1, 0])
    >>> shutdown_segments(aha, 999, 54)
    ((54, 346),)
    """
    samples = marks.sample.tolist()
    noise = [
        (i, bool(int(marks.subtype[i]) & _SHUTDOWN_BITS == _SHUTDOWN_BITS))
        for i, symbol in enumerate(marks.symbol)
        if symbol == "~"
    ]
    if noise and all(shut for _, shut in noise):
        bounds = [-window, *samples, end_sample + window]
        around = [(bounds[i] + window, bounds[i + 2] - window) for i, _ in noise]
        return tuple((first, last) for first, last in around if first <= last)
    found: list[Segment] = []
    start: int | None = None
    for i, shut in noise:
        if shut and start is None:
            start = samples[i]
        elif not shut and start is not None:
            found.append((start, samples[i]))
            start = None
    if start is not None:
        found.append((start, max(start, end_sample)))
    return tuple(found)


def clip(segments: Sequence[Segment], first: int, last: int) -> tuple[Segment, ...]:
    """Keep what lies between two sample indices, and join segments that touch.

    Examples
    --------
    >>> clip([(0, 20), (20, 30), (90, 120)], 10, 100)
    ((10, 30), (90, 100))
    >>> clip([(0, 5)], 10, 100)
    ()
    """
    kept = [(max(a, first), min(b, last)) for a, b in segments if b > first and a < last]
    joined: list[Segment] = []
    for segment in kept:
        if joined and segment[0] <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], segment[1]))
        else:
            joined.append(segment)
    return tuple(joined)


def subtract(segments: Sequence[Segment], holes: Sequence[Segment]) -> tuple[Segment, ...]:
    """Cut the holes out of the segments.

    Examples
    --------
    >>> subtract([(0, 100)], [(20, 30), (90, 120)])
    ((0, 20), (30, 90))
    """
    left: list[Segment] = []
    for first, last in segments:
        cuts = sorted((max(a, first), min(b, last)) for a, b in holes if b > first and a < last)
        edges = [(first, first), *cuts, (last, last)]
        left.extend((a[1], b[0]) for a, b in pairwise(edges) if a[1] < b[0])
    return tuple(left)
