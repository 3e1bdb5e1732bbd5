"""Beat strings of many streams from a frame model that gives a distribution over symbols (CTC)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Composite

BLANK = 0
"""Symbol that says nothing; a class that is said again after it is another beat."""


@dataclass(frozen=True, slots=True, eq=False)
class Symbols:
    """What one call added to the strings, in the order of rows and frames."""

    rows: NDArray[np.intp]
    """Array of shape (n_symbols,): rows of the call."""
    frames: NDArray[np.intp]
    """Array of shape (n_symbols,): frame of the call that said it first."""
    classes: NDArray[np.int64]
    """Array of shape (n_symbols,): an index into the model's classes, never the blank."""


def collapse(best: NDArray[np.int64], last: NDArray[np.int64]) -> Symbols:
    """Take repeats and blanks out of frames' likeliest symbols (Graves et al., ICML 2006).

    Parameters
    ----------
    best : array of shape (n_rows, n_frames)
        Likeliest symbol of each frame.
    last : array of shape (n_rows,)
        That of the frame before.

    Examples
    --------
    >>> collapse(np.array([[1, 1, 0, 1, 3, 0]]), np.array([1])).classes.tolist()
    [1, 3]
    """
    before = np.concatenate([last[:, None], best[:, :-1]], axis=1)
    rows, frames = np.nonzero((best != BLANK) & (best != before))
    return Symbols(rows, frames, best[rows, frames])


class BeatStrings(Composite):
    """Says the beats of many streams as they come, whatever the chunks.

    Parameters
    ----------
    session : StreamSession
        A model of kind ``string``.
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, session: StreamSession, n_slots: int = 0) -> None:
        self.session = session
        self.state = SlotArrays({"last": Field(dtype=np.int64, initial=BLANK)}, n_slots)
        super().__init__({"symbol": self.state, "session": session})
        self.resize(n_slots)

    def step(self, slots: Slots, scaled: NDArray[np.float32]) -> Symbols:
        """Take the next whole frames of each stream.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        scaled : array of shape (n_rows, n_samples)
            Signal over its amplitude scale; a multiple of the model's stride.
        """
        best = self.session.step(slots, scaled[:, None, :]).argmax(axis=2)
        symbols = collapse(best, self.state["last"][slots])
        self.state["last"][slots] = best[:, -1]
        return symbols
