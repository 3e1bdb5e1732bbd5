"""The way of frames from the inputs to local scoring: bounded, and never in the inputs' way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from ingest.codec import decode
from ingest.frame_columns import FrameColumns
from ingest.gateway.arrival import Packed
from ingest.source import Batch

MOST_BYTES = 32 << 20
"""Most bytes of frames that wait for scoring."""
POLL_FRAMES = 2000
"""Most frames that one poll gives."""


class FramesHeard:
    """A source of what a gateway hears; where scoring falls behind the oldest frames are skipped.

    Examples
    --------
    >>> heard = FramesHeard()
    >>> heard.poll(0.0).frames
    FrameColumns(stream_ids=[], ...)
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._n_bytes = 0
        self._grown = threading.Condition()
        self.skipped = 0
        """Frames that were not scored here, since scoring was too slow."""

    def put(self, frames: Sequence[Packed]) -> None:
        """Take frames; never waits."""
        with self._grown:
            for frame in frames:
                self._waiting.append(frame.payload)
                self._n_bytes += len(frame.payload)
            while self._n_bytes > self._most_bytes:
                self._n_bytes -= len(self._waiting.popleft())
                self.skipped += 1
            self._grown.notify()

    def poll(self, timeout_s: float) -> Batch:
        """Return what is there, waiting at most ``timeout_s`` for the first frame."""
        with self._grown:
            self._grown.wait_for(lambda: self._waiting, timeout_s)
            n_frames = min(len(self._waiting), POLL_FRAMES)
            payloads = [self._waiting.popleft() for _ in range(n_frames)]
            self._n_bytes -= sum(map(len, payloads))
        frames = FrameColumns()
        for payload in payloads:
            frames.extend(decode(payload))
        return Batch(frames)

    def commit(self) -> None:
        """Do nothing: what is durable is the store's business."""

    def close(self) -> None:
        """Do nothing."""
