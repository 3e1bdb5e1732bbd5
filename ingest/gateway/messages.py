"""Stored frames as messages for Kafka.

Protobuf messages may be put one behind the other: what is repeated is joined. So
the stored bytes of frames are a batch of them as they stand, and the mark of a
replay is one more field behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ingest.frame_pb2 import FrameBatch
from ingest.gateway.arrival import Row

REPLAY = FrameBatch(replay=True).SerializeToString()
"""Bytes that mark a message as a replay."""

MESSAGE_BYTES = 256 << 10
"""Most bytes of one message, unless one frame is longer."""


@dataclass(slots=True)
class _Open:
    """A message that is being put together."""

    replay: bool
    payloads: list[bytes] = field(default_factory=list)
    n_bytes: int = 0


def messages(
    rows: Iterable[Row], key_of: Callable[[int], str], live_from_ms: int
) -> Iterator[tuple[str, bytes]]:
    """Put rows into messages; each key's rows stay in order.

    Parameters
    ----------
    rows : iterable of Row
        Frames in order.
    key_of : callable
        Gives the key of a stream's number.
    live_from_ms : int
        Frames that arrived before this are replays, ms since 1970.

    Yields
    ------
    key : str
        What to write it under.
    message : bytes
        A serialised ``FrameBatch``: all its frames are live, or all are replays.

    Examples
    --------
    >>> rows = [Row(1, 7, 0, 250, 0, b""), Row(2, 7, 250, 500, 9000, b"")]
    >>> rows += [Row(3, 8, 0, 250, 9000, b"")]
    >>> [(key, value == REPLAY) for key, value in messages(rows, str, 5000)]
    [('7', True), ('7', False), ('8', False)]
    """
    waiting: dict[str, _Open] = {}
    for row in rows:
        key, replay = key_of(row.stream), row.received_ms < live_from_ms
        made = waiting.get(key)
        if made is not None and (
            made.replay != replay or made.n_bytes + len(row.payload) > MESSAGE_BYTES
        ):
            yield key, _close(made)
            made = None
        if made is None:
            made = waiting[key] = _Open(replay)
        made.payloads.append(row.payload)
        made.n_bytes += len(row.payload)
    for key, made in waiting.items():
        yield key, _close(made)


def _close(made: _Open) -> bytes:
    return b"".join(made.payloads) + (REPLAY if made.replay else b"")
