"""A small log of frames and messages, and an archive of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ingest.archive import Archive, ArchiveWriter, LogMessage, StreamKeys
from ingest.codec import encode
from ingest.frames import Frame
from tests.ingest.synthetic import cut

TOPIC = "ecg.frames"
DAY_MS = 86_400_000
HEARD_MS = 20_000 * DAY_MS + 1000
"""When the log took its first message."""


def patients(n: int, n_frames: int = 6, length: int = 50) -> list[list[Frame]]:
    """Frames of streams, stream by stream."""
    bounds = range(0, (n_frames + 1) * length, length)
    return [cut(list(bounds), stream_id=f"bed-{i}") for i in range(n)]


def log_of(streams: Sequence[Sequence[Frame]], step: int = 2) -> list[LogMessage]:
    """One message a moment with a frame of every stream; offsets skip, as transactions' do."""
    return [
        LogMessage(step * i, HEARD_MS + 1000 * i, encode(frames))
        for i, frames in enumerate(zip(*streams, strict=True))
    ]


def beat(stream_id: str, sample: int, aami: str = "N") -> bytes:
    return json.dumps(
        {"schema": "vigil.beat/1", "stream_id": stream_id, "session": "a", "sample": sample,
         "utc": "2024-10-04T00:00:01.250Z", "aami": aami}
    ).encode()  # fmt: skip


def write(
    url: str,
    messages: Iterable[LogMessage],
    *,
    table: str = "frames",
    topic: str = TOPIC,
    partition: int = 0,
    at_a_time: int = 2,
    keys: StreamKeys | None = None,
) -> ArchiveWriter:
    """Archive messages, some at a time, from where the archive goes on."""
    writer = ArchiveWriter(url, keys)
    end = writer.take(table, topic, partition)
    left = [message for message in messages if message.offset >= end]
    for i in range(0, len(left), at_a_time):
        writer.add(topic, partition, left[i : i + at_a_time])
        writer.commit(topic, partition)
    return writer


def bodies(archive: Archive, table: str = "beats") -> list[bytes]:
    return list(archive.messages(table))
