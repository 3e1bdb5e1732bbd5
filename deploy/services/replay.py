"""Recordings sent to a sink as live streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingest.codec import encode
from ingest.frames import Frame
from ingest.recording import Recording
from ingest.source import Sink
from ingest.wfdb_replay import ReplaySource

POLL_S = 0.5
"""Longest wait for the next frame, s: how soon a stop is noticed."""


def cycle_recordings(
    recordings: Mapping[str, Recording], n_streams: int | None
) -> dict[str, Recording]:
    """Return recordings by stream id, going round until there are enough streams.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Recordings by name.
    n_streams : int or None
        Streams wanted; None gives each recording once.

    Examples
    --------
    >>> list(cycle_recordings({"100": None, "208": None}, 5))
    ['100', '208', '100-2', '208-2', '100-3']
    """
    if n_streams is None:
        return dict(recordings)
    names = list(recordings)
    found: dict[str, Recording] = {}
    for i in range(n_streams):
        lap, place = divmod(i, len(names))
        name = names[place]
        found[f"{name}-{lap + 1}" if lap else name] = recordings[name]
    return found


class _Packer:
    """Puts several frames of one stream into one message."""

    def __init__(self, sink: Sink, n_frames: int) -> None:
        self._sink, self._n_frames = sink, n_frames
        self._waiting: dict[str, list[Frame]] = {}
        self.n_messages = 0

    def take(self, frame: Frame) -> None:
        """Take a frame; write its stream's message when it is full or the stream ends."""
        waiting = self._waiting.setdefault(frame.stream_id, [])
        waiting.append(frame)
        if len(waiting) == self._n_frames or frame.last:
            self._sink.write(frame.stream_id, encode(self._waiting.pop(frame.stream_id)))
            self.n_messages += 1


def replay_to(
    source: ReplaySource,
    sink: Sink,
    *,
    frames_per_message: int = 1,
    advance: Callable[[float], None] = lambda done: None,
) -> int:
    """Send all that a replay gives; return the number of messages.

    Parameters
    ----------
    source : ReplaySource
        What to send, at its own pace.
    sink : Sink
        Where to; flushed after every poll, so that a stop loses nothing that was told.
    frames_per_message : int
        Frames of one stream in one message.
    advance : callable
        Is told s of signal that are durable.
    """
    packer = _Packer(sink, frames_per_message)
    ended = False
    while not ended:
        batch = source.poll(POLL_S)
        for frame in batch.frames:
            packer.take(frame)
        sink.flush()
        advance(sum(frame.n_samples / frame.fs for frame in batch.frames))
        ended = batch.end
    return packer.n_messages
