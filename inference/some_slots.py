"""A stage that only some streams need: its state takes room for those alone.

Streams sit in slots of the pipeline; here those that are seated have a *place*. All that the
stage inside keeps is by place. A snapshot of streams none of which is seated is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.slots import Slots, Snapshot
from inference.stage import Slotted

SEATED = "seated"
"""Name of the array of shape (n_rows,) that tells, in a snapshot, who has a place."""
LEAST_PLACES = 16
"""Places that are made at first; from there their number doubles."""


class SomeSlots:
    """Gives places of another stage to some slots.

    Parameters
    ----------
    inner : Slotted
        The stage inside.

    Examples
    --------
    >>> from inference.slots import Field
    >>> from inference.stage import Stage
    >>> some = SomeSlots(Stage({"n": Field()}))
    >>> some.resize(4); some.seat(3)
    0
    >>> some.places(np.array([2, 3])).tolist()
    [-1, 0]
    """

    def __init__(self, inner: Slotted) -> None:
        self._inner = inner
        self._place = np.empty(0, np.int32)
        self._free: list[int] = []
        self._n_places = 0

    def __len__(self) -> int:
        """Return the number of slots that have a place."""
        return self._n_places - len(self._free)

    def seat(self, slot: int) -> int:
        """Give a slot a place, a fresh one; return it."""
        if not self._free:
            more = max(LEAST_PLACES, self._n_places)
            self._free = list(range(self._n_places + more - 1, self._n_places - 1, -1))
            self._n_places += more
            self._inner.resize(self._n_places)
        self._place[slot] = self._free.pop()
        return int(self._place[slot])

    def places(self, slots: Slots) -> NDArray[np.intp]:
        """Places of some slots, shape (n_rows,); -1 where one has none."""
        return self._place[slots].astype(np.intp)

    def resize(self, n_slots: int) -> None:
        """Grow to ``n_slots`` slots, the new ones without a place; never shrinks."""
        more = n_slots - len(self._place)
        if more > 0:
            self._place = np.pad(self._place, (0, more), constant_values=-1)

    def reset(self, slots: Slots) -> None:
        """Take the places of the given slots away."""
        places = self.places(slots)
        places = places[places >= 0]
        if len(places):
            self._inner.reset(places)
            self._free += places.tolist()
            self._place[slots] = -1

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy what is remembered of the given slots; rows of those without a place are fresh."""
        places = self.places(slots)
        seated = places >= 0
        if not seated.any():
            return {}
        found = self._inner.snapshot(places[seated])
        spread: Snapshot = {SEATED: seated}
        for name, rows in found.items():
            spread[name] = np.zeros((len(slots), *rows.shape[1:]), rows.dtype)
            spread[name][seated] = rows
        return spread

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write what :meth:`snapshot` gave into the given slots.

        Raises
        ------
        ValueError
            If the stage inside refuses its rows, or it is not told who has a place.
        """
        self.reset(slots)
        if not snapshot:
            return
        seated = snapshot.get(SEATED)
        if seated is None or seated.shape != (len(slots),) or seated.dtype != np.bool_:
            raise ValueError(f"snapshot holds {sorted(snapshot)}, and not who is {SEATED!r}")
        places = np.array([self.seat(int(slot)) for slot in slots[seated]], np.intp)
        rows = {name: each[seated] for name, each in snapshot.items() if name != SEATED}
        self._inner.restore(places, rows)


def kinds_of_seats(snapshot: Snapshot, n_rows: int) -> Iterator[tuple[NDArray[np.intp], list[str]]]:
    """Part streams by the parts in which they have a place.

    Parameters
    ----------
    snapshot : dict of str to array
        As a composite gives it, names as ``part.name``.
    n_rows : int
        Its streams.

    Yields
    ------
    rows : array of shape (n,)
        Streams that have places in the same parts.
    names : list of str
        The arrays of the snapshot without those of parts in which these have none.

    Examples
    --------
    >>> some = np.array([True, False])
    >>> for rows, names in kinds_of_seats({"a.n": np.zeros(2), "b.seated": some, "b.n": some}, 2):
    ...     print(rows, names)
    [1] ['a.n']
    [0] ['a.n', 'b.seated', 'b.n']
    """
    marks = [name for name in snapshot if name.endswith(f".{SEATED}")]
    if not n_rows:
        return
    if not marks:
        yield np.arange(n_rows), list(snapshot)
        return
    seated = np.stack([snapshot[mark] for mark in marks], axis=1)
    kinds, of_row = np.unique(seated, axis=0, return_inverse=True)
    for kind, has_place in enumerate(kinds.tolist()):
        parts = zip(marks, has_place, strict=True)
        empty = tuple(mark.removesuffix(SEATED) for mark, there in parts if not there)
        yield np.flatnonzero(of_row == kind), [n for n in snapshot if not n.startswith(empty)]
