"""Beats: R-peaks from the frame model, their classes from the beat model, tick by tick."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.leads import first_heard, seen_whole
from inference.model import ModelInfo
from inference.peaks import PeakPicker
from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Composite
from inference.ticks import AAMI, TICK_MS, N, TickBeats
from ingest.errors import InputError

_Kind = TypeVar("_Kind", bound=np.generic)

MOST_LEADS = 2
"""Leads of one stream that a beat model may look at together."""
LONGEST_RR_MS = 3000
"""An interval longer than this is not taken for an RR interval: beats were lost or absent."""


class Beats(Composite):
    """Finds and classifies beats of many streams.

    Where the beat model takes two leads, R-peaks are found in the first that is
    heard, and a lead that is not heard through a beat is all zeros to the model.

    Parameters
    ----------
    qrs, beat : StreamSession
        The frame model, of one lead, and the beat model, at one sampling frequency.
    n_slots : int
        Streams to make room for.

    Raises
    ------
    ingest.errors.InputError
        If the two models do not go together.
    """

    def __init__(self, qrs: StreamSession, beat: StreamSession, n_slots: int = 0) -> None:
        if qrs.info.fs != beat.info.fs:
            raise InputError(
                f"models {qrs.info.name} and {beat.info.name} want {qrs.info.fs} and "
                f"{beat.info.fs} Hz; allowed: one sampling frequency"
            )
        for info, most in ((qrs.info, 1), (beat.info, MOST_LEADS)):
            if info.units != "scale" or len(info.leads) > most:
                raise InputError(
                    f"model {info.name}: metadata 'units' is {info.units!r} with "
                    f"{len(info.leads)} leads; allowed for {info.kind} models: 'scale', "
                    f"up to {most}"
                )
        self.qrs, self.beat = qrs, beat
        info = beat.info
        self.n_leads = len(info.leads)
        self._finders = [qrs, *(qrs.twin() for _ in range(1, self.n_leads))]
        self.picker = PeakPicker(qrs.info, -(-(info.length - info.before) * 1000 // info.fs))
        self._n = info.fs * TICK_MS // 1000
        reach = self.picker.oldest_ms * info.fs // 1000 + info.before + 1
        self._history = -(-reach // self._n) * self._n
        behind = self.picker.delay + self.picker.frames - 1 - np.arange(self.picker.frames)
        self._candidate_tick = -1 - behind // self.picker.frames
        self.state = SlotArrays(
            {
                "signal": Field((self.n_leads, self._history)),
                "heard_leads": Field((self.n_leads, self._history // self._n), np.bool_),
                "heard": Field((-int(self._candidate_tick.min()),), np.bool_),
                "last_r_ms": Field(dtype=np.int64, initial=-(10**9)),
                "unbroken": Field(dtype=np.bool_),
            },
            n_slots,
        )
        self._codes = np.array([AAMI.index(name) for name in info.classes], np.int8)
        self._n_candidate_ticks = int(np.ptp(self._candidate_tick)) + 1
        others = {f"qrs{i}": finder for i, finder in enumerate(self._finders) if i}
        super().__init__(
            {"beats": self.state, "qrs": qrs, **others, "beat": beat, "peaks": self.picker}
        )
        self.resize(n_slots)

    @property
    def fs(self) -> int:
        """Sampling frequency that the models want, Hz."""
        return self.beat.info.fs

    def frames(self, slots: Slots, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the frame model over several ticks.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        scaled : array of shape (n_rows, n_leads, n_ticks, n_samples)
            Signal over its amplitude scale.

        Returns
        -------
        array of shape (n_rows, n_leads, n_ticks, frames a tick)
            Probabilities.
        """
        shape = (len(slots), 1, scaled.shape[2], self.picker.frames)
        probs = [
            finder.step(slots, scaled[:, lead].reshape(len(slots), 1, -1)).reshape(shape)
            for lead, finder in enumerate(self._finders)
        ]
        return probs[0] if len(probs) == 1 else np.concatenate(probs, axis=1)

    def step(
        self,
        slots: Slots,
        now_ms: NDArray[np.int64],
        scaled: NDArray[np.float32],
        probs: NDArray[np.float32],
        heard: NDArray[np.bool_],
    ) -> TickBeats:
        """Take one tick, give the beats that it decides.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        now_ms : array of shape (n_rows,), ms
            End of the tick on each stream's clock.
        scaled : array of shape (n_rows, n_leads, n_samples)
            The tick's signal over its amplitude scale.
        probs : array of shape (n_rows, n_leads, frames a tick)
            What :meth:`frames` gave for it.
        heard : array of shape (n_rows, n_leads)
            There is a signal: no beat is found where no lead has one, and an
            interval across that is not an RR interval.

        Returns
        -------
        TickBeats
            One beat a row at most.
        """
        window = _shifted(self.state["signal"], slots, scaled)
        if self.n_leads == 1:
            probs, some_heard = probs[:, 0], heard[:, 0]
        else:
            _shifted(self.state["heard_leads"], slots, heard[..., None])
            probs = probs[np.arange(len(slots)), first_heard(heard)]
            some_heard = np.logical_or.reduce(heard, axis=1)
        recent = _shifted(self.state["heard"], slots, some_heard[:, None])
        unbroken = self.state["unbroken"]
        unbroken[slots] &= recent[:, 0]  # up to the tick of the oldest candidate, no further
        allowed = recent[:, self._candidate_tick]
        present, r_ms = self.picker.step(slots, now_ms, probs, allowed)
        rows = np.flatnonzero(present)
        rr_ms = np.zeros(len(slots), np.int64)
        aami = np.full(len(slots), N, np.int8)
        confidence = np.zeros(len(slots), np.float32)
        if len(rows):
            chosen = slots[rows]
            rr = r_ms[rows] - self.state["last_r_ms"][chosen]
            known = unbroken[chosen] & recent[rows, : self._n_candidate_ticks].all(axis=1)
            rr_ms[rows] = np.where(known & (rr <= LONGEST_RR_MS), rr, 0)
            cut = self._cut(chosen, window[rows], now_ms[rows] - r_ms[rows])
            aami[rows], confidence[rows] = self._classify(chosen, cut, rr_ms[rows])
            self.state["last_r_ms"][chosen] = r_ms[rows]
            unbroken[chosen] = True
        return TickBeats(present, r_ms, rr_ms, aami, confidence)

    def _cut(
        self,
        slots: Slots,
        history: NDArray[np.float32],
        ago_ms: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Cut the beat model's window about R-peaks that lie so long before the history's end."""
        info = self.beat.info
        r = self._history - np.rint(ago_ms * info.fs / 1000).astype(np.int64)
        index = np.clip((r - info.before)[:, None] + np.arange(info.length), 0, self._history - 1)
        window = np.take_along_axis(history, index[:, None], axis=2)
        if self.n_leads > 1:
            ticks = index[:, [0, -1]] // self._n
            heard = self.state["heard_leads"][slots]
            window[~seen_whole(heard, ticks[:, 0], ticks[:, 1])] = 0
        return window

    def _classify(
        self, slots: Slots, window: NDArray[np.float32], rr_ms: NDArray[np.int64]
    ) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Score the beats; give class codes, and the probability of each."""
        rr_s = (rr_ms / 1000).astype(np.float32)[:, None]
        probs = self.beat.step(slots, window, rr_s)
        best = called(probs, self.beat.info)
        rows = np.arange(len(slots))
        return self._codes[best], probs[rows, best]


def called(probs: NDArray[np.float32], info: ModelInfo) -> NDArray[np.intp]:
    """Choose the class that is furthest over its threshold; N, or the first, where none is.

    Parameters
    ----------
    probs : array of shape (n_beats, n_classes)
    info : ModelInfo
        Of the beat model that gave them.

    Returns
    -------
    array of shape (n_beats,)
        Indices into its classes.
    """
    limits = np.array([info.thresholds.get(c, 1.0) for c in info.classes], np.float32)
    over = np.where(probs >= limits, probs / np.maximum(limits, np.float32(1e-3)), 0)
    fallback = info.classes.index("N") if "N" in info.classes else 0
    return np.where(over.any(axis=1), over.argmax(axis=1), fallback)


def _shifted(histories: NDArray[_Kind], slots: Slots, newest: NDArray[_Kind]) -> NDArray[_Kind]:
    """Push the newest values in at the end of the slots' histories; return the histories."""
    n = newest.shape[-1]
    history = histories[slots]
    history[..., :-n] = history[..., n:]
    history[..., -n:] = newest
    histories[slots] = history
    return history
