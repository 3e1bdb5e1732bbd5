"""What every streaming stage offers: state in slots that can be grown, cleared, saved and restored.

``step`` is not part of it: each stage takes and gives other things. The rules
that hold for all of them (any grouping of rows, any cut, no input mutated) are
written down as tests in ``tests/inference/contract.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from inference.slots import Field, SlotArrays, Slots, Snapshot


class Slotted(Protocol):
    """Anything that remembers something for each slot."""

    def resize(self, n_slots: int) -> None:
        """Grow to ``n_slots`` slots, the new ones fresh; never shrinks."""

    def reset(self, slots: Slots) -> None:
        """Make the given slots fresh, as for a new session."""

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy all that is remembered for the given slots."""

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write what :meth:`snapshot` gave into the given slots."""


class Stage:
    """A stage whose whole memory is one :class:`~inference.slots.SlotArrays`.

    Parameters
    ----------
    fields : Mapping[str, Field]
        What the stage remembers for each stream.
    n_slots : int
        Streams to make room for at first.
    """

    def __init__(self, fields: Mapping[str, Field], n_slots: int = 0) -> None:
        self.state = SlotArrays(fields, n_slots)

    def resize(self, n_slots: int) -> None:
        """Grow to ``n_slots`` slots, the new ones fresh; never shrinks."""
        self.state.resize(n_slots)

    def reset(self, slots: Slots) -> None:
        """Make the given slots fresh, as for a new session."""
        self.state.reset(slots)

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy all that is remembered for the given slots."""
        return self.state.snapshot(slots)

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write what :meth:`snapshot` gave into the given slots."""
        self.state.restore(slots, snapshot)


class Composite:
    """A stage made of parts: what happens to its slots happens to those of all parts.

    Parameters
    ----------
    parts : Mapping[str, Slotted]
        The parts by the name that stands before a dot in snapshots.

    Examples
    --------
    >>> import numpy as np
    >>> both = Composite({"a": Stage({"n": Field()}, 1), "b": Stage({"n": Field(initial=3)}, 1)})
    >>> {name: rows.tolist() for name, rows in both.snapshot(np.array([0])).items()}
    {'a.n': [0.0], 'b.n': [3.0]}
    """

    def __init__(self, parts: Mapping[str, Slotted]) -> None:
        self.parts = dict(parts)

    def resize(self, n_slots: int) -> None:
        """Grow to ``n_slots`` slots, the new ones fresh; never shrinks."""
        for part in self.parts.values():
            part.resize(n_slots)

    def reset(self, slots: Slots) -> None:
        """Make the given slots fresh, as for a new session."""
        for part in self.parts.values():
            part.reset(slots)

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy all that is remembered for the given slots, names as ``part.name``."""
        return {
            f"{prefix}.{name}": rows
            for prefix, part in self.parts.items()
            for name, rows in part.snapshot(slots).items()
        }

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write what :meth:`snapshot` gave into the given slots.

        Raises
        ------
        ValueError
            If a name is of none of the parts, or a part refuses its rows.
        """
        of_part: dict[str, Snapshot] = {prefix: {} for prefix in self.parts}
        for name, rows in snapshot.items():
            prefix, _, rest = name.partition(".")
            if prefix not in of_part:
                raise ValueError(f"snapshot holds {name!r}; the parts are {sorted(self.parts)}")
            of_part[prefix][rest] = rows
        for prefix, part in self.parts.items():
            part.restore(slots, of_part[prefix])
