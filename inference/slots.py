"""State of many streams as arrays: one slot a stream, along the first axis.

Every streaming stage keeps all it remembers in one :class:`SlotArrays`. A
snapshot is then a copy of rows, a restart is a write of the initial values,
and no stage owns a Python object per stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Slots = NDArray[np.intp]
"""Array of shape (n_rows,) of slot numbers, without repeats."""

Snapshot = dict[str, NDArray[Any]]
"""State rows by name, each of shape (n_rows, ...); owns its memory."""


@dataclass(frozen=True, slots=True)
class Field:
    """One named quantity that a stage remembers for each stream."""

    shape: tuple[int, ...] = ()
    """Shape for one stream."""
    dtype: DTypeLike = np.float32
    """Element type."""
    initial: float = 0
    """Value in a fresh slot."""

    def fresh(self, n_slots: int) -> NDArray[Any]:
        """Return room for as many streams; memory that is never written takes none."""
        shape = (n_slots, *self.shape)
        if self.initial == 0:
            return np.zeros(shape, self.dtype)
        return np.full(shape, self.initial, self.dtype)


def in_a_row(slots: Slots) -> Slots | slice:
    """Give slots that follow one another as a slice, others as they are.

    One stream, and all of a steady ward, are such a run. An array is then read as a view, without
    a copy: not to be changed in place, nor read on once its state is written.

    Examples
    --------
    >>> in_a_row(np.array([3, 4, 5])), in_a_row(np.array([3, 5])).tolist()
    (slice(3, 6, None), [3, 5])
    """
    n = len(slots)
    if not n:
        return slots
    first = int(slots[0])
    is_run = n == 1 or (int(slots[-1]) == first + n - 1 and bool((np.diff(slots) == 1).all()))
    return slice(first, first + n) if is_run else slots


class SlotArrays:
    """Named arrays with one row a slot.

    Examples
    --------
    >>> state = SlotArrays({"last_r_ms": Field(dtype=np.int64, initial=-1)}, n_slots=2)
    >>> state["last_r_ms"][1] = 480
    >>> saved = state.snapshot(np.array([1]))
    >>> state.reset(np.array([1])); state["last_r_ms"].tolist()
    [-1, -1]
    >>> state.restore(np.array([0]), saved); state["last_r_ms"].tolist()
    [480, -1]
    """

    def __init__(self, fields: Mapping[str, Field], n_slots: int = 0) -> None:
        self._fields, self._n_slots = dict(fields), n_slots
        self._arrays = {name: f.fresh(n_slots) for name, f in self._fields.items()}

    @property
    def fields(self) -> dict[str, Field]:
        """What is remembered for each stream, by name."""
        return dict(self._fields)

    @property
    def n_slots(self) -> int:
        """Slots that there is room for."""
        return self._n_slots

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return the array of one quantity, shape (n_slots, ...); writable."""
        return self._arrays[name]

    def resize(self, n_slots: int) -> None:
        """Grow to ``n_slots`` slots, the new ones fresh; never shrinks."""
        self._n_slots = max(self._n_slots, n_slots)
        for name, f in self._fields.items():
            old = self._arrays[name]
            if n_slots > len(old):
                grown = f.fresh(n_slots)
                if f.initial != 0 or old.any():  # what was never written stays without memory
                    grown[: len(old)] = old
                self._arrays[name] = grown

    def reset(self, slots: Slots) -> None:
        """Make the given slots fresh."""
        for name, f in self._fields.items():
            self._arrays[name][slots] = f.initial

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy the rows of the given slots."""
        return {name: array[slots].copy() for name, array in self._arrays.items()}

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write rows taken by :meth:`snapshot` into the given slots.

        Raises
        ------
        ValueError
            If a name, shape or type differs from what this stage keeps.
        """
        if snapshot.keys() != self._arrays.keys():
            raise ValueError(
                f"snapshot holds {sorted(snapshot)}, this stage keeps {sorted(self._arrays)}"
            )
        for name, array in self._arrays.items():
            rows = snapshot[name]
            if rows.shape != (len(slots), *array.shape[1:]) or rows.dtype != array.dtype:
                raise ValueError(
                    f"snapshot of {name!r} is {rows.dtype}{rows.shape}, "
                    f"wanted {array.dtype}{(len(slots), *array.shape[1:])}"
                )
        for name, array in self._arrays.items():
            array[slots] = snapshot[name]
