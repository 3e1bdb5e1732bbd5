"""Which bed a stream is of: a table that somebody keeps beside the console."""

from __future__ import annotations

import csv
from pathlib import Path

from ingest.errors import InputError

COLUMNS = ("stream_id", "bed")
"""Columns that the table needs; others are passed over."""


def read_beds(path: Path) -> dict[str, str]:
    """Read a CSV table of streams and beds.

    Streams of the same bed are one patient: numerics are shown with the bed's ECG.

    Parameters
    ----------
    path : Path
        The table, with the columns of :data:`COLUMNS`.

    Returns
    -------
    dict of str to str
        Bed by stream.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column, or names a stream twice or a bed without a name.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                raise InputError(
                    f"{path}: the table of beds needs the columns {', '.join(COLUMNS)}; "
                    f"it lacks {', '.join(missing)}"
                )
            found: dict[str, str] = {}
            for row in table:
                stream, bed = ((row[name] or "").strip() for name in COLUMNS)
                if not stream or not bed:
                    raise InputError(f"{path}, line {table.line_num}: stream or bed is empty")
                if stream in found:
                    raise InputError(f"{path}, line {table.line_num}: {stream} stands there twice")
                found[stream] = bed
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the table of beds {path}: {error}") from error
    return found
