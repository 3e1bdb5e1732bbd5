"""Frames of one stream put together: signal without repeats, what is missing marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest.frame_columns import INT16_LE, FrameColumns
from ingest.frames import MISSING_ADU, Lead
from ingest.recording import Recording

LONG_GAP_S = 600.0
"""A gap longer than this ends a stretch: it would only be a long line of nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Signal of one session, of one sampling frequency and the same leads throughout."""

    session: str
    """Session of the device."""
    first_sample: int
    """Index of its first sample since the session began."""
    recording: Recording
    """The signal; ``MISSING_ADU`` where there is none."""

    @property
    def end_sample(self) -> int:
        """Index one past its last sample."""
        return self.first_sample + self.recording.n_samples


def stretches(
    frames: FrameColumns, start: int | None = None, stop: int | None = None
) -> list[Stretch]:
    """Put frames of one stream together.

    Parameters
    ----------
    frames : FrameColumns
        Frames of one stream, in any order; of samples that were sent twice those that come
        first here count.
    start, stop : int, optional
        UTC times, ns since 1970, that the signal is cut to.

    Returns
    -------
    list of Stretch
        In order of time.

    Examples
    --------
    >>> from ingest.frames import Frame
    >>> lead, one = (Lead("II"),), np.ones((1, 2), np.int16)
    >>> frames = [Frame("p", "a", at, at * 10**9, 1.0, lead, one) for at in (4, 0)]
    >>> stretches(FrameColumns.of(frames))[0].recording.samples.tolist()
    [[1, 1, -32768, -32768, 1, 1]]
    """
    runs: dict[tuple[str, float, tuple[Lead, ...]], list[int]] = {}
    for i in range(len(frames)):
        if frames.raw[i]:
            runs.setdefault((frames.sessions[i], frames.fs[i], frames.leads[i]), []).append(i)
    found = [
        _joined(frames, part)
        for chosen in runs.values()
        for part in _without_long_gaps(frames, chosen)
    ]
    cut = [each for stretch in found if (each := _cut(stretch, start, stop)) is not None]
    return sorted(cut, key=lambda each: (each.recording.start_unix_ns, each.session))


def _ends(frames: FrameColumns, i: int) -> tuple[int, int]:
    """Return first sample and end of a frame."""
    first = frames.first_samples[i]
    return first, first + len(frames.raw[i]) // (2 * len(frames.leads[i]))


def _without_long_gaps(frames: FrameColumns, chosen: Sequence[int]) -> list[list[int]]:
    """Part frames where a long gap is between them; of each part those that came first first."""
    ordered = sorted(chosen, key=lambda i: frames.first_samples[i])
    most = round(LONG_GAP_S * frames.fs[chosen[0]])
    parts: list[list[int]] = [[]]
    heard_to = frames.first_samples[ordered[0]]
    for i in ordered:
        first, end = _ends(frames, i)
        if first - heard_to > most:
            parts.append([])
        parts[-1].append(i)
        heard_to = max(heard_to, end)
    return [sorted(part) for part in parts]


def _joined(frames: FrameColumns, chosen: Sequence[int]) -> Stretch:
    """Lay frames side by side."""
    bounds = [_ends(frames, i) for i in chosen]
    first, end = min(b for b, _ in bounds), max(e for _, e in bounds)
    at = chosen[0]
    leads, fs = frames.leads[at], frames.fs[at]
    samples = np.full((len(leads), end - first), MISSING_ADU, np.int16)
    for i, (begin, stop) in zip(reversed(chosen), reversed(bounds), strict=True):
        block = np.frombuffer(frames.raw[i], INT16_LE).reshape(len(leads), -1)
        samples[:, begin - first : stop - first] = block
    earliest = min(chosen, key=lambda i: frames.first_samples[i])
    recording = Recording(frames.stream_ids[at], fs, leads, samples, frames.start_unix_ns[earliest])
    return Stretch(frames.sessions[at], first, recording)


def _cut(stretch: Stretch, start: int | None, stop: int | None) -> Stretch | None:
    """Cut signal to its samples of ``[start, stop)``; None where there are none."""
    whole = stretch.recording
    first, end = 0, whole.n_samples
    if start is not None:
        first = max(0, _samples_until(start - whole.start_unix_ns, whole.fs))
    if stop is not None:
        end = min(end, _samples_until(stop - whole.start_unix_ns, whole.fs))
    if first >= end:
        return None
    begin_ns = whole.start_unix_ns + round(first * 1e9 / whole.fs)
    part = Recording(whole.name, whole.fs, whole.leads, whole.samples[:, first:end], begin_ns)
    return Stretch(stretch.session, stretch.first_sample + first, part)


def _samples_until(duration_ns: int, fs: float) -> int:
    """Return how many samples begin before a time, ns after the first one."""
    return int(np.ceil(round(duration_ns * fs / 1e9, 6)))
