"""Episode-by-episode comparison of AF and VF (EC57, 4.5; the official tool is epicmp)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.ec57.annotation import Annotations
from training.ec57.beats import last_sample
from training.ec57.protocol import STANDARD, Protocol
from training.ec57.segments import (
    AF_RHYTHMS,
    Segment,
    clip,
    rhythm_segments,
    subtract,
    vf_segments,
)
from training.ec57.tally import Tally, percent

EpisodeKind = Literal["af", "vf"]

_FLUTTER = frozenset({"(AFL"})


@dataclass(frozen=True)
class EpisodeComparison:
    """Episodes of one kind in one record, or added up over records."""

    episodes: Tally
    """Each episode counts once; any overlap makes it found (Se) or true (+P)."""
    ref_s: float
    """Total duration in the reference, s."""
    test_s: float
    """Total duration in the test annotations, s."""
    overlap_s: float
    """Duration that both mark, s."""

    @property
    def duration_se(self) -> float | None:
        """Share of the reference's duration that was found, percent."""
        return percent(self.overlap_s, self.ref_s)

    @property
    def duration_ppv(self) -> float | None:
        """Share of the test annotator's duration that is true, percent."""
        return percent(self.overlap_s, self.test_s)

    def __add__(self, other: EpisodeComparison) -> EpisodeComparison:
        return EpisodeComparison(
            self.episodes + other.episodes,
            self.ref_s + other.ref_s,
            self.test_s + other.test_s,
            self.overlap_s + other.overlap_s,
        )


NO_EPISODES = EpisodeComparison(Tally(0, 0, 0, 0), 0.0, 0.0, 0.0)


def compare_episodes(
    ref: Annotations,
    test: Annotations,
    kind: EpisodeKind,
    *,
    end_sample: int | None = None,
    protocol: Protocol = STANDARD,
    exclude_flutter: bool = False,
) -> EpisodeComparison:
    """Compare episodes of atrial fibrillation or of ventricular flutter and fibrillation.

    AF goes from ``(AFIB`` to the next other rhythm; VF from ``[`` to ``]``
    (an annotator without any ``[`` is read by its ``(VFL`` and ``(VF``
    rhythms, except with ``protocol.official``). Both end with the record.

    Parameters
    ----------
    ref, test
        Annotations at the same sampling frequency.
    kind
        ``"af"`` or ``"vf"``.
    end_sample
        Last sample of the record; the last reference annotation if left out.
    protocol
        Learning period, and whether to count as the official tool.
    exclude_flutter
        Leave test AF during the reference's atrial flutter out of positive
        predictivity (EC38:1998; epicmp's -x, off by default there too).

    Examples
    --------
    >>> from training.ec57.annotation import make_annotations
    >>> ref = make_annotations([0, 1000], ["+", "+"], 100, ["(AFIB", "(N"])
    >>> test = make_annotations([500, 1500], ["+", "+"], 100, ["(AFIB", "(N"])
    >>> found = compare_episodes(
    ...     ref, test, "af", end_sample=2000, protocol=Protocol(learning_s=0))
    >>> found.episodes.se, found.duration_se, found.duration_ppv
    (100.0, 50.0, 50.0)
    """
    end = last_sample(ref) if end_sample is None else end_sample
    start = protocol.start(ref.fs)
    ref_segments = _episodes(ref, kind, start, end, protocol)
    test_segments = _episodes(test, kind, start, end, protocol)
    if kind == "af" and exclude_flutter:
        test_segments = subtract(test_segments, clip(rhythm_segments(ref, _FLUTTER, end), 0, end))
    found = sum(_overlap(segment, test_segments) > 0 for segment in ref_segments)
    true = sum(_overlap(segment, ref_segments) > 0 for segment in test_segments)
    return EpisodeComparison(
        Tally(found, len(ref_segments) - found, true, len(test_segments) - true),
        sum(b - a for a, b in ref_segments) / ref.fs,
        sum(b - a for a, b in test_segments) / ref.fs,
        sum(_overlap(segment, test_segments) for segment in ref_segments) / ref.fs,
    )


def _episodes(
    marks: Annotations, kind: EpisodeKind, start: int, end: int, protocol: Protocol
) -> tuple[Segment, ...]:
    """Find the episodes of the test period."""
    if kind == "af":
        found = rhythm_segments(marks, AF_RHYTHMS, end)
    else:
        found = vf_segments(marks, end, from_rhythm=not protocol.official)
    return clip(found, start, end)


def _overlap(segment: Segment, others: Sequence[Segment]) -> int:
    """Give how many samples of the segment the others cover."""
    first, last = segment
    return sum(max(0, min(last, b) - max(first, a)) for a, b in others)
