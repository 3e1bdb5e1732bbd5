"""Frames for tests whose every sample says where it belongs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.frames import Frame, Lead
from ingest.sequence_types import Chunk, End, Gap, Item, sample_to_ns

FS = 250.0
LEADS = (Lead("II"), Lead("V1", adc_gain=1000.0, baseline=-5))
START_UNIX_NS = 1_700_000_000_000_000_000


def ramp(first: int, end: int, n_leads: int = 2) -> NDArray[np.int16]:
    """Samples of shape (n_leads, end - first) that differ from place to place, adu."""
    return np.stack(
        [(np.arange(first, end) * (7 + lead)) % 30_000 for lead in range(n_leads)]
    ).astype(np.int16)


def frame(
    first: int,
    end: int,
    *,
    stream_id: str = "bed-1",
    session: str = "a",
    last: bool = False,
    fs: float = FS,
    leads: Sequence[Lead] = LEADS,
) -> Frame:
    """One frame of the samples [first, end)."""
    return Frame(
        stream_id,
        session,
        first,
        START_UNIX_NS + sample_to_ns(first, fs),
        fs,
        tuple(leads),
        ramp(first, end, len(leads)),
        last,
    )


def cut(bounds: Sequence[int], **keywords: object) -> list[Frame]:
    """Frames between consecutive bounds, the last one marked so."""
    pairs = list(pairwise(bounds))
    return [
        frame(first, end, last=i == len(pairs) - 1, **keywords)  # type: ignore[arg-type]
        for i, (first, end) in enumerate(pairs)
    ]


def same_frame(one: Frame, other: Frame) -> bool:
    """Whether two frames are equal in everything."""
    fields = ("stream_id", "session", "first_sample", "start_unix_ns", "fs", "leads", "last")
    return all(getattr(one, name) == getattr(other, name) for name in fields) and np.array_equal(
        one.samples, other.samples
    )


def flat(items: Iterable[Item]) -> list[tuple[object, ...]]:
    """Concatenate what a sequencer gave: (session, sample, adu of lead 0 or None), and ends."""
    out: list[tuple[object, ...]] = []
    for item in items:
        if isinstance(item, Chunk):
            places = range(item.first_sample, item.end_sample)
            out += [
                (item.session, place, int(adu))
                for place, adu in zip(places, item.samples[0], strict=True)
            ]
        elif isinstance(item, Gap):
            out += [(item.session, p, None) for p in range(item.first_sample, item.end_sample)]
        elif isinstance(item, End):
            out.append((item.session, item.end_sample, "end"))
    return out
