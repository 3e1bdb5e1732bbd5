"""What a reader of the frames' topic makes of it: the streams as they are after sequencing."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from kafka import KafkaConsumer, TopicPartition

from ingest.codec import decode
from ingest.frame_pb2 import FrameBatch
from ingest.kafka_url import KafkaUrl
from ingest.sequence import Sequencer
from ingest.sequence_types import Chunk, End, Gap


@dataclass(slots=True)
class Heard:
    """What came of one stream."""

    digest: str = ""
    """SHA-256 of its samples, in the order of time."""
    n_samples: int = 0
    """Samples a lead."""
    gap_samples: int = 0
    """Samples that are missing between."""
    ended: bool = False
    """The device's last frame came."""


@dataclass(slots=True)
class Reading:
    """What a topic holds."""

    streams: dict[str, Heard] = field(default_factory=dict)
    """By stream."""
    messages: Counter[str] = field(default_factory=Counter)
    """Messages by kind: live, replay."""
    frames: int = 0
    """Frames, repeats among them."""
    repeats: int = 0
    """Frames that the sequencer dropped, having heard them."""
    late: int = 0
    """Frames that came too late to be used: a fault."""


def read_topic(url: str) -> Reading:
    """Read all that is in a topic of frames, as a worker would.

    Parameters
    ----------
    url : str
        ``kafka://HOST:PORT/TOPIC``.
    """
    address = KafkaUrl.parse(url)
    consumer = KafkaConsumer(
        bootstrap_servers=list(address.servers),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    reading, sequencer = Reading(), Sequencer()
    digests: dict[str, hashlib._Hash] = {}
    try:
        parts = consumer.partitions_for_topic(address.topic) or set()
        at = [TopicPartition(address.topic, part) for part in sorted(parts)]
        consumer.assign(at)
        consumer.seek_to_beginning(*at)
        ends = consumer.end_offsets(at)
        while any(consumer.position(part) < ends[part] for part in at):
            for records in consumer.poll(timeout_ms=1000).values():
                for record in records:
                    _take(record.value, reading, sequencer, digests)
    finally:
        consumer.close(autocommit=False)
    for stream, digest in digests.items():
        reading.streams[stream].digest = digest.hexdigest()
    reading.repeats, reading.late = sequencer.counts.repeated, sequencer.counts.late
    return reading


def _take(
    value: bytes, reading: Reading, sequencer: Sequencer, digests: dict[str, hashlib._Hash]
) -> None:
    """Take one message."""
    reading.messages["replay" if FrameBatch.FromString(value).replay else "live"] += 1
    frames = decode(value)
    reading.frames += len(frames)
    items, refused = sequencer.push_all(frames)
    if refused:
        raise ValueError(f"a frame was refused: {refused[0].detail}")
    for item in items:
        heard = reading.streams.setdefault(item.stream_id, Heard())
        if isinstance(item, Chunk):
            raw = np.ascontiguousarray(item.samples.T, "<i2").tobytes()
            digests.setdefault(item.stream_id, hashlib.sha256()).update(raw)
            heard.n_samples += item.samples.shape[1]
        elif isinstance(item, Gap):
            heard.gap_samples += item.n_samples
        elif isinstance(item, End):
            heard.ended = True
