"""Whether the last beats of a stream look like its usual ones.

The usual QRS is followed slowly, over beats that come at no fast rate while nothing looks lethal,
ventricular ones left out. A tachycardia whose QRS is the usual one is conducted as usual: it is
none of the ventricles, however fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.peaks import by_rank
from inference.slots import Field, Slots, in_a_row
from inference.stage import Stage
from inference.ticks import BlockBeats, V

QRS_MS = 80
"""Signal before and behind the R-peak that is compared, ms."""
ALIKE = 0.9
"""Correlation from which a QRS looks like the usual one."""
SLOW_MS = 400
"""RR interval from which a beat may be a usual one, ms: 150 bpm."""
N_LAST = 8
"""Beats that are remembered as alike or not."""
PACE_BITS = 4
"""The usual QRS goes to each new one by a sixteenth, a shift by so many bits."""
STEPS = 1024.0
"""Parts of the amplitude scale, whole numbers: no order of adding up shows in the result."""
LARGEST = 16.0
"""Largest sample that counts, of the amplitude scale."""
LEAST_BEATS = 8
"""Beats without which nothing is usual."""


class UsualShape(Stage):
    """Follows the usual QRS of many streams.

    Parameters
    ----------
    fs : int
        Sampling frequency of the beats' windows, Hz.
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, fs: int, n_slots: int = 0) -> None:
        self._half = QRS_MS * fs // 1000
        super().__init__(
            {
                "usual": Field((2 * self._half + 1,), np.int32),
                "n_usual": Field(dtype=np.int16),
                "alike": Field(dtype=np.uint8),
            },
            n_slots,
        )

    def take(
        self,
        slots: Slots,
        beats: BlockBeats,
        before: int,
        may_learn: NDArray[np.bool_],
    ) -> NDArray[np.uint8]:
        """Take the beats that some ticks decided; say of each which of the last ones look usual.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        beats : BlockBeats
            Their beats with windows.
        before : int
            Samples of a window before its R-peak.
        may_learn : array of shape (n_beats,)
            Where nothing looks lethal.

        Returns
        -------
        array of shape (n_beats,)
            A bit a beat, the newest lowest, see :func:`n_alike`; by when each was decided.
        """
        told = np.zeros(len(beats), np.uint8)
        if before < self._half or beats.windows.shape[2] <= before + self._half:
            return told  # a beat model that looks at less than a QRS
        qrs = self._shapes(beats, before)
        size = (qrs * qrs).sum(axis=1)
        learns = may_learn & (beats.aami != V) & (beats.rr_ms >= SLOW_MS)
        state = self.state
        for index in by_rank(beats.row):
            of, shape = in_a_row(slots[beats.row[index]]), qrs[index]
            usual, n = state["usual"][of].astype(np.int64), state["n_usual"][of]
            product = (usual * shape).sum(axis=1).astype(np.float64)
            largest = np.sqrt((usual * usual).sum(axis=1).astype(np.float64)) * np.sqrt(size[index])
            alike = (n >= LEAST_BEATS) & (product >= ALIKE * np.maximum(largest, 1.0))
            told[index] = state["alike"][of] = (state["alike"][of] << 1) | alike
            learned = learns[index]
            step = np.where(n[:, None] > 0, (shape - usual) >> PACE_BITS, shape - usual)
            state["usual"][of] = np.where(learned[:, None], usual + step, usual)
            state["n_usual"][of] = np.where(learned, np.minimum(n + 1, LEAST_BEATS), n)
        return told

    def _shapes(self, beats: BlockBeats, before: int) -> NDArray[np.int64]:
        """Cut the QRS of each beat, its mean taken out, in whole numbers."""
        cut = beats.windows[:, 0, before - self._half : before + self._half + 1]
        bounded = np.minimum(np.maximum(cut, -LARGEST), LARGEST)
        whole = np.rint(bounded * STEPS).astype(np.int64)
        shapes: NDArray[np.int64] = whole - whole.sum(axis=1, keepdims=True) // whole.shape[1]
        return shapes


def n_alike(bits: int) -> int:
    """Count the last :data:`N_LAST` beats that look like the usual one.

    Examples
    --------
    >>> n_alike(0b11110111)
    7
    """
    return int(bits).bit_count()
