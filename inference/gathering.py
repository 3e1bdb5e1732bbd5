"""Gathers what a source gives into batches worth scoring: until they are full, or time is up.

A model's step costs nearly as much for one stream as for many, and so does a
transaction. Who waits a moment for more frames pays both less often; how long
that moment may be is declared, and counts as part of the latency.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import compress

from ingest.frame_columns import FrameColumns
from ingest.source import Batch, DeadLetter, Source


@dataclass(frozen=True, slots=True)
class Budget:
    """When a batch is scored."""

    deadline_s: float = 0.0
    """Longest time from the first frame of a batch until it is scored, s; 0 scores each poll's."""
    full_frames: int = 4096
    """Frames of a batch that is scored at once."""


class Gathering:
    """Polls a source until there is a batch.

    Parameters
    ----------
    source : Source
        Where frames come from.
    budget : Budget
        When a batch is scored.
    clock : callable
        Monotonic time, s.
    """

    def __init__(
        self, source: Source, budget: Budget = Budget(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source, self._budget, self._clock = source, budget, clock
        self._gathered = _Gathered()

    def poll(self, timeout_s: float) -> tuple[Batch, float]:
        """Return a batch and when its first frame was heard, s on the clock.

        Parameters
        ----------
        timeout_s : float
            Longest wait for that first frame, s.
        """
        batch = self._source.poll(timeout_s)
        heard_s = self._clock()
        if self._budget.deadline_s <= 0 or not batch.frames or batch.end:
            return batch, heard_s
        self._gathered.add(batch)
        due_s = heard_s + self._budget.deadline_s
        ended = False
        while not ended and len(self._gathered.frames) < self._budget.full_frames:
            left_s = due_s - self._clock()
            if left_s <= 0:
                break
            batch = self._source.poll(left_s)  # what went meanwhile was forgotten in there
            self._gathered.add(batch)
            ended = batch.end
        whole, self._gathered = self._gathered.as_batch(ended), _Gathered()
        return whole, heard_s

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what was gathered of partitions that went: who has them now hears it again."""
        self._gathered.forget(partitions)


@dataclass(slots=True)
class _Gathered:
    """What several polls gave; as :class:`~ingest.source.Batch` names it."""

    frames: FrameColumns = field(default_factory=FrameColumns)
    dead: list[DeadLetter] = field(default_factory=list)
    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        n_frames = len(batch.frames)
        self.frames.extend(batch.frames)
        self.dead += batch.dead
        self.partitions += batch.partitions or [-1] * n_frames
        self.offsets += batch.offsets or [-1] * n_frames
        self.times_ms += batch.times_ms or [0] * n_frames

    def as_batch(self, end: bool) -> Batch:
        return Batch(self.frames, self.dead, end, self.partitions, self.offsets, self.times_ms)

    def forget(self, partitions: Collection[int]) -> None:
        kept = [partition not in partitions for partition in self.partitions]
        self.frames = self.frames.where(kept)
        self.partitions = list(compress(self.partitions, kept))
        self.offsets = list(compress(self.offsets, kept))
        self.times_ms = list(compress(self.times_ms, kept))
        self.dead = [letter for letter in self.dead if letter.partition not in partitions]
