"""What topics and an archive hold, row by row, to be laid beside each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from ingest.archive import Archive
from ingest.archive.rows import frames_of
from ingest.codec import decode
from ingest.frame_columns import FrameColumns

Digest = tuple[int, str]
"""Number of rows, and SHA-256 of what they hold."""


def digests(records: Iterator[Any], table: str) -> dict[int, Digest]:
    """Return by partition what a topic holds, row by row in the order of offsets."""
    sums: dict[int, Any] = {}
    counts: dict[int, int] = {}
    for record in records:
        rows: list[bytes] = [record.value]
        if table == "frames":
            rows = _frame_rows(decode(record.value))
        for nth, row in enumerate(rows):
            digest = sums.setdefault(record.partition, hashlib.sha256())
            digest.update(f"{record.offset}/{nth} ".encode() + row)
        counts[record.partition] = counts.get(record.partition, 0) + len(rows)
    return {partition: (counts[partition], sums[partition].hexdigest()) for partition in sums}


def digests_of(archive: Archive, table: str) -> dict[int, Digest]:
    """Return the same of an archive's table."""
    found: dict[int, list[tuple[int, int, bytes]]] = {}
    for entry in archive.files(table):
        rows = archive.read(entry)
        if table == "frames":
            values = _frame_rows(frames_of(rows))
        else:
            values = [text.encode() for text in rows["json"].to_pylist()]
        places = (rows[name].to_pylist() for name in ("partition", "offset", "nth"))
        for partition, offset, nth, value in zip(*places, values, strict=True):
            found.setdefault(partition, []).append((offset, nth, value))
    told = {}
    for partition, each in found.items():
        digest = hashlib.sha256()
        for offset, nth, value in sorted(each):
            digest.update(f"{offset}/{nth} ".encode() + value)
        told[partition] = (len(each), digest.hexdigest())
    return told


def _frame_rows(frames: FrameColumns) -> list[bytes]:
    """Return all of each frame as bytes."""
    columns = frames.columns()
    raws = columns.pop(6)
    return [
        repr(told).encode() + raw
        for told, raw in zip(zip(*columns, strict=True), raws, strict=True)
    ]
