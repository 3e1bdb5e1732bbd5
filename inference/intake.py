"""Intake: what the sequencer says of a stream, made into what its slot does next.

Chunks are joined, gaps filled with missing samples, ends followed by as much
missing signal as it takes to decide the last beats. How often a stream was cut,
and in how many pieces a gap was told, makes no difference to what comes out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.slots import Field
from inference.stage import Stage
from inference.streams import StreamInfo, Streams
from inference.ticks import TICK_MS
from ingest.frame_columns import INT16_LE
from ingest.frames import MISSING_ADU
from ingest.sequence_types import Chunk, Gap, Item

LONGEST_PUSH_S = 20.0
"""Signal of one stream taken in one step, s: bounds the memory of a step."""
LONGEST_FILL_S = 10.0
"""A gap up to this long is stepped through; behind a longer one the stream starts anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Begin:
    """The stream wants a slot."""

    chunk: Chunk
    """Its first samples, which come again as signal once it sits."""


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """The next samples of the leads in use."""

    slot: int
    """Slot of the stream."""
    raw: bytes
    """int16 little-endian, lead by lead, adu; a lead that the stream does not have is missing;
    behind them the spare leads and the pulse leads that it has."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The stream is over, and what followed its end has been given out as signal."""

    slot: int
    """Slot of the stream."""
    n_padding: int
    """Missing samples that were given out behind its end."""


Step = Begin | Signal | Leave
"""What a slot does next."""
Queue = deque[Item | Leave]
"""What is still to be done with one stream, in order."""


class Intake(Stage):
    """Takes what comes of each stream apart into steps.

    Parameters
    ----------
    streams : Streams
        Who sits where.
    end_ticks : int
        Ticks of missing signal that follow a stream's end, so that its last
        beats are decided.
    n_leads : int
        Leads that are wanted of every stream.
    """

    def __init__(self, streams: Streams, end_ticks: int, n_leads: int = 1) -> None:
        super().__init__({"gap_samples": Field(dtype=np.int64)})
        self._streams, self._end_s = streams, end_ticks * TICK_MS / 1000
        self._n_leads = n_leads

    def next_step(self, queue: Queue) -> Step | None:
        """Take the next step of one stream from its queue; None where it is used up.

        A chunk is not taken by its :class:`Begin`: whoever is told so seats the
        stream and calls :func:`seated`, or drops the chunk.
        """
        while queue:
            item = queue[0]
            if isinstance(item, Leave):
                queue.popleft()
                return item
            slot = self._streams.slot(item.stream_id)
            if isinstance(item, Chunk):
                if slot is None:
                    return Begin(item)
                return self._end(slot, queue, 0) if item.begins else self._chunks(slot, queue)
            queue.popleft()
            if slot is not None:
                return (
                    self._gap(slot, item, queue)
                    if isinstance(item, Gap)
                    else self._end(slot, queue, 0)
                )
        return None

    def note_heard(self, slots: Iterable[int]) -> None:
        """Note that streams were heard, whose samples did not go through a queue."""
        self.state["gap_samples"][list(slots)] = 0

    def _chunks(self, slot: int, queue: Queue) -> Signal:
        """Join the chunks at the head of the queue, up to the longest push."""
        info = self._streams.info(slot)
        room = int(LONGEST_PUSH_S * info.fs)
        parts: list[NDArray[np.int16]] = []
        while queue and room > 0:
            chunk = queue[0]
            if not isinstance(chunk, Chunk) or chunk.begins:
                break
            part = self._leads(chunk.samples[:, :room], info)
            parts.append(part)
            room -= part.shape[1]
            queue.popleft()
            if part.shape[1] < chunk.samples.shape[1]:
                queue.appendleft(_rest(chunk, part.shape[1]))
        self.state["gap_samples"][slot] = 0
        return Signal(slot, np.concatenate(parts, axis=1, dtype=INT16_LE).tobytes())

    def _leads(self, samples: NDArray[np.int16], info: StreamInfo) -> NDArray[np.int16]:
        """Take the leads in use; those that the stream does not have are missing."""
        rows = info.rows
        more = (*info.spare_rows, *info.pulse_rows)
        if self._n_leads == 1 and not more:
            return samples[rows[0] : rows[0] + 1]
        taken = self._missing(samples.shape[1], info)
        taken[: len(rows)] = samples[list(rows)]
        taken[self._n_leads :] = samples[list(more)]
        return taken

    def _missing(self, n: int, info: StreamInfo) -> NDArray[np.int16]:
        n_more = len(info.spare_rows) + len(info.pulse_rows)
        return np.full((self._n_leads + n_more, n), MISSING_ADU, np.int16)

    def _gap(self, slot: int, gap: Gap, queue: Queue) -> Signal:
        """Fill a gap; where it grows too long, that was the end."""
        gaps = self.state["gap_samples"]
        room = int(LONGEST_FILL_S * self._streams.info(slot).fs) - int(gaps[slot])
        if gap.n_samples > room:
            return self._end(slot, queue, room)
        gaps[slot] += gap.n_samples
        return self._silence(slot, gap.n_samples)

    def _end(self, slot: int, queue: Queue, n_missing: int) -> Signal:
        """Give out what is missing before the end and what follows it; then the stream leaves."""
        n_padding = int(self._end_s * self._streams.info(slot).fs)
        queue.appendleft(Leave(slot, n_padding))
        return self._silence(slot, n_missing + n_padding)

    def _silence(self, slot: int, n: int) -> Signal:
        missing = self._missing(n, self._streams.info(slot))
        return Signal(slot, missing.astype(INT16_LE, copy=False).tobytes())


def seated(queue: Queue) -> None:
    """Note that the stream at the head of the queue has its slot: its chunk begins nothing more."""
    chunk = queue[0]
    if isinstance(chunk, Chunk) and chunk.begins:
        queue[0] = replace(chunk, begins=False, restart=False)


def _rest(chunk: Chunk, n: int) -> Chunk:
    """Return what is left of a chunk behind its first ``n`` samples."""
    return replace(
        chunk,
        first_sample=chunk.first_sample + n,
        samples=chunk.samples[:, n:],
        begins=False,
        restart=False,
    )
