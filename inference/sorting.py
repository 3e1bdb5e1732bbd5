"""Sorts out a push: streams of which there are only samples, and those with more to be said."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from inference.intake import LONGEST_PUSH_S, Queue
from inference.streams import StreamInfo, Streams
from ingest.frame_columns import INT16_LE
from ingest.frames import MISSING_ADU
from ingest.sequence_types import Chunks, Ordered

_MISSING = MISSING_ADU.to_bytes(2, "little", signed=True)
_ITEM = INT16_LE.itemsize
_Place = tuple[Chunks, int]


@dataclass(frozen=True, slots=True, eq=False)
class SortedOut:
    """One push."""

    ready: dict[int, bytes]
    """By slot, the next samples of streams of which nothing else is told: int16 little-endian,
    adu, lead in use by lead in use; one that the stream does not have is missing; behind them
    the pulse leads that it has."""
    queues: dict[str, Queue]
    """What is to be done with the others, by stream."""


def sort_out(items: Iterable[Ordered], streams: Streams, n_leads: int) -> SortedOut:
    """Part what can go straight on from what has to be taken step by step.

    Parameters
    ----------
    items : iterable of Ordered
        What the sequencer gave, in each stream's order.
    streams : Streams
        Who sits where.
    n_leads : int
        Leads that are wanted of every stream.
    """
    first: dict[str, _Place] = {}
    more: dict[str, list[_Place]] = {}  # all places of those that have several
    queues: dict[str, Queue] = {}

    def places_of(stream_id: str) -> list[_Place]:
        return more.get(stream_id) or [first[stream_id]]

    for item in items:
        if isinstance(item, Chunks):
            for i, stream_id in enumerate(item.stream_ids):
                if stream_id in queues:
                    queues[stream_id].append(item.chunk(i))
                elif stream_id in first:
                    more.setdefault(stream_id, [first[stream_id]]).append((item, i))
                else:
                    first[stream_id] = (item, i)
        else:
            if item.stream_id not in queues:
                known = item.stream_id in first
                queues[item.stream_id] = _queue(places_of(item.stream_id) if known else ())
                first.pop(item.stream_id, None)
            queues[item.stream_id].append(item)
    ready: dict[int, bytes] = {}
    for stream_id, (chunks, i) in first.items():
        slot, layout, several = streams.slot(stream_id), chunks.layouts[i], more.get(stream_id)
        if slot is not None and n_leads == len(layout.leads) == 1:  # as nearly always
            raw = b"".join([c.raw[k] for c, k in several]) if several else chunks.raw[i]
            if len(raw) <= int(LONGEST_PUSH_S * layout.fs) * _ITEM:
                ready[slot] = raw
                continue
        places = several or [(chunks, i)]
        if slot is None or _is_long(places):
            queues[stream_id] = _queue(places)
        else:
            ready[slot] = _joined(places, streams.info(slot), n_leads)
    return SortedOut(ready, queues)


def _queue(places: Iterable[_Place]) -> Queue:
    """Make single chunks of what had been put together."""
    return deque(chunks.chunk(i) for chunks, i in places)


def _is_long(places: list[_Place]) -> bool:
    """Tell whether this is more than is taken in one step."""
    chunks, i = places[0]
    _, fs, leads, _ = chunks.layouts[i]
    n_bytes = len(chunks.raw[i]) if len(places) == 1 else sum(len(c.raw[k]) for c, k in places)
    return n_bytes > int(LONGEST_PUSH_S * fs) * _ITEM * len(leads)


def _joined(places: list[_Place], info: StreamInfo, n_leads: int) -> bytes:
    """Join the samples of the leads in use."""
    chunks, i = places[0]
    n_rows = len(chunks.layouts[i].leads)
    raws = [c.raw[k] for c, k in places]
    n_bytes = [len(raw) // n_rows for raw in raws]

    def rows(wanted: tuple[int, ...]) -> list[bytes]:
        pairs = zip(raws, n_bytes, strict=True)
        return [raw[row * n : (row + 1) * n] for row in wanted for raw, n in list(pairs)]

    absent = n_leads - len(info.rows[:n_leads])
    missing = _MISSING * (absent * sum(n_bytes) // _ITEM)
    more = (*info.spare_rows, *info.pulse_rows)
    return b"".join([*rows(info.rows[:n_leads]), missing, *rows(more)])


def portions(ready: dict[int, bytes], most: int) -> Iterator[dict[int, bytes]]:
    """Part what is ready into portions of so many streams at most."""
    if len(ready) <= most:
        if ready:
            yield ready
        return
    items = iter(ready.items())
    while part := dict(islice(items, most)):
        yield part
