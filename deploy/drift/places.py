"""Where each stream comes from: site and device, from a table."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from deploy.drift.patient import NONE
from ingest.errors import InputError


@dataclass(frozen=True, slots=True)
class Place:
    """Where one stream comes from."""

    site: str = NONE
    """Where the patient lies; empty where that is not known."""
    device: str = NONE
    """Type of the device; empty where that is not known."""


def read_places(path: Path | None) -> dict[str, Place]:
    """Read a CSV of ``stream_id``, ``site`` and ``device``, of which the last two may be missing.

    Raises
    ------
    InputError
        If it cannot be read, or has no column ``stream_id``.
    """
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            if "stream_id" not in (table.fieldnames or ()):
                raise InputError(f"{path}: needs a column stream_id")
            return {
                row["stream_id"]: Place(row.get("site") or NONE, row.get("device") or NONE)
                for row in table
            }
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV: {error}") from error
