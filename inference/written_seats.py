"""What is remembered of many streams, written as bytes: what they have in common only once.

Which arrays there are, their types and shapes, is alike for nearly all streams, so it is put into
words once for all of a kind, and the rows of all arrays are laid side by side in one table of
bytes, of which each stream takes its row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.slots import Snapshot
from inference.some_slots import kinds_of_seats
from inference.streams import StreamInfo, StreamsSnapshot
from ingest.frames import Lead

_FIELDS = tuple(field.name for field in fields(StreamInfo))


@dataclass(frozen=True, slots=True)
class WrittenSeat:
    """What is remembered of one stream."""

    info: str
    """Who it is, as JSON."""
    arrays: str
    """Names, types and shapes of the arrays, as JSON."""
    body: bytes
    """The arrays, one after another."""

    @property
    def parts(self) -> tuple[str, str, bytes]:
        """All of it."""
        return self.info, self.arrays, self.body


def written_seats(whole: StreamsSnapshot) -> list[WrittenSeat]:
    """Write each stream of a snapshot, in order; parts in which it has no place are left out."""
    found: dict[int, WrittenSeat] = {}
    for rows, names in kinds_of_seats(whole.state, len(whole.streams)):
        kept = {name: whole.state[name] for name in names}
        arrays = json.dumps([_layout(name, array) for name, array in kept.items()])
        table = _table(kept, rows)
        for row, body in zip(rows.tolist(), table, strict=True):
            found[row] = WrittenSeat(_info(whole.streams[row]), arrays, body)
    return [found[row] for row in range(len(whole.streams))]


def _layout(name: str, array: NDArray[Any]) -> list[Any]:
    """Describe one row of an array."""
    return [name, array.dtype.str, list(array.shape[1:])]


def _table(state: Snapshot, rows: NDArray[np.intp]) -> Iterator[bytes]:
    """Yield, for each row, the bytes of all arrays."""
    parts = [
        np.ascontiguousarray(array[rows]).view(np.uint8).reshape(len(rows), -1)
        if array.ndim > 1
        else np.ascontiguousarray(array[rows])[:, None].view(np.uint8)
        for array in state.values()
        if array.size
    ]
    for line in np.concatenate(parts, axis=1):
        yield line.tobytes()


def _info(info: StreamInfo) -> str:
    """Write who a stream is."""
    values = {name: getattr(info, name) for name in _FIELDS}
    return json.dumps(values, default=_lead)


@lru_cache(maxsize=1024)
def _lead(lead: Lead) -> dict[str, Any]:
    """Give a lead as JSON has it; streams share a few kinds of leads."""
    return asdict(lead)
