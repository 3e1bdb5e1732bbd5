"""From R-peak probabilities, frame by frame, to R-peaks: at most one a tick.

A peak is a frame whose probability reaches the threshold and is the largest
within 160 ms on either side; its time is the probability's centre of mass, finer
than the frame. It is decided a fixed time later, when the window that the beat
model wants is complete, so that nothing depends on how the signal arrived.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.model import ModelInfo
from inference.slots import Field, Slots
from inference.stage import Stage
from inference.ticks import TICK_MS
from ingest.errors import InputError

NEIGHBOURS = 4
"""Frames on either side that a peak must top."""
CENTRE_FRAMES = 2
"""Frames on either side that the centre of mass takes in: it lies within a frame of the peak."""
REFRACTORY_MS = TICK_MS
"""Least time between R-peaks, ms: the ventricles' refractory time, as Pan and Tompkins 1985."""


class PeakPicker(Stage):
    """Turns frame probabilities into R-peaks for many streams.

    Parameters
    ----------
    info : ModelInfo
        The QRS model that gives the probabilities.
    window_after_ms : int
        Signal that must be there behind a peak before it is decided, ms.
    n_slots : int
        Streams to make room for.

    Raises
    ------
    ingest.errors.InputError
        If the model's frames do not fit a tick.
    """

    def __init__(self, info: ModelInfo, window_after_ms: int, n_slots: int = 0) -> None:
        self.frame_ms = info.stride * 1000 // info.fs
        if self.frame_ms * info.fs != info.stride * 1000 or TICK_MS % self.frame_ms:
            raise InputError(
                f"model {info.name}: stride {info.stride} at {info.fs} Hz is no whole part "
                f"of a tick of {TICK_MS} ms"
            )
        self.frames = TICK_MS // self.frame_ms
        if self.frames > NEIGHBOURS + 1:
            raise InputError(
                f"model {info.name}: frames of {self.frame_ms} ms; allowed: 40 ms or longer"
            )
        self._threshold = np.float32(info.thresholds.get(info.classes[0], 0.5))
        self._look_ahead = round(info.look_ahead_s * 1000 / self.frame_ms)
        behind = -(-window_after_ms // self.frame_ms) + 1
        self.delay = max(behind, self._look_ahead + NEIGHBOURS)
        self._ring = self._to_newest(0) + NEIGHBOURS
        super().__init__(
            {"probs": Field((self._ring,)), "last_ms": Field(dtype=np.int64, initial=-(10**9))},
            n_slots,
        )

    @property
    def decision_delay_ms(self) -> int:
        """After a tick ends at t, every beat before t less this is known, and none will follow."""
        return (self.delay + 1) * self.frame_ms

    @property
    def oldest_ms(self) -> int:
        """A beat decided in a tick that ends at t lies at most this long before t, ms."""
        return (self.delay + self.frames + 1) * self.frame_ms

    def step(
        self,
        slots: Slots,
        now_ms: NDArray[np.int64],
        probs: NDArray[np.float32],
        allowed: NDArray[np.bool_],
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Take one tick's probabilities, give the peaks that this tick decides.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        now_ms : array of shape (n_rows,), ms
            End of the tick on each stream's clock.
        probs : array of shape (n_rows, frames a tick)
            Output of the QRS model.
        allowed : array of shape (n_rows, frames a tick)
            Whether there was a signal in each of the frames that this tick decides.

        Returns
        -------
        present : array of shape (n_rows,)
            A peak was decided.
        r_ms : array of shape (n_rows,), ms
            Its time; 0 where there is none.
        """
        ring = self.state["probs"][slots]
        ring[:, : -self.frames] = ring[:, self.frames :]
        ring[:, -self.frames :] = probs
        self.state["probs"][slots] = ring
        first = self._ring - self._to_newest(0)
        peak = np.zeros(len(slots), np.intp)
        present = np.zeros(len(slots), np.bool_)
        for k in range(self.frames):
            frame = first + k
            here = ring[:, frame]
            before = ring[:, frame - NEIGHBOURS : frame].max(axis=1)
            after = ring[:, frame + 1 : frame + NEIGHBOURS + 1].max(axis=1)
            is_peak = allowed[:, k] & (here >= self._threshold) & (here >= before) & (here > after)
            peak[is_peak] = frame
            present |= is_peak
        rows = np.flatnonzero(present)
        r_ms = np.zeros(len(slots), np.int64)
        r_ms[rows] = self._time_ms(ring[rows], peak[rows], now_ms[rows])
        present &= (r_ms >= 0) & (r_ms - self.state["last_ms"][slots] >= REFRACTORY_MS)
        r_ms[~present] = 0
        self.state["last_ms"][slots[present]] = r_ms[present]
        return present, r_ms

    def _to_newest(self, k: int) -> int:
        """Frames from the k-th candidate of a tick to the end of the ring."""
        return self.delay - self._look_ahead + self.frames - k

    def _time_ms(
        self, ring: NDArray[np.float32], peak: NDArray[np.intp], now_ms: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the centre of mass about each peak, ms on the stream's clock."""
        weight = np.zeros(len(ring))
        moment = np.zeros(len(ring))
        rows = np.arange(len(ring))
        for offset in range(-CENTRE_FRAMES, CENTRE_FRAMES + 1):
            p = ring[rows, peak + offset].astype(np.float64)
            weight += p
            moment += p * offset
        frame = peak - self._ring - self._look_ahead + 0.5 + moment / weight
        return now_ms + np.rint(frame * self.frame_ms).astype(np.int64)
