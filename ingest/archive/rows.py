"""Messages as rows of the archive's tables, and rows as frames again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.archive.schema import FRAME_SCHEMA, MESSAGE_SCHEMA
from ingest.errors import InputError
from ingest.frame_columns import INT16_LE, FrameColumns
from ingest.frames import Lead
from ingest.json_text import read_json

MOST_BYTES = 16 << 20
"""Longest message that is looked into; longer ones are kept as they are."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages stood in the log."""

    topic: str
    """Topic."""
    partition: int
    """Partition."""


def frame_rows(
    frames: FrameColumns,
    place: Place,
    offsets: Sequence[int],
    heard_ms: Sequence[int],
    replayed: Sequence[bool],
) -> Any:
    """Make rows of frames.

    Parameters
    ----------
    frames : FrameColumns
        Frames of one partition, in the order of the log.
    place : Place
        That partition.
    offsets, heard_ms : sequence of int
        For each frame the offset of its message, and when the log took it, ms since 1970.
    replayed : sequence of bool
        For each frame whether a gateway had stored it.

    Returns
    -------
    pyarrow.Table
        Of :data:`ingest.archive.schema.FRAME_SCHEMA`.
    """
    n_rows = len(frames)
    lengths = np.fromiter(map(len, frames.raw), np.int64, n_rows) // 2
    n_leads = np.fromiter(map(len, frames.leads), np.int64, n_rows)
    samples = pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)),
        pa.array(np.frombuffer(b"".join(frames.raw), INT16_LE)),
    )
    columns = _place_columns(frames.stream_ids, frames.sessions, place, offsets, heard_ms)
    columns |= {
        "time_ns": pa.array(frames.start_unix_ns, pa.int64()),
        "first_sample": pa.array(frames.first_samples, pa.int64()),
        "n_samples": pa.array((lengths // n_leads).astype(np.int32)),
        "fs": pa.array(frames.fs, pa.float64()),
        "leads": _leads(frames.leads),
        "samples": samples,
        "sealed": pa.nulls(n_rows, pa.binary()),
        "last": pa.array(frames.last, pa.bool_()),
        "replayed": pa.array(replayed, pa.bool_()),
    }
    return pa.table(columns, schema=FRAME_SCHEMA)


def message_rows(
    bodies: Sequence[bytes], place: Place, offsets: Sequence[int], heard_ms: Sequence[int]
) -> Any:
    """Make rows of JSON messages; what is no JSON object is kept in ``body``.

    Returns
    -------
    pyarrow.Table
        Of :data:`ingest.archive.schema.MESSAGE_SCHEMA`.
    """
    told = [_told(body, ms) for body, ms in zip(bodies, heard_ms, strict=True)]
    columns = _place_columns(
        [each.stream_id for each in told], [each.session for each in told],
        place, offsets, heard_ms,
    )  # fmt: skip
    n_rows = len(told)
    columns |= {
        "time_ns": pa.array([each.time_ns for each in told], pa.int64()),
        "sample": pa.array([each.sample for each in told], pa.int64()),
        "kind": pa.array([each.kind for each in told], pa.string()),
        "state": pa.array([each.state for each in told], pa.string()),
        "id": pa.array([each.id for each in told], pa.string()),
        "json": pa.array([each.text for each in told], pa.string()),
        "sealed": pa.nulls(n_rows, pa.binary()),
        "body": pa.array(
            [body if each.text is None else None for each, body in zip(told, bodies, strict=True)],
            pa.binary(),
        ),
    }
    return pa.table(columns, schema=MESSAGE_SCHEMA)


def frames_of(rows: Any) -> FrameColumns:
    """Make frames of rows whose samples are not sealed, in the rows' order.

    Examples
    --------
    >>> frame = FrameColumns.of([])
    >>> len(frames_of(frame_rows(frame, Place("t", 0), [], [], [])))
    0
    """
    rows = rows.combine_chunks()
    if rows.num_rows == 0:
        return FrameColumns()
    samples = rows["samples"].chunk(0)
    bounds = (np.asarray(samples.offsets, np.int64) * 2).tolist()
    raw = np.ascontiguousarray(samples.values.to_numpy(), INT16_LE).tobytes()
    encoded = rows["leads"].chunk(0)
    return FrameColumns(
        rows["stream_id"].to_pylist(),
        rows["session"].to_pylist(),
        rows["first_sample"].to_pylist(),
        rows["time_ns"].to_pylist(),
        rows["fs"].to_pylist(),
        _leads_of(encoded),
        [raw[first:end] for first, end in itertools.pairwise(bounds)],
        rows["last"].to_pylist(),
        n_replays=sum(rows["replayed"].to_pylist()),
    )


def durations_ns(rows: Any) -> Any:
    """Return how long each row is, ns, shape (n_rows,); messages are instants."""
    if "n_samples" not in rows.schema.names:
        return np.zeros(rows.num_rows, np.int64)
    n_samples = rows["n_samples"].to_numpy().astype(np.float64)
    return np.ceil(n_samples * 1e9 / rows["fs"].to_numpy()).astype(np.int64)


def raw_bytes(rows: Any) -> int:
    """Return the bytes of samples, two each, or of messages in rows that are not sealed."""
    if "samples" in rows.schema.names:
        return sum(2 * len(chunk.flatten()) for chunk in rows["samples"].chunks)
    lengths = (pc.sum(pc.binary_length(rows[name])).as_py() for name in ("json", "body"))
    return sum(length or 0 for length in lengths)


def _place_columns(
    stream_ids: Sequence[str],
    sessions: Sequence[str],
    place: Place,
    offsets: Sequence[int],
    heard_ms: Sequence[int],
) -> dict[str, Any]:
    """Return the columns that all tables begin with, but for ``time_ns``."""
    at = np.asarray(offsets, np.int64)
    begins = np.flatnonzero(np.diff(at, prepend=-1))
    nth = np.arange(len(at)) - np.repeat(begins, np.diff(np.append(begins, len(at))))
    return {
        "stream_id": pa.array(stream_ids, pa.string()),
        "session": pa.array(sessions, pa.string()),
        "topic": pa.repeat(pa.scalar(place.topic), len(at)),
        "partition": pa.repeat(pa.scalar(place.partition, pa.int32()), len(at)),
        "offset": pa.array(at),
        "nth": pa.array(nth.astype(np.int32)),
        "heard_ms": pa.array(heard_ms, pa.int64()),
    }


def _leads(leads: Sequence[tuple[Lead, ...]]) -> Any:
    """Return leads as a column: streams repeat theirs in every frame."""
    numbers: dict[tuple[Lead, ...], int] = {}
    indices = [numbers.setdefault(each, len(numbers)) for each in leads]
    names = ("name", "unit", "adc_gain", "baseline")
    different = [[{n: getattr(lead, n) for n in names} for lead in each] for each in numbers]
    return pa.array(different, FRAME_SCHEMA.field("leads").type).take(pa.array(indices, pa.int32()))


def _leads_of(column: Any) -> list[tuple[Lead, ...]]:
    """Return the leads of each row; equal ones are one object."""
    flat = column.flatten()
    lists = [flat.field(name).to_pylist() for name in ("name", "unit", "adc_gain", "baseline")]
    known: dict[tuple[Any, ...], tuple[Lead, ...]] = {}
    bounds = column.offsets.to_pylist()
    shift = bounds[0] if bounds else 0
    told = list(zip(*lists, strict=True))
    found = []
    for first, end in itertools.pairwise(bounds):
        key = tuple(told[first - shift : end - shift])
        if key not in known:
            known[key] = tuple(Lead(*each) for each in key)
        found.append(known[key])
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """What is mostly asked for of a message."""

    text: str | None
    """The message; None where it is no JSON object."""
    stream_id: str = ""
    """Stream that it is about, empty where it tells none."""
    session: str = ""
    """Session of its device."""
    time_ns: int = 0
    """UTC time that it is of, ns since 1970."""
    sample: int | None = None
    """Sample index in that session."""
    kind: str | None = None
    """A beat's class, an alarm's condition, a signal's kind, a verdict."""
    state: str | None = None
    """An alarm's or signal's state."""
    id: str | None = None
    """The alarm that it is about."""


def _told(body: bytes, heard_ms: int) -> Told:
    """Look into one message."""
    heard_ns = heard_ms * 1_000_000
    try:
        text = body.decode()
        fields = read_json(body, "a message", MOST_BYTES)
    except (InputError, UnicodeDecodeError):
        return Told(None, time_ns=heard_ns)
    if not isinstance(fields, dict):
        return Told(None, time_ns=heard_ns)
    return Told(
        text,
        _text(fields, "stream_id") or "",
        _text(fields, "session") or "",
        next(_times_ns(fields), heard_ns),
        _sample(fields),
        next(filter(None, (_text(fields, n) for n in ("aami", "condition", "verdict", "kind"))),
             None),
        _text(fields, "state"),
        _text(fields, "alarm_id") or _text(fields, "id"),
    )  # fmt: skip


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _times_ns(fields: Mapping[str, Any]) -> Iterator[int]:
    """Yield the times that a message tells, its own first."""
    for name in ("utc", "decided", "at", "onset", "when"):
        value = fields.get(name)
        value = value.get("utc") if isinstance(value, dict) else value
        if isinstance(value, str):
            try:
                yield utc_ns(value)
            except InputError:
                continue


def _sample(fields: Mapping[str, Any]) -> int | None:
    onset = fields.get("onset")
    value = fields.get("sample", onset.get("sample") if isinstance(onset, dict) else None)
    return value if isinstance(value, int) and -(1 << 63) <= value < 1 << 63 else None


def utc_ns(text: str) -> int:
    """Read a time, ISO 8601, as ns since 1970; without a zone it is UTC.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> utc_ns("1970-01-01T00:00:01.5Z"), utc_ns("1970-01-01T00:00:00.000000001Z")
    (1500000000, 1)
    """
    head, point, tail = text.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))] if point else ""
    try:
        at = datetime.fromisoformat(head + tail[len(digits) :])
        if at.tzinfo is None:
            at = datetime.fromisoformat(head + tail[len(digits) :] + "+00:00")
        whole = at - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        found = (whole.days * 86_400 + whole.seconds) * 10**9 + int((digits + "0" * 9)[:9])
    except (ValueError, OverflowError) as error:
        raise InputError(f"{text!r} is not a time in ISO 8601") from error
    if not -(1 << 63) <= found < 1 << 63:
        raise InputError(f"{text!r} is too far away: 1677 to 2262 can be told")
    return found
