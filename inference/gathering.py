"""Gathers what a source gives into batches worth scoring: until they are full, or time is up.

A model's step costs nearly as much for one stream as for many, and so does a
transaction. Who waits a moment for more frames pays both less often; how long
that moment may be is declared, and counts as part of the latency.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

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
        self._frames = FrameColumns()
        self._partitions: list[int] = []
        self._dead: list[DeadLetter] = []

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
        self._note(batch)
        due_s = heard_s + self._budget.deadline_s
        ended = False
        while not ended and len(self._frames) < self._budget.full_frames:
            left_s = due_s - self._clock()
            if left_s <= 0:
                break
            batch = self._source.poll(left_s)  # what went meanwhile was forgotten in there
            self._note(batch)
            ended = batch.end
        whole = Batch(self._frames, self._dead, ended, self._partitions)
        self._frames, self._partitions, self._dead = FrameColumns(), [], []
        return whole, heard_s

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what was gathered of partitions that went: who has them now hears it again."""
        kept = [partition not in partitions for partition in self._partitions]
        self._frames = self._frames.where(kept)
        self._partitions = [p for p in self._partitions if p not in partitions]
        self._dead = [letter for letter in self._dead if letter.partition not in partitions]

    def _note(self, batch: Batch) -> None:
        self._frames.extend(batch.frames)
        self._partitions += batch.partitions or [-1] * len(batch.frames)
        self._dead += batch.dead
