"""Ventricular fibrillation, from the waveform: a recurrent model of the rhythm, stepped each tick.

No QRS can be relied on in fibrillation, so this looks at the signal itself. What
counts is the mean probability of VT and VF over some seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.conditions import Code
from inference.limits import Limits
from inference.rhythm_turns import RhythmTurns
from inference.running_mean import edge, over_window, turns, whole
from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Composite
from inference.ticks import TICK_MS
from ingest.errors import InputError

CLASSES = ("other", "VT", "VF", "ASYS")
"""Classes of a rhythm model, in order."""
SMALLEST_UV = 200.0
"""Amplitude scale below which fibrillation is not called: waves under 0.2 mV are fine fibrillation
or asystole, which no rule of the AHA tells apart (Kerber, Circulation 1997), uV."""
THRESHOLD = 0.5
"""Mean probability from which fibrillation is called, where the model's metadata names none."""


def lethal_share(
    probs: NDArray[np.float32], scale_uv: NDArray[np.float32], heard: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Give the probability of VT or VF by tick, 0 where nothing can be said of the waveform.

    Parameters
    ----------
    probs : array of shape (..., n_ticks, n_classes)
        By :data:`CLASSES`.
    scale_uv, heard : arrays of shape (..., n_ticks)
        Amplitude scale, uV, and whether there is a signal.

    Returns
    -------
    array of shape (..., n_ticks)
        In whole numbers, see :mod:`inference.running_mean`.
    """
    share = probs[..., CLASSES.index("VT")] + probs[..., CLASSES.index("VF")]
    counted = heard & (scale_uv >= SMALLEST_UV)
    return np.where(counted, whole(share), 0).astype(np.int32)


class LethalRhythm(Composite):
    """Tells when ventricular fibrillation begins and ends in many streams.

    Parameters
    ----------
    session : StreamSession
        A model of kind ``rhythm``, one frame a tick.
    limits : Limits
        Limits in force for all slots.
    n_slots : int
        Streams to make room for.

    Raises
    ------
    ingest.errors.InputError
        If the model's classes, lead or stride are not those of a rhythm model.
    """

    def __init__(self, session: StreamSession, limits: Limits, n_slots: int = 0) -> None:
        info = session.info
        n = info.fs * TICK_MS // 1000
        if info.classes != CLASSES or info.stride != n or len(info.leads) != 1:
            raise InputError(
                f"model {info.name}: classes {', '.join(info.classes)}, stride {info.stride}, "
                f"{len(info.leads)} leads; allowed: {', '.join(CLASSES)}, {n}, one lead"
            )
        self.session = session
        self._n = round(limits.vf_s * 1000) // TICK_MS
        self._on = info.thresholds.get("VF", THRESHOLD)
        self.state = SlotArrays(
            {"share": Field((self._n - 1,), np.uint16), "open": Field(dtype=np.bool_)}, n_slots
        )
        super().__init__({"lethal": self.state, "rhythm": session})
        self.resize(n_slots)

    def find(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        scaled: NDArray[np.float32],
        scale_uv: NDArray[np.float32],
        heard: NDArray[np.bool_],
    ) -> RhythmTurns:
        """Take the next ticks of some streams; tell what began and what ended in them.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        first_ms : array of shape (n_rows,), ms
            End of the first of the ticks on each stream's clock.
        scaled : array of shape (n_rows, n_ticks, n_samples)
            Signal over its amplitude scale.
        scale_uv, heard : arrays of shape (n_rows, n_ticks)
            Amplitude scale, uV, and whether there is a signal.

        Returns
        -------
        RhythmTurns
            An onset lies at the first tick of the window that is more likely lethal than not, an
            end behind the last.
        """
        n_rows, n_ticks = heard.shape
        probs = self.session.step(slots, scaled.reshape(n_rows, 1, -1))
        share = np.concatenate(
            [self.state["share"][slots], lethal_share(probs, scale_uv, heard)], axis=1
        )
        self.state["share"][slots] = share[:, n_ticks:]
        mean = over_window(share, self._n)
        is_open = self.state["open"][slots]
        rows = np.flatnonzero(is_open | (mean >= self._on).any(axis=1))
        parts = [
            self._follow(int(row), int(slots[row]), int(first_ms[row]), mean[row], share[row])
            for row in rows
        ]
        return RhythmTurns.of(parts)

    def _follow(
        self,
        row: int,
        slot: int,
        first_ms: int,
        mean: NDArray[np.float32],
        share: NDArray[np.int32],
    ) -> RhythmTurns:
        """Open and end along the ticks of one stream, of the few that have anything to tell."""
        found = turns(mean, bool(self.state["open"][slot]), self._on)
        if found:
            self.state["open"][slot] = found[-1][1]
        at_ms = []
        for tick, onset in found:
            n_ago = self._n - edge(share[tick : tick + self._n], onset=onset)
            at_ms.append(max(first_ms + (tick - n_ago) * TICK_MS, 0))
        n = len(found)
        return RhythmTurns(
            np.full(n, row, np.intp),
            np.array([tick for tick, _ in found], np.intp),
            np.full(n, Code.VENTRICULAR_FIBRILLATION, np.int8),
            np.array([onset for _, onset in found], np.bool_),
            np.array(at_ms, np.int64),
        )
