"""Order for every stream: repeats dropped, order restored, gaps and restarts made explicit.

Waiting is counted in the stream's own samples, never on the wall clock, so the
same log gives the same values at any speed, today or when it is replayed. A
frame is waited for until one that begins more than ``bound_s`` behind its place
has been heard; whatever is missing then is a :class:`Gap`. Per stream the
memory is bounded by ``bound_s`` and one frame of what is held back, and as much
of what was passed on, which is kept to tell a repeat from a contradiction.
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest.checks import check_frame
from ingest.codec import encode
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame, FrameError
from ingest.sequence_types import Chunks, Item, Ordered, SequenceCounts
from ingest.source import DeadLetter
from ingest.stream_order import StreamOrder


class Sequencer:
    """Puts the frames of many streams in order.

    Parameters
    ----------
    bound_s : float
        How long a missing frame is waited for, s of the stream's own time.
    max_jump_s : float
        Longest gap that is believed, s. A frame further ahead is refused, since
        one wrong index would otherwise make all that follows it late.

    Examples
    --------
    >>> import numpy as np
    >>> from ingest.frames import Lead
    >>> def frame(first, last=False):
    ...     return Frame("p1", "a", first, 0, 250.0, (Lead("II"),), np.zeros((1, 50), "i2"), last)
    >>> sequencer = Sequencer(bound_s=1.0)
    >>> frames = [frame(0), frame(100), frame(50), frame(50), frame(200, last=True)]
    >>> items, dead = sequencer.push_all(frames)
    >>> [(type(item).__name__, item.end_sample) for item in items]
    [('Chunk', 50), ('Chunk', 100), ('Chunk', 150), ('Gap', 200), ('Chunk', 250), ('End', 250)]
    >>> sequencer.counts.repeated
    1
    """

    def __init__(self, bound_s: float = 2.0, max_jump_s: float = 86_400.0) -> None:
        if not 0 <= bound_s < max_jump_s:
            raise ValueError(f"bound_s {bound_s} must be at least 0 and below max_jump_s")
        self.bound_s = bound_s
        self.max_jump_s = max_jump_s
        self.counts = SequenceCounts()
        self._streams: dict[str, StreamOrder] = {}

    @property
    def stream_ids(self) -> list[str]:
        """Streams that are remembered, in the order they were first heard."""
        return list(self._streams)

    def __contains__(self, stream_id: str) -> bool:
        """Tell whether a stream is remembered."""
        return stream_id in self._streams

    def push(self, frame: Frame) -> list[Item]:
        """Take one frame; return what became certain by it, in order.

        Raises
        ------
        FrameError
            With reason ``"layout-change"`` if fs or leads changed within a session,
            ``"jump"`` if it lies further ahead than ``max_jump_s``, or as
            :func:`ingest.checks.check_frame`. The stream's state is unchanged.
        """
        check_frame(frame)
        order = self._streams.get(frame.stream_id)
        if order is None:
            order = StreamOrder(frame.stream_id, self.bound_s, self.max_jump_s, self.counts)
            self._streams[frame.stream_id] = order
        return order.push(frame)

    def push_all(self, frames: Iterable[Frame]) -> tuple[list[Item], list[DeadLetter]]:
        """Take many frames; those that cannot be used become dead letters.

        Returns
        -------
        items : list of Item
            What became certain, in order.
        dead : list of DeadLetter
            The refused frames, each encoded again on its own.
        """
        items: list[Item] = []
        dead: list[DeadLetter] = []
        for frame in frames:
            try:
                items += self.push(frame)
            except FrameError as error:
                dead.append(_dead_letter(frame, error))
        return items, dead

    def push_columns(self, frames: FrameColumns) -> tuple[list[Ordered], list[DeadLetter]]:
        """Take many frames as columns, as :meth:`push_all` does.

        A frame that goes on where its stream stands, which nearly all do, costs
        little: it is put beside the others of its kind.

        Returns
        -------
        items : list of Ordered
            What became certain, in each stream's order.
        dead : list of DeadLetter
            The refused frames, each encoded again on its own.
        """
        items: list[Ordered] = []
        dead: list[DeadLetter] = []
        chunks: Chunks | None = None
        streams = self._streams
        for i, (stream_id, session, first, _, fs, leads, raw, last) in enumerate(
            zip(*frames.columns(), strict=True)
        ):
            order = streams.get(stream_id)
            layout = None
            if order is not None:
                layout = order.go_on(session, first, fs, leads, raw, last)
            if layout is not None:
                if chunks is None:
                    chunks = Chunks()
                    items.append(chunks)
                chunks.stream_ids.append(stream_id)
                chunks.first_samples.append(first)
                chunks.layouts.append(layout)
                chunks.raw.append(raw)
                continue
            chunks = None  # what comes next must stand behind what comes of this frame
            frame = frames[i]
            try:
                items += self.push(frame)
            except FrameError as error:
                dead.append(_dead_letter(frame, error))
        return items, dead

    def flush(self, stream_id: str) -> list[Item]:
        """Stop waiting for what is missing of one stream: return all that is held back."""
        order = self._streams.get(stream_id)
        return [] if order is None else order.flush()

    def retire(self, stream_id: str) -> list[Item]:
        """Take it that nothing more of a stream comes: return what is held back, and its end."""
        order = self._streams.pop(stream_id, None)
        return [] if order is None else order.retire()

    def forget(self, stream_id: str) -> None:
        """Drop all that is remembered of one stream."""
        self._streams.pop(stream_id, None)

    def snapshot(self, stream_id: str) -> bytes:
        """Return the state of one stream, to be restored here or elsewhere.

        Raises
        ------
        KeyError
            If the stream was never heard.
        """
        return self._streams[stream_id].snapshot()

    def restore(self, stream_id: str, snapshot: bytes) -> None:
        """Go on as the sequencer would have that took the snapshot of this stream.

        Raises
        ------
        InputError
            If the snapshot is not one.
        """
        order = StreamOrder(stream_id, self.bound_s, self.max_jump_s, self.counts)
        order.restore(snapshot)
        self._streams[stream_id] = order


def _dead_letter(frame: Frame, error: FrameError) -> DeadLetter:
    """Keep a refused frame; one that cannot even be encoded is told by its detail alone."""
    try:
        payload = encode([frame])
    except FrameError:
        payload = b""
    key = frame.stream_id.encode("utf-8", "replace")
    return DeadLetter(payload=payload, reason=error.reason, detail=str(error), key=key)
