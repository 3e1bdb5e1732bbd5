"""The tables of an archive as Parquet: columns, encodings, and which bucket a stream is in."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

VERSION = 1
"""Version of the columns; a file tells it under :data:`VERSION_KEY`."""
VERSION_KEY = b"vigil.archive"

FRAMES = "frames"
"""Table of the samples."""
MESSAGES = ("beats", "alarms", "signals", "verdicts")
"""Tables of JSON messages."""
TABLES = (FRAMES, *MESSAGES)

ROWS_BYTES = 2 << 20
"""About so many bytes of samples or messages are in a row group: what reading one row costs."""
MOST_ROWS = 1 << 16
"""Most rows of a row group."""
LEVEL = 1
"""Level of zstd, for all columns but the samples."""
SAMPLES_PATH = "samples.list.element"
"""Column of samples: differences, packed in bits; zstd behind that takes off 2 % at the price of
an eighth of the time, so that there is none."""
BATCH_VALUES = 1 << 13
"""Values that are encoded at a time: a row of samples at once, not in pieces."""

_LEAD = pa.struct(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("adc_gain", pa.float64(), nullable=False),
        pa.field("baseline", pa.int32(), nullable=False),
    ]
)

_PLACE = [
    pa.field("stream_id", pa.string(), nullable=False),
    pa.field("session", pa.string(), nullable=False),
    pa.field("topic", pa.string(), nullable=False),
    pa.field("partition", pa.int32(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("nth", pa.int32(), nullable=False),
    pa.field("heard_ms", pa.int64(), nullable=False),
    pa.field("time_ns", pa.int64(), nullable=False),
]

FRAME_SCHEMA = pa.schema(
    [
        *_PLACE,
        pa.field("first_sample", pa.int64(), nullable=False),
        pa.field("n_samples", pa.int32(), nullable=False),
        pa.field("fs", pa.float64(), nullable=False),
        pa.field("leads", pa.list_(_LEAD), nullable=False),
        pa.field("samples", pa.list_(pa.field("element", pa.int16(), nullable=False))),
        pa.field("sealed", pa.binary()),
        pa.field("last", pa.bool_(), nullable=False),
        pa.field("replayed", pa.bool_(), nullable=False),
    ],
    {VERSION_KEY: str(VERSION).encode()},
)
"""A frame a row; ``samples`` as in :class:`ingest.frames.Frame`, lead by lead."""

MESSAGE_SCHEMA = pa.schema(
    [
        *_PLACE,
        pa.field("sample", pa.int64()),
        pa.field("kind", pa.string()),
        pa.field("state", pa.string()),
        pa.field("id", pa.string()),
        pa.field("json", pa.string()),
        pa.field("sealed", pa.binary()),
        pa.field("body", pa.binary()),
    ],
    {VERSION_KEY: str(VERSION).encode()},
)
"""A message a row: the message itself and what is mostly asked for of it."""

ORDER = [("stream_id", "ascending"), ("offset", "ascending"), ("nth", "ascending")]
"""Order of rows in a file: of one stream together, as they came."""


def schema_of(table: str) -> Any:
    """Return the columns of a table."""
    return FRAME_SCHEMA if table == FRAMES else MESSAGE_SCHEMA


def bucket_of(stream_id: str, n_buckets: int) -> int:
    """Return the bucket of a stream: the first two hex digits of its MD5, modulo the number.

    Every engine can tell it: ``('0x' || md5(stream_id)[:2])::INT % 8`` in DuckDB.

    Examples
    --------
    >>> bucket_of("bed-1", 8), bucket_of("bed-2", 8)
    (5, 1)
    """
    return hashlib.md5(stream_id.encode(), usedforsecurity=False).digest()[0] % n_buckets


def to_parquet(table: str, rows: Any, raw_bytes: int) -> Any:
    """Write rows of a table as one Parquet file.

    Parameters
    ----------
    table : str
        One of :data:`TABLES`.
    rows : pyarrow.Table
        Rows in the order of :data:`ORDER`.
    raw_bytes : int
        Bytes of samples or messages in them, for the size of row groups.

    Returns
    -------
    pyarrow.Buffer
        The file.
    """
    group = MOST_ROWS
    if raw_bytes > 0:
        group = max(1, min(MOST_ROWS, rows.num_rows * ROWS_BYTES // raw_bytes))
    delta = ["offset", "nth", "heard_ms", "time_ns"]
    delta += ["first_sample"] if table == FRAMES else ["sample"]
    encoding = dict.fromkeys(delta, "DELTA_BINARY_PACKED")
    if table == FRAMES:
        encoding[SAMPLES_PATH] = "DELTA_BINARY_PACKED"
    plain = {*encoding, "json", "sealed", "body", "id"}
    leaves, stream = _leaves(rows.schema), pa.BufferOutputStream()
    pq.write_table(
        rows.replace_schema_metadata(schema_of(table).metadata),
        stream,
        row_group_size=group,
        compression={path: "none" if path == SAMPLES_PATH else "zstd" for path in leaves},
        compression_level={path: LEVEL for path in leaves if path != SAMPLES_PATH},
        use_dictionary=[path for path in leaves if path not in plain],
        column_encoding=encoding,
        write_statistics=["stream_id", "session", "partition", "offset", "heard_ms", "time_ns"],
        write_page_index=True,
        write_batch_size=BATCH_VALUES,
    )
    return stream.getvalue()


def _leaves(schema: Any) -> list[str]:
    """Return the paths of the columns that Parquet stores."""
    found: list[str] = []
    for column in schema:
        if column.name == "leads":
            found += [f"leads.list.element.{part.name}" for part in _LEAD]
        elif column.name == "samples":
            found.append(SAMPLES_PATH)
        else:
            found.append(column.name)
    return found
