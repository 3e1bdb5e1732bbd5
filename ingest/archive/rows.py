"""Messages as rows of the archive's tables, and rows as frames again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from ingest.memory import unpack

MOST_BYTES = 16 << 20
"""Longest message that is looked into; longer ones are kept as they are."""


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


@dataclass(slots=True)
class _Held:
    """Where rows stood in one partition of a topic, as one list a column."""

    topic: str
    """Topic."""
    partition: int
    """Partition."""
    offsets: list[int] = field(default_factory=list)
    """Offsets of the rows' messages."""
    nth: list[int] = field(default_factory=list)
    """Place of each row in its message."""
    heard_ms: list[int] = field(default_factory=list)
    """When the log took it, ms since 1970."""

    def __len__(self) -> int:
        return len(self.offsets)

    def _place_columns(self, chosen: Sequence[int]) -> dict[str, Any]:
        """Return the columns of the place of some rows."""
        n_rows = len(chosen)
        return {
            "topic": pa.repeat(pa.scalar(self.topic), n_rows),
            "partition": pa.repeat(pa.scalar(self.partition, pa.int32()), n_rows),
            "offset": pa.array([self.offsets[i] for i in chosen], pa.int64()),
            "nth": pa.array([self.nth[i] for i in chosen], pa.int32()),
            "heard_ms": pa.array([self.heard_ms[i] for i in chosen], pa.int64()),
            "sealed": pa.nulls(n_rows, pa.binary()),
        }


@dataclass(slots=True)
class HeldFrames(_Held):
    """Frames of one partition, to be rows of :data:`ingest.archive.schema.FRAME_SCHEMA`."""

    frames: FrameColumns = field(default_factory=FrameColumns)
    """The frames."""
    replayed: list[bool] = field(default_factory=list)
    """Whether a gateway had stored each."""

    @property
    def stream_ids(self) -> list[str]:
        """Stream of each row."""
        return self.frames.stream_ids

    def add(self, message: bytes, offset: int, heard_ms: int) -> tuple[int, bool]:
        """Put one message behind; return its bytes of samples, and whether it could be read."""
        batch = unpack(message, self.topic, self.partition, offset)
        found = FrameColumns.of(batch.frames)
        n_frames = len(found)
        self.frames.extend(found)
        self.offsets += [offset] * n_frames
        self.nth += range(n_frames)
        self.heard_ms += [heard_ms] * n_frames
        self.replayed += [found.n_replays > 0] * n_frames
        return sum(map(len, found.raw)), not batch.dead

    def rows(self, chosen: Sequence[int]) -> Any:
        """Return some of the rows in an order, as a table."""
        ids, sessions, firsts, starts, rates, leads, raws, lasts = (
            [column[i] for i in chosen] for column in self.frames.columns()
        )
        n_rows = len(chosen)
        lengths = np.fromiter(map(len, raws), np.int64, n_rows) // 2
        n_leads = np.fromiter(map(len, leads), np.int64, n_rows)
        samples = pa.ListArray.from_arrays(
            pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)),
            pa.array(np.frombuffer(b"".join(raws), INT16_LE)),
            type=FRAME_SCHEMA.field("samples").type,
        )
        columns = self._place_columns(chosen) | {
            "stream_id": pa.array(ids, pa.string()),
            "session": pa.array(sessions, pa.string()),
            "time_ns": pa.array(starts, pa.int64()),
            "first_sample": pa.array(firsts, pa.int64()),
            "n_samples": pa.array((lengths // n_leads).astype(np.int32)),
            "fs": pa.array(rates, pa.float64()),
            "leads": _leads(leads),
            "samples": samples,
            "last": pa.array(lasts, pa.bool_()),
            "replayed": pa.array([self.replayed[i] for i in chosen], pa.bool_()),
        }
        return pa.table(columns, schema=FRAME_SCHEMA)


@dataclass(slots=True)
class HeldMessages(_Held):
    """JSON messages, to be rows of :data:`ingest.archive.schema.MESSAGE_SCHEMA`."""

    bodies: list[bytes] = field(default_factory=list)
    """The messages; what is no JSON object goes into the column ``body``."""
    told: list[Told] = field(default_factory=list)
    """What they say."""

    @property
    def stream_ids(self) -> list[str]:
        """Stream of each row, empty where it tells none."""
        return [each.stream_id for each in self.told]

    def add(self, message: bytes, offset: int, heard_ms: int) -> tuple[int, bool]:
        """Put one message behind; return its bytes, and that it could be kept."""
        self.bodies.append(message)
        self.told.append(_told(message, heard_ms))
        self.offsets.append(offset)
        self.nth.append(0)
        self.heard_ms.append(heard_ms)
        return len(message), True

    def rows(self, chosen: Sequence[int]) -> Any:
        """Return some of the rows in an order, as a table."""
        told = [self.told[i] for i in chosen]
        odd = [self.bodies[i] if self.told[i].text is None else None for i in chosen]
        columns = self._place_columns(chosen) | {
            "stream_id": pa.array([each.stream_id for each in told], pa.string()),
            "session": pa.array([each.session for each in told], pa.string()),
            "time_ns": pa.array([each.time_ns for each in told], pa.int64()),
            "sample": pa.array([each.sample for each in told], pa.int64()),
            "kind": pa.array([each.kind for each in told], pa.string()),
            "state": pa.array([each.state for each in told], pa.string()),
            "id": pa.array([each.id for each in told], pa.string()),
            "json": pa.array([each.text for each in told], pa.string()),
            "body": pa.array(odd, pa.binary()),
        }
        return pa.table(columns, schema=MESSAGE_SCHEMA)


Held = HeldFrames | HeldMessages
"""Rows of one table."""


def frames_of(rows: Any) -> FrameColumns:
    """Make frames of rows whose samples are not sealed, in the rows' order.

    Examples
    --------
    >>> len(frames_of(HeldFrames("t", 0).rows([])))
    0
    """
    rows = rows.combine_chunks()
    if rows.num_rows == 0:
        return FrameColumns()
    samples = rows["samples"].chunk(0)
    offsets = np.asarray(samples.offsets, np.int64)
    bounds = (2 * (offsets - offsets[0])).tolist()
    raw = samples.flatten().to_numpy().astype(INT16_LE, copy=False).tobytes()
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


def _leads(leads: Sequence[tuple[Lead, ...]]) -> Any:
    """Return leads as a column: streams repeat theirs in every frame."""
    # Known by identity first: hashing leads takes longer than all else that is done with a frame.
    known: dict[int, int] = {}
    numbers: dict[tuple[Lead, ...], int] = {}
    indices = []
    for each in leads:
        number = known.get(id(each))
        if number is None:
            number = known[id(each)] = numbers.setdefault(each, len(numbers))
        indices.append(number)
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
        next(filter(None, (_text(fields, n) for n in ("aami", "verdict", "condition", "kind"))),
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
