"""Windowed classifiers: a user's own ONNX model, scored in event time.

Length and hop come from the model's metadata. A model with ``state_*`` carries
them from window to window; one without is scored on overlapping windows. A
window is scored when its last tick is there, so what it says about a stretch of
signal does not depend on how the signal came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Composite
from inference.ticks import TICK_MS
from ingest.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class WindowScores:
    """The windows that one tick completed."""

    rows: NDArray[np.intp]
    """Array of shape (n_windows,): rows of the tick that completed a window."""
    probs: NDArray[np.float32]
    """Array of shape (n_windows, n_classes)."""
    best: NDArray[np.intp]
    """Array of shape (n_windows,): the class chosen, an index into the model's classes."""


class Windows(Composite):
    """Cuts windows of many streams and scores them.

    Parameters
    ----------
    session : StreamSession
        A model of kind ``window``.
    n_slots : int
        Streams to make room for.

    Raises
    ------
    ingest.errors.InputError
        If the model's length is no whole number of ticks.
    """

    def __init__(self, session: StreamSession, n_slots: int = 0) -> None:
        info = session.info
        self.session, self._n = session, info.fs * TICK_MS // 1000
        if info.length % self._n or len(info.leads) != 1:
            raise InputError(
                f"model {info.name}: metadata 'length' is {info.length} with {len(info.leads)} "
                f"leads; allowed: a multiple of {self._n} samples ({TICK_MS} ms), one lead"
            )
        if session.state_names and info.length != info.stride:
            raise InputError(
                f"model {info.name}: carries state, so its windows must not overlap: "
                f"metadata 'length' is {info.length}, 'stride' {info.stride}; allowed: equal"
            )
        self._hop = info.stride // self._n
        self.state = SlotArrays(
            {"signal": Field((info.length,)), "n_ticks": Field(dtype=np.int64)}, n_slots
        )
        super().__init__({"window": self.state, "session": session})
        self.resize(n_slots)

    def step(
        self, slots: Slots, tick: NDArray[np.int64], signal: NDArray[np.float32]
    ) -> WindowScores:
        """Take one tick; score the windows that end with it.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        tick : array of shape (n_rows,)
            Number of the tick: windows end at multiples of the hop on the stream's clock.
        signal : array of shape (n_rows, n_samples), in the model's unit
            The tick's signal.

        Returns
        -------
        WindowScores
            What the model said about the windows that this tick completed.
        """
        window = self.state["signal"][slots]
        window[:, : -self._n] = window[:, self._n :]
        window[:, -self._n :] = signal
        self.state["signal"][slots] = window
        self.state["n_ticks"][slots] += 1
        full = self.state["n_ticks"][slots] * self._n >= self.session.info.length
        rows = np.flatnonzero(full & ((tick + 1) % self._hop == 0))
        info = self.session.info
        probs = np.empty((0, len(info.classes)), np.float32)
        if len(rows):
            probs = self.session.step(slots[rows], window[rows, None, :])
        limits = np.array([info.thresholds.get(c, 0.0) for c in info.classes], np.float32)
        return WindowScores(rows, probs, np.where(probs >= limits, probs, -1).argmax(axis=1))
