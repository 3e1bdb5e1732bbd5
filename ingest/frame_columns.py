"""Frames as columns: many at once, without an object for each until one is asked for.

A gateway's message holds the frames of many streams, and a poll many messages. What is done
with nearly all of them is the same, so it is done on lists; only a frame that is out of the
ordinary becomes a :class:`~ingest.frames.Frame`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import overload

import numpy as np

from ingest.frames import Frame, Lead

INT16_LE = np.dtype("<i2")
"""Samples as they are sent."""


@dataclass(slots=True, eq=False)
class FrameColumns(Sequence[Frame]):
    """Frames that were checked, in order, as one list a field; a sequence of frames.

    Examples
    --------
    >>> frame = Frame("p1", "a", 0, 0, 250.0, (Lead("II"),), np.zeros((1, 50), np.int16))
    >>> columns = FrameColumns.of([frame, frame])
    >>> columns.stream_ids, len(columns.raw[0]), columns[1].n_samples
    (['p1', 'p1'], 100, 50)
    """

    stream_ids: list[str] = field(default_factory=list)
    """Pseudonyms of the streams."""
    sessions: list[str] = field(default_factory=list)
    """Sessions."""
    first_samples: list[int] = field(default_factory=list)
    """Indices of the first samples since the sessions began."""
    start_unix_ns: list[int] = field(default_factory=list)
    """UTC times of the first samples, ns since 1970."""
    fs: list[float] = field(default_factory=list)
    """Sampling frequencies, Hz."""
    leads: list[tuple[Lead, ...]] = field(default_factory=list)
    """Leads; equal ones are mostly the same object."""
    raw: list[bytes] = field(default_factory=list)
    """Samples, int16 little-endian, lead by lead, adu."""
    last: list[bool] = field(default_factory=list)
    """True where the device ends its session."""
    n_replays: int = field(default=0, kw_only=True)
    """How many of the frames that were received came from a gateway's store, not live."""

    def __len__(self) -> int:
        return len(self.raw)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> FrameColumns: ...
    def __getitem__(self, index: int | slice) -> Frame | FrameColumns:
        """Return one frame, its samples a read-only view; or the columns of some."""
        if isinstance(index, slice):
            return FrameColumns(*(column[index] for column in self.columns()))
        leads = self.leads[index]
        return Frame(
            self.stream_ids[index],
            self.sessions[index],
            self.first_samples[index],
            self.start_unix_ns[index],
            self.fs[index],
            leads,
            np.frombuffer(self.raw[index], INT16_LE).reshape(len(leads), -1),
            self.last[index],
        )

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> FrameColumns:
        """Return frames as columns; themselves where they are."""
        if isinstance(frames, FrameColumns):
            return frames
        columns = cls()
        for frame in frames:
            columns.stream_ids.append(frame.stream_id)
            columns.sessions.append(frame.session)
            columns.first_samples.append(frame.first_sample)
            columns.start_unix_ns.append(frame.start_unix_ns)
            columns.fs.append(frame.fs)
            columns.leads.append(frame.leads)
            columns.raw.append(frame.samples.astype(INT16_LE, copy=False).tobytes())
            columns.last.append(frame.last)
        return columns

    def columns(self) -> list[list]:  # type: ignore[type-arg]  # of each field its own type
        """Return the columns in the order of the fields."""
        return [  # written out: a message of one frame is extended by as often as any
            self.stream_ids, self.sessions, self.first_samples, self.start_unix_ns,
            self.fs, self.leads, self.raw, self.last,
        ]  # fmt: skip

    def extend(self, others: Iterable[Frame]) -> None:
        """Put frames behind these."""
        more = FrameColumns.of(others)
        for mine, theirs in zip(self.columns(), more.columns(), strict=True):
            mine.extend(theirs)
        self.n_replays += more.n_replays

    def where(self, chosen: Sequence[bool]) -> FrameColumns:
        """Return those frames that are chosen."""
        return FrameColumns(*(list(compress(column, chosen)) for column in self.columns()))
