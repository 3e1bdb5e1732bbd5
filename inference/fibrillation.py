"""Atrial fibrillation, beat by beat: when it begins and ends.

What the model says counts only of beats whose place in time is their own: a ventricular beat
and the one behind it are out of place in any rhythm, and intervals that repeat every second or
third beat, as in bigeminy, are irregular by rule, which fibrillation is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.conditions import Code
from inference.limits import Limits
from inference.peaks import by_rank
from inference.rhythm_turns import RhythmTurns
from inference.running_mean import edge, over_window, turns, whole
from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots, in_a_row
from inference.stage import Composite
from inference.ticks import BlockBeats, V
from ingest.errors import InputError

CLASSES = ("other", "AF")
"""Classes of a model of kind ``beat-rhythm`` that tells atrial fibrillation, in order."""
THRESHOLD = 0.5
"""Mean probability from which it is called, where the model's metadata names none."""
N_REPEATS = 8
"""RR intervals among which repetition is looked for."""
PERIODS = (2, 3)
"""Beats after which intervals repeat: bigeminy, trigeminy."""
LONGEST_MS = (1 << 32) - 1
"""Longest interval that is kept, ms: 49 days, behind which nothing of before counts."""
ALIKE = 0.1
"""Intervals that differ by less than this share of their mean are alike."""
REPEATS_SHARE = 0.75
"""Share of intervals that are alike from which the rhythm repeats. These are Vigil's choice: of DS1
and of strips of the Challenge 2017."""


def repeats(r_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell where intervals repeat every second or third beat; so do those of an even rhythm.

    Parameters
    ----------
    r_ms : array of shape (n_rows, n_beats), ms
        R-peaks, the newest last; unknown ones alike.

    Returns
    -------
    array of shape (n_rows,)

    Examples
    --------
    >>> rr_ms = np.array([[900, 500] * 8, [700, 900, 580, 1010] * 4])
    >>> repeats(np.cumsum(rr_ms, axis=1)).tolist()
    [True, False]
    """
    last_ms = r_ms[:, -(N_REPEATS + max(PERIODS) + 1) :]
    rr_ms = last_ms[:, 1:] - last_ms[:, :-1]
    newest = rr_ms[:, -N_REPEATS:]
    found = np.zeros(len(r_ms), np.bool_)
    for period in PERIODS:
        before = rr_ms[:, -N_REPEATS - period : -period]
        alike = 2 * np.abs(newest - before) < ALIKE * (newest + before)
        found |= alike.sum(axis=1) >= REPEATS_SHARE * N_REPEATS
    return found


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
        self._n, self._stale_ms = limits.af_beats, round(limits.stale_s * 1000)
        self.session, self._on = session, info.thresholds.get("AF", THRESHOLD)
        self.state = SlotArrays(
            {
                "share": Field((self._n - 1,), np.uint16),
                "rr_ms": Field((self._n - 2,), np.uint32),
                "last_ms": Field(dtype=np.int64),
                "behind_v": Field(dtype=np.bool_),
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
            end at the last. Where no beat came for ``stale_s`` it begins anew without a word:
            the episodes end then by themselves.
        """
        parts: list[RhythmTurns] = []
        for index in by_rank(beats.row):
            of, r_ms, share = self._take(slots, beats, index)
            mean = over_window(share, self._n)
            is_open = self.state["open"][of]
            for i in np.flatnonzero(is_open | (mean[:, 0] >= self._on)):
                for _, onset in turns(mean[i], bool(is_open[i]), self._on):
                    self.state["open"][of[i]] = onset
                    place = edge(share[i], onset=onset) - (not onset)
                    told = index[i]
                    parts.append(
                        RhythmTurns(
                            beats.row[[told]],
                            beats.tick[[told]],
                            np.array([Code.ATRIAL_FIBRILLATION], np.int8),
                            np.array([onset]),
                            r_ms[[i], max(place, 0)],
                        )
                    )
        return RhythmTurns.of(parts)

    def _take(
        self, slots: Slots, beats: BlockBeats, index: NDArray[np.intp]
    ) -> tuple[Slots, NDArray[np.int64], NDArray[np.int32]]:
        """Take one beat of each of some streams; give these, R-peaks and shares of the window."""
        state, of = self.state, slots[beats.row[index]]
        run = in_a_row(of)
        rr_s = (beats.rr_ms[index, None] / 1000).astype(np.float32)
        probs = self.session.step(of, beats.windows[index, :1], rr_s)[:, 1]
        r_ms = self._peaks(run, beats.r_ms[index])
        is_v = beats.aami[index] == V
        counts = ~(is_v | state["behind_v"][run] | repeats(r_ms))
        new = np.where(counts, whole(probs), np.int32(0))[:, None]
        share = np.concatenate([state["share"][run], new], axis=1)
        anew = r_ms[:, -1] - r_ms[:, -2] >= self._stale_ms
        if anew.any():
            share[anew, :-1] = 0
            state["open"][of[anew]] = False
        state["behind_v"][run] = is_v
        state["share"][run], state["last_ms"][run] = share[:, 1:], r_ms[:, -1]
        state["rr_ms"][run] = np.minimum(r_ms[:, 2:] - r_ms[:, 1:-1], LONGEST_MS)
        return of, r_ms, share

    def _peaks(self, of: Slots | slice, newest_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give R-peaks up to the newest, shape (n_rows, n), ms: kept as intervals, half as long."""
        r_ms = np.empty((len(newest_ms), self._n), np.int64)
        r_ms[:, -1], r_ms[:, -2] = newest_ms, self.state["last_ms"][of]
        back_ms = np.cumsum(self.state["rr_ms"][of][:, ::-1], axis=1, dtype=np.int64)
        r_ms[:, -3::-1] = r_ms[:, -2:-1] - back_ms
        return r_ms
