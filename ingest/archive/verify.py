"""Whether an archive holds what its log says: every file whole, every message once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.archive.manifest import FileEntry
from ingest.archive.reader import Archive
from ingest.archive.schema import TABLES

COLUMNS = ("topic", "partition", "offset", "nth")
"""What tells a row from all others."""


@dataclass(slots=True)
class Verified:
    """What was found."""

    files: int = 0
    """Live files."""
    rows: int = 0
    """Rows in them."""
    file_bytes: int = 0
    """Bytes of the files."""
    raw_bytes: int = 0
    """Bytes of samples and messages in them."""
    leftovers: int = 0
    """Files that nobody reads: taken out, or left by a writer that died."""
    ends: dict[str, int] = field(default_factory=dict)
    """By partition of a topic the offset behind what the archive has."""
    faults: list[str] = field(default_factory=list)
    """What is wrong."""


def verify(archive: Archive, *, progress: Callable[[int], None] = lambda _: None) -> Verified:
    """Read all files and compare them with the log of the archive.

    Parameters
    ----------
    archive : Archive
        The archive; sealed content need not be opened.
    progress : callable
        Is told how many files are done, again and again.
    """
    state = archive.state()
    found = Verified(ends={chain: end.stop for chain, end in sorted(state.ends.items())})
    n_seen = 0
    for table in TABLES:
        places: dict[str, list[NDArray[np.int64]]] = {}
        for entry in state.of(table):
            _check(archive, entry, places, found)
            n_seen += 1
            progress(n_seen)
        for chain, parts in places.items():
            _check_once(chain, np.concatenate(parts), found)
    stored = {path for table in TABLES for path in archive.place.files(table)}
    found.leftovers = len(stored - state.files.keys())
    return found


def _check(
    archive: Archive,
    entry: FileEntry,
    places: dict[str, list[NDArray[np.int64]]],
    found: Verified,
) -> None:
    """Check one file; note where its rows stood."""
    found.files += 1
    try:
        content = archive.place.get(entry.path)
    except OSError as error:
        found.faults.append(f"{entry.path} cannot be read: {error}")
        return
    if hashlib.blake2b(content, digest_size=16).hexdigest() != entry.digest:
        found.faults.append(f"{entry.path} differs from what was written")
        return
    with archive.place.open(entry.path) as file:
        rows = pq.ParquetFile(file).read(columns=list(COLUMNS), use_threads=False)
    if rows.num_rows != entry.rows:
        found.faults.append(f"{entry.path} has {rows.num_rows} rows, not {entry.rows}")
    found.rows += rows.num_rows
    found.file_bytes += len(content)
    found.raw_bytes += entry.raw_bytes
    names = zip(rows["topic"].to_pylist(), rows["partition"].to_pylist(), strict=True)
    chains = np.array([f"{topic}-{partition}" for topic, partition in names])
    at = np.stack([rows["offset"].to_numpy(), rows["nth"].to_numpy()], axis=1).astype(np.int64)
    for chain in np.unique(chains):
        places.setdefault(str(chain), []).append(at[chains == chain])


def _check_once(chain: str, at: NDArray[np.int64], found: Verified) -> None:
    """Check that no row of a partition is there twice or beyond its chain; shape (n_rows, 2)."""
    once = np.unique(at, axis=0)
    if len(once) < len(at):
        found.faults.append(f"{chain}: {len(at) - len(once)} rows are there twice")
    end = found.ends.get(chain, 0)
    if at[:, 0].max() >= end:
        found.faults.append(f"{chain}: offset {at[:, 0].max()} stands behind its end, {end}")
