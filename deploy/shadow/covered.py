"""Which stretch of each stream a shadow heard: only there is its silence worth comparing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from inference.stream_clock import rfc3339
from ingest.sequence_types import Chunk, Chunks, Ordered, sample_to_ns

SCHEMA = "vigil.shadow/1"
"""Name and version of the form."""


@dataclass(slots=True)
class Covered:
    """One stretch of one stream."""

    session: str
    """Session of its device."""
    fs: float
    """Sampling frequency, Hz."""
    origin_unix_ns: int
    """UTC time of the session's sample 0, ns since 1970."""
    begin: int
    """Index of its first sample."""
    end: int
    """Index behind its last sample."""

    def told(self, stream_id: str) -> dict[str, Any]:
        """Give it as it is published: stream, session, ``from`` and ``to``."""

        def time(sample: int) -> dict[str, Any]:
            utc = rfc3339(self.origin_unix_ns + sample_to_ns(sample, self.fs))
            return {"sample": sample, "utc": utc}

        return {
            "schema": SCHEMA,
            "stream_id": stream_id,
            "session": self.session,
            "fs": self.fs,
            "from": time(self.begin),
            "to": time(self.end),
        }


class Coverage:
    """The stretches that are open, and those that are to be told."""

    def __init__(self) -> None:
        self.open: dict[str, Covered] = {}
        """By stream."""
        self.signal_s = 0.0
        """Signal heard, all streams together, s."""

    def hear(self, items: Iterable[Ordered]) -> list[dict[str, Any]]:
        """Take what was scored; return stretches that were over by it."""
        over = []
        for chunk in _chunks(items):
            known = self.open.get(chunk.stream_id)
            self.signal_s += chunk.samples.shape[1] / chunk.fs
            if known is not None and known.session == chunk.session and not chunk.begins:
                known.end = chunk.end_sample
                continue
            if known is not None:
                over.append(known.told(chunk.stream_id))
            self.open[chunk.stream_id] = Covered(
                chunk.session, chunk.fs, chunk.origin_unix_ns, chunk.first_sample, chunk.end_sample
            )
        return over

    def cut(self, stream_ids: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """End the stretches of some streams, or of all; return them."""
        wanted = list(self.open) if stream_ids is None else list(stream_ids)
        return [self.open.pop(name).told(name) for name in wanted if name in self.open]

    def so_far(self) -> list[dict[str, Any]]:
        """Return the stretches that are open, as far as they go, and go on from there."""
        told = []
        for name, known in self.open.items():
            if known.end > known.begin:
                told.append(known.told(name))
                known.begin = known.end
        return told


def _chunks(items: Iterable[Ordered]) -> Iterator[Chunk]:
    for item in items:
        if isinstance(item, Chunk):
            yield item
        elif isinstance(item, Chunks):
            yield from (item.chunk(i) for i in range(len(item.raw)))
