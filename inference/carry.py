"""Raw samples that a stream still needs when its next ones come, as many as each needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.cuts import alike
from inference.slots import Slots, Snapshot


class Carry:
    """The latest raw samples of many streams, a number of its own for each stream.

    Parameters
    ----------
    n_slots : int
        Streams to make room for.

    Examples
    --------
    >>> carry = Carry(1)
    >>> carry.fill(0, 2, 7)
    >>> carry.joined(np.array([0]), np.array([[8, 9]], np.int16)).tolist()
    [[7, 7, 8, 9]]
    """

    def __init__(self, n_slots: int = 0) -> None:
        self._count = np.zeros(n_slots, np.int64)
        self._samples = np.zeros((n_slots, 0), np.int16)

    def resize(self, n_slots: int) -> None:
        """Grow to ``n_slots`` slots, the new ones empty; never shrinks."""
        more = n_slots - len(self._count)
        if more > 0:
            self._count = np.pad(self._count, (0, more))
            self._samples = np.pad(self._samples, ((0, more), (0, 0)))

    def reset(self, slots: Slots) -> None:
        """Empty the given slots."""
        self._count[slots] = 0

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy the given slots: their counts, and samples of shape (n_rows, largest count)."""
        count = self._count[slots].copy()
        samples = self._samples[slots, : count.max(initial=0)]
        samples[np.arange(samples.shape[1]) >= count[:, None]] = 0
        return {"count": count, "samples": samples}

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write what :meth:`snapshot` gave into the given slots.

        Raises
        ------
        ValueError
            If it is not such a snapshot.
        """
        if snapshot.keys() != {"count", "samples"}:
            raise ValueError(f"snapshot holds {sorted(snapshot)}, wanted count and samples")
        count, samples = snapshot["count"], snapshot["samples"]
        if (
            count.shape != (len(slots),)
            or samples.dtype != np.int16
            or samples.shape[:-1] != count.shape
            or (count < 0).any()
            or (count > samples.shape[1]).any()
        ):
            raise ValueError(
                f"snapshot holds counts {count.shape} and samples {samples.dtype}{samples.shape} "
                f"that do not fit {len(slots)} slots"
            )
        self._widen(samples.shape[1])
        self._count[slots] = count
        self._samples[slots, : samples.shape[1]] = samples

    def fill(self, slot: int, n: int, value_adu: int) -> None:
        """Put ``n`` equal samples into a slot."""
        self._widen(n)
        self._count[slot] = n
        self._samples[slot, :n] = value_adu

    def count(self, slots: Slots) -> NDArray[np.int64]:
        """Return the number of samples carried, shape (n_rows,)."""
        return self._count[slots]

    def joined(self, slots: Slots, new: NDArray[np.int16]) -> NDArray[np.int16]:
        """Put new samples behind the carried ones, each row at its own place.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        new : array of shape (n_rows, n_samples), adu
            Their next samples.

        Returns
        -------
        array of shape (n_rows, largest count + n_samples), adu
            What lies behind a row's own last sample means nothing.
        """
        count, n_new = self._count[slots], new.shape[1]
        width = int(count.max(initial=0))
        buffer = np.zeros((len(slots), width + n_new), np.int16)
        buffer[:, :width] = self._samples[slots, :width]
        if alike(count):
            buffer[:, width:] = new
        else:
            np.put_along_axis(buffer, count[:, None] + np.arange(n_new), new, axis=1)
        return buffer

    def keep(
        self,
        slots: Slots,
        buffer: NDArray[np.int16],
        begin: NDArray[np.int64],
        end: NDArray[np.int64],
    ) -> None:
        """Carry columns ``begin`` to ``end`` of what :meth:`joined` gave.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        buffer : array of shape (n_rows, n_columns), adu
            Samples.
        begin, end : arrays of shape (n_rows,)
            Columns.
        """
        width = int((end - begin).max(initial=0))
        self._widen(width)
        if alike(begin):
            kept = buffer[:, begin.max(initial=0) :][:, :width]
        else:
            columns = np.minimum(begin[:, None] + np.arange(width), buffer.shape[1] - 1)
            kept = np.take_along_axis(buffer, columns, axis=1)
        self._samples[slots, :width] = kept
        self._count[slots] = end - begin

    def _widen(self, n: int) -> None:
        more = n - self._samples.shape[1]
        if more > 0:
            self._samples = np.pad(self._samples, ((0, 0), (0, more)))
