"""Reads an archive: any stretch of any stream, all frames as the log had them, messages, files."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.archive.keys import StreamKeys
from ingest.archive.manifest import FileEntry, State, read_state
from ingest.archive.place import Place
from ingest.archive.rows import durations_ns, frames_of
from ingest.archive.schema import FRAMES, MESSAGES, TABLES, bucket_of, schema_of
from ingest.archive.sealing import is_sealed, unseal, with_samples
from ingest.archive.stretch import Stretch, stretches
from ingest.archive.writer import read_mark
from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame

LOG_ORDER = ("heard_ms", "topic", "partition", "offset", "nth")
"""Order in which the log took rows; of one partition it is the order of offsets."""
FAR_MS = 1 << 63
"""Later than any time."""


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """What an archive has of one stream."""

    stream_id: str
    """Pseudonym of the stream."""
    sessions: int
    """Sessions of its device."""
    frames: int
    """Frames, those that were sent twice twice."""
    signal_s: float
    """Signal in them, s."""
    begin_unix_ns: int
    """UTC time of the first sample, ns since 1970."""
    end_unix_ns: int
    """UTC time behind the last one, ns since 1970."""


class Archive:
    """One archive, to be read; reads what is committed when it is asked.

    Times are of the signal as its device told them, UTC, ns since 1970; a stretch is
    ``[start, stop)``, and ``None`` leaves an end open.

    Parameters
    ----------
    url : str
        Where it is; see :class:`ingest.archive.place.Place`.
    keys : StreamKeys, optional
        Keys of an archive that is sealed.

    Raises
    ------
    InputError
        If it is none, or of another version.

    Examples
    --------
    >>> from ingest.archive.writer import ArchiveWriter, LogMessage
    >>> writer = ArchiveWriter("memory://doctest-reader")
    >>> beat = LogMessage(0, 1000, b'{"stream_id":"bed-1","sample":7,"aami":"V"}')
    >>> _ = writer.take("beats", "ecg.beats", 0), writer.add("ecg.beats", 0, [beat])
    >>> _ = writer.commit("ecg.beats", 0)
    >>> list(Archive("memory://doctest-reader").beats("bed-1"))
    [b'{"stream_id":"bed-1","sample":7,"aami":"V"}']
    """

    def __init__(self, url: str, keys: StreamKeys | None = None) -> None:
        self.place, self._keys = Place(url), keys
        self.n_buckets = read_mark(self.place)

    def state(self) -> State:
        """Return what is in it now."""
        return read_state(self.place)

    def files(
        self,
        table: str = FRAMES,
        stream: str | None = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> list[FileEntry]:
        """Return the live files that may hold something of a stretch; others need not be opened.

        Raises
        ------
        InputError
            If there is no such table.
        """
        if table not in TABLES:
            raise InputError(f"no table {table!r}: there are {', '.join(TABLES)}")
        bucket = None if stream is None else bucket_of(stream, self.n_buckets)
        return [
            entry
            for entry in self.state().of(table)
            if (bucket is None or entry.bucket == bucket)
            and (stop is None or entry.time_ns[0] < stop)
            and (start is None or entry.time_ns[1] >= start)
        ]

    def paths(self, table: str = FRAMES) -> list[str]:
        """Return the whole paths of a table's live files, for DuckDB, Spark, Ray and the like."""
        return [self.place.path(entry.path) for entry in self.files(table)]

    def stretch(
        self,
        stream: str,
        start: int | None = None,
        stop: int | None = None,
        session: str | None = None,
    ) -> list[Stretch]:
        """Return a stream's signal between two times, whole, what is missing marked.

        Returns
        -------
        list of Stretch
            In order of time, one for each session, layout of leads, and side of a long gap.
            What was sent twice is there once.

        Raises
        ------
        InputError
            If it is sealed and cannot be opened.
        """
        chosen = self.frames_in_columns(stream, start, stop)
        frames = FrameColumns()
        for each in chosen:
            frames.extend(each)
        if session is not None:
            frames = frames.where([each == session for each in frames.sessions])
        return stretches(frames, start, stop)

    def frames(
        self, stream: str | None = None, start: int | None = None, stop: int | None = None
    ) -> Iterator[Frame]:
        """Yield the frames of one stream, or of all, in the order in which the log took them.

        Frames are as they were sent: those sent twice come twice, and those that overlap an
        end of the stretch come whole.
        """
        for columns in self.frames_in_columns(stream, start, stop):
            yield from columns

    def frames_in_columns(
        self, stream: str | None = None, start: int | None = None, stop: int | None = None
    ) -> Iterator[FrameColumns]:
        """Yield what :meth:`frames` does, many at a time."""
        for rows in self._in_log_order(FRAMES, stream, start, stop):
            yield FrameColumns(*map(list, zip(*rows, strict=True)))

    def beats(
        self, stream: str | None = None, start: int | None = None, stop: int | None = None
    ) -> Iterator[bytes]:
        """Yield beats (``vigil.beat/1``), as they stood in the log, in its order."""
        return self.messages("beats", stream, start, stop)

    def alarms(
        self, stream: str | None = None, start: int | None = None, stop: int | None = None
    ) -> Iterator[bytes]:
        """Yield changes of alarms (``vigil.alarm/1``), decided in a stretch."""
        return self.messages("alarms", stream, start, stop)

    def signals(
        self, stream: str | None = None, start: int | None = None, stop: int | None = None
    ) -> Iterator[bytes]:
        """Yield alarm signals (``vigil.signal/1``)."""
        return self.messages("signals", stream, start, stop)

    def verdicts(
        self, stream: str | None = None, start: int | None = None, stop: int | None = None
    ) -> Iterator[bytes]:
        """Yield what people said of alarms and beats."""
        return self.messages("verdicts", stream, start, stop)

    def messages(
        self,
        table: str,
        stream: str | None = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> Iterator[bytes]:
        """Yield the messages of one of :data:`ingest.archive.schema.MESSAGES`, byte for byte.

        Raises
        ------
        InputError
            If there is no such table, or it is sealed and cannot be opened.
        """
        if table not in MESSAGES:
            raise InputError(f"no messages {table!r}: there are {', '.join(MESSAGES)}")
        for bodies in self._in_log_order(table, stream, start, stop):
            yield from bodies

    def streams(self) -> list[StreamSummary]:
        """Return what there is of every stream, by name; samples are not read."""
        columns = ["stream_id", "session", "time_ns", "n_samples", "fs"]
        found: dict[str, list[Any]] = {}
        for entry in self.files():
            rows = self.read(entry, columns=columns)
            lengths = durations_ns(rows)
            rows = rows.select(["stream_id", "session"]).append_column(
                "start", rows["time_ns"]
            ).append_column(
                "end", pa.array(rows["time_ns"].to_numpy() + lengths)
            ).append_column("length", pa.array(lengths))  # fmt: skip
            sums = rows.group_by(["stream_id", "session"]).aggregate(
                [("start", "min"), ("end", "max"), ("length", "sum"), ("length", "count")]
            )
            for each in sums.to_pylist():
                found.setdefault(each["stream_id"], []).append(each)
        return [
            StreamSummary(
                stream_id,
                len({each["session"] for each in parts}),
                sum(each["length_count"] for each in parts),
                sum(each["length_sum"] for each in parts) / 1e9,
                min(each["start_min"] for each in parts),
                max(each["end_max"] for each in parts),
            )
            for stream_id, parts in sorted(found.items())
        ]

    def read(
        self,
        entry: FileEntry,
        stream: str | None = None,
        start: int | None = None,
        stop: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Any:
        """Read one file's rows of a stretch, as they are stored; only row groups that may have any.

        Returns
        -------
        pyarrow.Table
            Rows in the file's order.
        """
        wanted = None if columns is None else list(columns)
        try:
            with self.place.open(entry.path) as file:
                parquet = pq.ParquetFile(file)
                groups = _groups(parquet.metadata, entry, stream, start, stop)
                rows = parquet.read_row_groups(groups, columns=wanted, use_threads=False)
        except pa.ArrowException as error:
            raise InputError(
                f"{entry.path} is damaged: {error}; vigil archive verify finds all that are"
            ) from error
        rows = _as_now(rows, entry.table)
        if stream is not None:
            rows = _where(rows, pc.equal(rows["stream_id"], stream).to_numpy())
        if stop is not None:
            rows = _where(rows, rows["time_ns"].to_numpy() < stop)
        if start is not None:
            # What begins before the stretch and reaches into it is of it; an instant at its
            # begin too.
            ends = rows["time_ns"].to_numpy() + np.maximum(durations_ns(rows), 1)
            rows = _where(rows, ends > start)
        return rows

    def _in_log_order(
        self, table: str, stream: str | None, start: int | None, stop: int | None
    ) -> Iterator[list[Any]]:
        """Yield rows in the log's order, as soon as no file can have earlier ones.

        Rows of frames are their values in the order of :class:`FrameColumns`, those of
        messages the messages.
        """
        pending: list[tuple[Any, Any]] = []
        earliest_ms = FAR_MS
        entries = self.files(table, stream, start, stop)
        for i, entry in enumerate(entries):
            rows = self._opened(self.read(entry, stream, start, stop))
            keys = zip(*(rows[name].to_pylist() for name in LOG_ORDER), strict=True)
            earliest_ms = min(earliest_ms, entry.heard_ms[0])
            pending += zip(keys, _values(rows), strict=True)
            limit_ms = entries[i + 1].heard_ms[0] if i + 1 < len(entries) else FAR_MS
            if limit_ms <= earliest_ms:
                continue
            pending.sort(key=itemgetter(0))
            n_ready = bisect_left(pending, limit_ms, key=lambda each: each[0][0])
            earliest_ms = limit_ms
            if n_ready:
                yield [value for _, value in pending[:n_ready]]
                del pending[:n_ready]

    def _opened(self, rows: Any) -> Any:
        """Return rows with their content, those that were erased left out."""
        sealed = is_sealed(rows)
        if not pc.any(sealed).as_py():
            return rows
        plain = rows.filter(pc.invert(sealed))
        closed, contents = unseal(rows.filter(sealed), self._keys)
        if "samples" in rows.schema.names:
            return pa.concat_tables([plain, with_samples(closed, contents)])
        return pa.concat_tables([plain, _with_messages(closed, contents)])


def _values(rows: Any) -> list[Any]:
    """Return what readers want of each row."""
    if "samples" in rows.schema.names:
        return list(zip(*frames_of(rows).columns(), strict=True))
    pairs = zip(rows["json"].to_pylist(), rows["body"].to_pylist(), strict=True)
    return [body if text is None else text.encode() for text, body in pairs]


def _as_now(rows: Any, table: str) -> Any:
    """Return rows with the columns' types of now: other releases wrote some a little differently.

    Raises
    ------
    InputError
        If they cannot be had as such.
    """
    now = schema_of(table)
    wanted = pa.schema([now.field(name) for name in rows.schema.names if name in now.names])
    if rows.schema.equals(wanted):
        return rows
    try:
        return rows.select(wanted.names).cast(wanted)
    except pa.ArrowInvalid as error:
        raise InputError(f"a file of {table} has columns that cannot be read: {error}") from error


def _where(rows: Any, mask: NDArray[np.bool_]) -> Any:
    """Return chosen rows; those in a row, as one stream's are, without copying them."""
    chosen = np.flatnonzero(mask)
    if len(chosen) == len(mask):
        return rows
    if len(chosen) and chosen[-1] - chosen[0] == len(chosen) - 1:
        return rows.slice(int(chosen[0]), len(chosen))
    return rows.filter(pa.array(mask))


def _with_messages(rows: Any, contents: Sequence[bytes]) -> Any:
    """Return rows of messages with what :func:`unseal` gave."""
    texts = [each[1:].decode() if each[:1] == b"j" else None for each in contents]
    bodies = [each[1:] if each[:1] == b"b" else None for each in contents]
    for name, values, kind in (("json", texts, pa.string()), ("body", bodies, pa.binary())):
        i = rows.schema.get_field_index(name)
        rows = rows.set_column(i, rows.schema.field(i), pa.array(values, kind))
    i = rows.schema.get_field_index("sealed")
    return rows.set_column(i, rows.schema.field(i), pa.nulls(len(contents), pa.binary()))


def _groups(
    metadata: Any, entry: FileEntry, stream: str | None, start: int | None, stop: int | None
) -> list[int]:
    """Return the row groups that may have something of a stretch, by their statistics."""
    names = metadata.schema.to_arrow_schema().names
    at_stream, at_time = names.index("stream_id"), names.index("time_ns")
    found = []
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        ids, times = group.column(at_stream).statistics, group.column(at_time).statistics
        if stream is not None and ids and ids.has_min_max and not ids.min <= stream <= ids.max:
            continue
        if times and times.has_min_max:
            if stop is not None and times.min >= stop:
                continue
            if start is not None and times.max + entry.longest_ns < start:
                continue
        found.append(i)
    return found
