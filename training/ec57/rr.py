"""RMS error of RR intervals, as the official bxb prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.ec57.segments import Segment, breaks

Pair = tuple[int | None, int | None]
"""Sample indices of a reference beat and of its test beat; None where one is absent."""


@dataclass(frozen=True)
class RrError:
    """Sum of squared differences between reference and test RR intervals."""

    n: int
    """Comparisons made."""
    sum_squares: int
    """Sum of squared differences, samples squared."""
    fs: float
    """Sampling frequency, Hz."""

    @property
    def rms_ms(self) -> float | None:
        """Root mean square, ms; None without a comparison."""
        return 1000.0 / self.fs * (self.sum_squares / self.n) ** 0.5 if self.n else None


def rr_error(
    pairs: Sequence[Pair],
    before: Pair,
    ref_breaks: Sequence[Segment],
    test_breaks: Sequence[Segment],
    fs: float,
) -> RrError:
    """Compare, at every beat of either annotator, the RR intervals that end at or span it.

    A matched pair compares the interval that ends at it on both sides. At a
    missed or a false beat the interval of the other annotator is the one that
    spans that instant, so that one missed beat costs two comparisons. Fitted
    to the official tool's output, which its guide does not explain.

    Parameters
    ----------
    pairs
        Matched, missed and false beats of the test period, in time order.
    before
        Each annotator's last beat before the test period, None if there is none.
    ref_breaks, test_breaks
        Stretches across which that annotator has no RR interval.
    fs
        Sampling frequency, Hz.

    Examples
    --------
    >>> rr_error([(100, 100), (200, 204), (300, 300)], (None, None), (), (), 100).sum_squares
    32
    >>> rr_error([(100, 100), (200, None), (300, 300)], (None, None), (), (), 100).sum_squares
    20000
    """
    ref = [before[0], *(r for r, _ in pairs if r is not None)]
    test = [before[1], *(t for _, t in pairs if t is not None)]
    n = total = i = j = 0
    for r, t in pairs:
        ref_rr = _interval(ref, i, ref_breaks)
        test_rr = _interval(test, j, test_breaks)
        if ref_rr is not None and test_rr is not None:
            n += 1
            total += (ref_rr - test_rr) ** 2
        i += r is not None
        j += t is not None
    return RrError(n, total, fs)


def _interval(beats: Sequence[int | None], i: int, gaps: Sequence[Segment]) -> int | None:
    """Give the interval from beat i to the next, in samples; None where there is none."""
    if i + 1 >= len(beats):
        return None
    first, last = beats[i], beats[i + 1]
    if first is None or last is None or breaks(first, last, gaps):
        return None
    return last - first
