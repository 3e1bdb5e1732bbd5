"""Consecutive samples of one stream and their place, in memory and as JSON values."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Stretch(NamedTuple):
    """Consecutive samples and their place."""

    first: int
    """Index of the first sample."""
    samples: NDArray[np.int16]
    """Array of shape (n_leads, n_samples), adu."""

    @property
    def end(self) -> int:
        """Index one past the last sample."""
        return self.first + int(self.samples.shape[1])

    def cut(self, first: int, end: int) -> Stretch:
        """Return the part within [first, end), a view."""
        return Stretch(first, self.samples[:, first - self.first : end - self.first])


def pack(stretch: Stretch) -> list[Any]:
    """Return a stretch as JSON values."""
    raw = np.ascontiguousarray(stretch.samples, "<i2").tobytes()
    return [stretch.first, base64.b64encode(raw).decode()]


def unpack(packed: list[Any], n_leads: int) -> Stretch:
    """Return the stretch that :func:`pack` was given."""
    first, text = packed
    samples = np.frombuffer(base64.b64decode(text, validate=True), "<i2")
    return Stretch(int(first), samples.reshape(n_leads, -1))
