"""Folders of records, opened to the records in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ingest.edf_records import EDF_SUFFIXES
from ingest.errors import InputError


def records_in(paths: Iterable[str]) -> list[str]:
    """Return records, each folder replaced by the WFDB and EDF records right in it, by name.

    Parameters
    ----------
    paths : iterable of str
        Records, or folders of records.

    Raises
    ------
    InputError
        If a folder holds none.

    Examples
    --------
    >>> records_in(["mitdb/208"])
    ['mitdb/208']
    """
    found: list[str] = []
    for path in paths:
        folder = Path(path)
        if not folder.is_dir() or folder.with_name(folder.name + ".hea").is_file():
            found.append(path)
            continue
        inside = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".hea", *EDF_SUFFIXES))
        if not inside:
            raise InputError(f"folder {path} holds no record: no .hea, .edf or .bdf")
        found += [str(p.with_suffix("") if p.suffix == ".hea" else p) for p in inside]
    return found
