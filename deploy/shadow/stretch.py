"""A past stretch of frames: of records, of the log, or of an archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.kafka_topics import require_topics
from ingest.kafka_url import BrokerError, KafkaUrl
from ingest.memory import unpack
from ingest.wfdb_replay import ReplaySource, open_recording, record_name

CHUNK_S = 10.0
"""Length of the frames that records are cut into, s; what comes of them does not depend on it."""
KAFKA = "kafka://"
ARCHIVE = "archive:"
"""What the address of an archive begins with; behind it stands a folder or an address."""
POLL_MS = 1000
"""Longest wait for messages of a log, ms."""
GROUP = 32
"""Records that are held and replayed side by side."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, UTC; None leaves an end open."""

    since_ms: int | None = None
    """First ms since 1970."""
    until_ms: int | None = None
    """The ms since 1970 behind it."""


def read_stretch(
    sources: Sequence[str], span: Span = Span(), streams: Sequence[str] = ()
) -> Iterator[FrameColumns]:
    """Yield the frames of a stretch, in the order of the log.

    Parameters
    ----------
    sources : sequence of str
        Records (WFDB or EDF; a folder is all its WFDB records), or one
        ``kafka://HOST:PORT/TOPIC``, or one ``archive:FOLDER-OR-URL``.
    span : Span
        Which part of a log or an archive; of a log by when it took the messages.
    streams : sequence of str
        Those wanted; all where none is named.

    Raises
    ------
    InputError
        If a source cannot be read, or a span is given with records.
    """
    wanted = set(streams)
    if not sources:
        raise InputError("name records, kafka://HOST:PORT/TOPIC or archive:FOLDER")
    logs = [source for source in sources if source.startswith((KAFKA, ARCHIVE))]
    if logs and len(sources) > 1:
        raise InputError(f"{logs[0]} must be the only source")
    if not logs:
        if span != Span():
            raise InputError("--since and --until are of a log or an archive")
        found = _of_records(sources, wanted)
    elif logs[0].startswith(KAFKA):
        found = _of_topic(logs[0], span)
    else:
        found = _of_archive(logs[0].removeprefix(ARCHIVE), span, streams)
    for columns in found:
        chosen = columns
        if wanted:
            chosen = columns.where([name in wanted for name in columns.stream_ids])
        if len(chosen):
            yield chosen


def records_of(sources: Sequence[str]) -> list[str]:
    """Return the records that are named, a folder standing for all its WFDB records.

    Raises
    ------
    InputError
        If a folder has none.
    """
    found: list[str] = []
    for source in sources:
        folder = Path(source)
        if folder.is_dir():
            inside = sorted(str(path.with_suffix("")) for path in folder.glob("*.hea"))
            if not inside:
                raise InputError(f"{folder} has no records (*.hea)")
            found += inside
        else:
            found.append(source)
    return found


def _of_records(sources: Sequence[str], wanted: set[str]) -> Iterator[FrameColumns]:
    """Replay records side by side, so many at a time as are held."""
    names = {record_name(path): path for path in records_of(sources)}
    chosen = [name for name in names if not wanted or name in wanted]
    for begin in range(0, len(chosen), GROUP):
        held = {name: open_recording(names[name]) for name in chosen[begin : begin + GROUP]}
        source = ReplaySource(held, speed=None, chunk_s=CHUNK_S)
        ended = False
        while not ended:
            batch = source.poll(0)
            yield FrameColumns.of(batch.frames)
            ended = batch.end


def _of_topic(url: str, span: Span) -> Iterator[FrameColumns]:
    """Read a topic from one time to another, or to where it ends now."""
    from kafka import KafkaConsumer, TopicPartition  # here: records need no Kafka

    from deploy.settings import load_settings

    options, address = load_settings().kafka.security.options(), KafkaUrl.parse(url)
    try:
        require_topics([], options, reads=[url])
    except BrokerError as error:
        raise InputError(str(error)) from error
    consumer = KafkaConsumer(
        bootstrap_servers=list(address.servers),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        **options,
    )
    try:
        parts = [TopicPartition(address.topic, p) for p in sorted(
            consumer.partitions_for_topic(address.topic) or ())]  # fmt: skip
        consumer.assign(parts)
        ends = _offsets(consumer, parts, span.until_ms, consumer.end_offsets(parts))
        begins = _offsets(consumer, parts, span.since_ms, consumer.beginning_offsets(parts))
        for part in parts:
            consumer.seek(part, begins[part])
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, messages in consumer.poll(timeout_ms=POLL_MS).items():
                columns = FrameColumns()
                for message in messages:
                    if message.offset < ends[part]:
                        place = (part.topic, part.partition, message.offset)
                        columns.extend(unpack(message.value or b"", *place).frames)
                yield columns
    finally:
        consumer.close(autocommit=False)


def _offsets(
    consumer: Any, parts: list[Any], time_ms: int | None, otherwise: dict[Any, int]
) -> dict[Any, int]:
    """Return the offset of a time in each partition, or another where there is no time."""
    if time_ms is None:
        return otherwise
    found = consumer.offsets_for_times({part: max(0, time_ms) for part in parts})
    ends = consumer.end_offsets(parts)
    return {part: ends[part] if found[part] is None else found[part].offset for part in parts}


def _of_archive(url: str, span: Span, streams: Sequence[str]) -> Iterator[FrameColumns]:
    """Read an archive, one stream after another."""
    from ingest.archive import Archive  # here: records need no pyarrow

    start, stop = (None if ms is None else ms * 1_000_000 for ms in (span.since_ms, span.until_ms))
    archive = Archive(url)
    for stream in streams or [each.stream_id for each in archive.streams()]:
        yield from archive.frames_in_columns(stream, start, stop)
