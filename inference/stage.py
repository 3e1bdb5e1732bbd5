"""What every streaming stage offers: state in slots that can be grown, cleared, saved and restored.

``step`` is not part of it: each stage takes and gives other things. The rules
that hold for all of them (any grouping of rows, any cut, no input mutated) are
written down as tests in ``tests/inference/contract.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from inference.slots import Field, SlotArrays, Slots, Snapshot


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
