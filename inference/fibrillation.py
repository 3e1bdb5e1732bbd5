"""Atrial fibrillation, beat by beat: when it begins and ends."""

from __future__ import annotations

import numpy as np

from inference.conditions import Code
from inference.limits import Limits
from inference.peaks import by_rank
from inference.rhythm_turns import RhythmTurns
from inference.running_mean import edge, over_window, turns, whole
from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Composite
from inference.ticks import BlockBeats
from ingest.errors import InputError

CLASSES = ("other", "AF")
"""Classes of a model of kind ``beat-rhythm`` that tells atrial fibrillation, in order."""
THRESHOLD = 0.5
"""Mean probability from which it is called, where the model's metadata names none."""


class AtrialFibrillation(Composite):
    """Tells when atrial fibrillation begins and ends in many streams.

    Parameters
    ----------
    session : StreamSession
        A model of kind ``beat-rhythm``, of one lead.
    limits : Limits
        Limits in force for all slots.
    n_slots : int
        Streams to make room for.

    Raises
    ------
    ingest.errors.InputError
        If the model's classes or leads are others.
    """

    def __init__(self, session: StreamSession, limits: Limits, n_slots: int = 0) -> None:
        info = session.info
        if info.classes != CLASSES or len(info.leads) != 1:
            raise InputError(
                f"model {info.name}: classes {', '.join(info.classes)}, {len(info.leads)} leads; "
                f"allowed: {', '.join(CLASSES)}, one lead"
            )
        self._n = limits.af_beats
        self.session, self._on = session, info.thresholds.get("AF", THRESHOLD)
        self.state = SlotArrays(
            {
                "share": Field((self._n - 1,), np.int32),
                "r_ms": Field((self._n - 1,), np.int64),
                "open": Field(dtype=np.bool_),
            },
            n_slots,
        )
        super().__init__({"fibrillation": self.state, "atrial": session})
        self.resize(n_slots)

    def find(self, slots: Slots, beats: BlockBeats) -> RhythmTurns:
        """Take the beats that some ticks decided; tell what began and what ended at them.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        beats : BlockBeats
            Beats of the ticks, with what the beat model saw of them.

        Returns
        -------
        RhythmTurns
            An onset lies at the first beat of those that more likely fibrillates than not, an
            end at the last.
        """
        parts = []
        for index in by_rank(beats.row):
            row = beats.row[index]
            of = slots[row]
            rr_s = (beats.rr_ms[index, None] / 1000).astype(np.float32)
            probs = self.session.step(of, beats.windows[index, :1], rr_s)[:, 1]
            share = np.column_stack([self.state["share"][of], whole(probs)])
            r_ms = np.column_stack([self.state["r_ms"][of], beats.r_ms[index]])
            self.state["share"][of], self.state["r_ms"][of] = share[:, 1:], r_ms[:, 1:]
            mean = over_window(share, self._n)
            is_open = self.state["open"][of]
            for i in np.flatnonzero(is_open | (mean[:, 0] >= self._on)):
                for _, onset in turns(mean[i], bool(is_open[i]), self._on):
                    self.state["open"][of[i]] = onset
                    place = edge(share[i], onset=onset) - (not onset)
                    told = index[i]
                    parts.append(
                        RhythmTurns(
                            row[[i]],
                            beats.tick[[told]],
                            np.array([Code.ATRIAL_FIBRILLATION], np.int8),
                            np.array([onset]),
                            r_ms[[i], max(place, 0)],
                        )
                    )
        return RhythmTurns.of(parts)
