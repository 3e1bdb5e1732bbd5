"""How far each partition is: what is settled, what is scored, and from where it must be read again.

A stream whose state was written at offset S needs no message below S again. From the first
message behind its last state on, a stream is *dirty*; the smallest such offset of a partition,
its *rewind*, is where a worker that takes over begins to read. It is committed beside the offset,
in the same transaction, so that both always agree.

While a partition is read again, up to the offset that was committed (its *floor*), what comes of
it was already published, and is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice, takewhile

from ingest.frame_columns import FrameColumns
from ingest.source import Batch

NOTE_VERSION = 1
"""Version of what is noted beside an offset."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is committed beside an offset."""

    rewind: int
    """Where to read again from."""
    rewind_ms: int
    """Minute of the log there, ms since 1970."""
    minute_ms: int
    """Minute of the log at the offset itself, ms since 1970."""
    n_states: int
    """States that the partition has at this place: fewer found are fewer than were written."""

    def text(self) -> str:
        """Write it.

        Examples
        --------
        >>> Note(5, 0, 9, 2).text()
        '{"v":1,"rewind":5,"rewind_ms":0,"minute_ms":9,"n_states":2}'
        """
        keys = {
            "v": NOTE_VERSION,
            "rewind": self.rewind,
            "rewind_ms": self.rewind_ms,
            "minute_ms": self.minute_ms,
            "n_states": self.n_states,
        }
        return json.dumps(keys, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Note | None:
        """Read it; None where there is none of this version, as after a reset by hand.

        Examples
        --------
        >>> Note.parse(Note(5, 0, 9, 2).text()).rewind, Note.parse("")
        (5, None)
        """
        try:
            keys = json.loads(text)
            if keys.pop("v") != NOTE_VERSION:
                return None
            return cls(**{name: int(value) for name, value in keys.items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Dirty:
    """Since when a stream is ahead of its state."""

    offset: int
    """Offset of the first message that is not in it."""
    minute_ms: int
    """Minute of the log there, ms since 1970."""
    since_s: float
    """When that was, monotonic, s."""


@dataclass(slots=True)
class Place:
    """How far one partition is."""

    floor: int = -1
    """What comes of messages below is published; -1: of none."""
    position: int = 0
    """Offset behind the last message that was scored."""
    minute_ms: int = 0
    """Minute that the log has reached: begin of the latest that a message told, ms since 1970."""
    dirty: dict[str, Dirty] = field(default_factory=dict)
    """Streams ahead of their state, by offset."""
    saved: set[str] = field(default_factory=set)
    """Streams that have a state."""
    covered: dict[str, int] = field(default_factory=dict)
    """While it is read again: streams whose state goes further, and how far."""

    @property
    def is_behind(self) -> bool:
        """True while it is read again."""
        return self.position < self.floor

    def note(self, written: Collection[str] = ()) -> Note:
        """Tell where to read again from, once the states of some streams are written."""
        new = set(written)
        left = (dirty for stream_id, dirty in self.dirty.items() if stream_id not in new)
        first = next(left, Dirty(self.position, self.minute_ms, 0.0))
        n_states = len(self.saved | new) if new else len(self.saved)
        return Note(first.offset, first.minute_ms, self.minute_ms, n_states)

    def due(self, before_s: float, most: int) -> list[str]:
        """Streams that have been dirty since before a monotonic time, s, the longest first."""
        old = takewhile(lambda item: item[1].since_s <= before_s, self.dirty.items())
        return [stream_id for stream_id, _ in islice(old, most)]

    def clean(self, stream_id: str) -> None:
        """Take it that a stream's state was written as far as the partition is."""
        self.dirty.pop(stream_id, None)
        self.saved.add(stream_id)

    def forget(self, stream_id: str) -> None:
        """Forget a stream."""
        self.dirty.pop(stream_id, None)
        self.covered.pop(stream_id, None)
        self.saved.discard(stream_id)


@dataclass(slots=True)
class Portion:
    """Part of a batch; as :class:`~ingest.source.Batch` names it."""

    batch: Batch
    """What was handed out."""
    is_published: bool
    """True where what comes of it was published before."""

    @property
    def is_new(self) -> bool:
        """True where something came that is to be settled."""
        return not self.is_published and bool(self.batch.frames or self.batch.dead)

    def parts(self, most: int) -> Iterator[Portion]:
        """Yield the same in parts of so many frames at most."""
        batch = self.batch
        if len(batch.frames) <= most:
            yield self
            return
        for i in range(0, len(batch.frames), most):
            part = slice(i, i + most)
            columns = (batch.partitions, batch.offsets, batch.times_ms)
            cut = Batch(
                batch.frames[part], () if i else batch.dead, False, *(c[part] for c in columns)
            )
            yield Portion(cut, self.is_published)


class Progress:
    """The places of all partitions that a worker has."""

    def __init__(self) -> None:
        self.places: dict[int, Place] = {}

    def place(self, partition: int) -> Place:
        """Return the place of a partition, a new one where it was not known."""
        found = self.places.get(partition)
        if found is None:
            found = self.places[partition] = Place()
        return found

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget partitions that went."""
        for partition in partitions:
            self.places.pop(partition, None)

    def portions(self, batch: Batch) -> tuple[Portion, Portion]:
        """Part what is read again from what is new, at the very message where that begins."""
        behind = {p: place.floor for p, place in self.places.items() if place.is_behind}
        if not behind or not batch.offsets:
            return Portion(Batch(), True), Portion(batch, False)
        old = [
            offset < behind.get(partition, -1)
            for partition, offset in zip(batch.partitions, batch.offsets, strict=True)
        ]
        again = Portion(_where(batch, old, behind, True), True)
        new = Portion(_where(batch, [not is_old for is_old in old], behind, False), False)
        return again, new

    def move_on(self, positions: Mapping[int, int]) -> list[int]:
        """Note how far everything is scored now; return partitions that have caught up by it."""
        caught_up = []
        for partition, position in positions.items():
            place = self.place(partition)
            was_behind = place.is_behind
            place.position = position
            if was_behind and not place.is_behind:
                place.covered.clear()
                caught_up.append(partition)
        return caught_up


def _where(batch: Batch, chosen: Sequence[bool], behind: dict[int, int], old: bool) -> Batch:
    """Return the chosen frames, and the dead letters of the same side."""
    return Batch(
        FrameColumns.of(batch.frames).where(chosen),
        [x for x in batch.dead if (x.offset < behind.get(x.partition, -1)) == old],
        batch.end,
        list(compress(batch.partitions, chosen)),
        list(compress(batch.offsets, chosen)),
        list(compress(batch.times_ms, chosen)),
    )
