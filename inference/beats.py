"""Beats: R-peaks from the frame model, their classes from the beat model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.faint import Faint
from inference.leads import first_heard, seen_whole
from inference.model import ModelInfo
from inference.new_lead import NewLead
from inference.peaks import PeakPicker, Peaks, by_rank, firsts
from inference.reasons import Reasons
from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots, in_a_row
from inference.stage import Composite, Slotted
from inference.ticks import AAMI, TICK_MS, BlockBeats, no_beats
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
    explain : bool
        Ask the beat model for its reasons, and keep them for alarms.

    Raises
    ------
    ingest.errors.InputError
        If the two models do not go together, or there are no reasons to ask for.
    """

    _judged = True
    """Peaks far smaller than the stream's QRS are no beats, see :meth:`take_peaks_of`."""

    def __init__(
        self, qrs: StreamSession, beat: StreamSession, n_slots: int = 0, *, explain: bool = False
    ) -> None:
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
        # What is heard of two leads is kept tick by tick, so their history is whole ticks.
        self._history = reach if self.n_leads == 1 else -(-reach // self._n) * self._n
        behind = self.picker.delay + self.picker.frames - 1 - np.arange(self.picker.frames)
        self._candidate_tick = -1 - behind // self.picker.frames
        self._n_heard = -int(self._candidate_tick.min())
        n_ticks = self._history // self._n if self.n_leads > 1 else 0
        self.state = SlotArrays(
            {
                "signal": Field((self.n_leads, self._history)),
                "heard_leads": Field((self.n_leads, n_ticks), np.bool_),
                "heard": Field((self._n_heard,), np.bool_),
                "last_r_ms": Field(dtype=np.int64, initial=-(10**9)),
                "unbroken": Field(dtype=np.bool_),
            },
            n_slots,
        )
        self._limits = CallLimits.of(info)
        self._codes = np.array([AAMI.index(name) for name in info.classes], np.int8)
        self._n_candidate_ticks = int(np.ptp(self._candidate_tick)) + 1
        self.reasons = Reasons(beat) if explain else None
        others: dict[str, Slotted] = {
            f"qrs{i}": finder for i, finder in enumerate(self._finders) if i
        }
        if self.reasons is not None:
            others["reasons"] = self.reasons
        self.new_lead = others["new_lead"] = NewLead()
        self.faint = others["faint"] = Faint(info.fs, info.before, info.length)
        super().__init__(
            {"beats": self.state, "qrs": qrs, **others, "beat": beat, "peaks": self.picker}
        )
        self.resize(n_slots)

    @property
    def fs(self) -> int:
        """Sampling frequency that the models want, Hz."""
        return self.beat.info.fs

    def take_peaks_of(self, picker: PeakPicker, *, judged: bool = True) -> None:
        """Let another picker find the R-peaks, as where those of a reference are known.

        Parameters
        ----------
        picker : PeakPicker
            What takes the place of this stage's own.
        judged : bool
            A peak that is far smaller than the stream's QRS is no beat; else all are beats.
        """
        picker.resize(self.state.n_slots)
        self.picker = self.parts["peaks"] = picker
        self._judged = judged

    def begin_anew(self, slots: Slots, past: SlotArrays | None = None) -> None:
        """Go on with another lead: no beat is cut, nor any interval taken, across the change.

        What the beat model knows of shapes stays, see :mod:`inference.lead_memory`. Beats that
        were not decided yet are lost, as where a signal breaks off.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams; mostly none.
        past : SlotArrays, optional
            Of the episodes; where given, beats that go on at the pace from before are not taken
            for ventricular until the lead is known, see :mod:`inference.new_lead`.
        """
        if len(slots):
            if past is not None:
                self.new_lead.change(slots, past)
            self.state.reset(slots)
            self.picker.reset(slots)
            self.faint.reset(slots)
            for finder in self._finders:
                finder.reset(slots)

    def find(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        scaled: NDArray[np.float32],
        scale_uv: NDArray[np.float32],
        heard: NDArray[np.bool_],
    ) -> BlockBeats:
        """Take the next ticks of some streams, give the beats that these ticks decide.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        first_ms : array of shape (n_rows,), ms
            End of the first of the ticks on each stream's clock.
        scaled : array of shape (n_rows, n_leads, n_ticks, n_samples)
            Signal over its amplitude scale.
        scale_uv : array of shape (n_rows, n_leads, n_ticks)
            That scale, uV: what is far smaller than the stream's QRS is no beat, see
            :mod:`inference.faint`.
        heard : array of shape (n_rows, n_leads, n_ticks)
            There is a signal: no beat is found where no lead has one, and an
            interval across that is not an RR interval.

        Returns
        -------
        BlockBeats
            At most one a tick of a row.
        """
        n_rows, n_ticks = len(slots), scaled.shape[2]
        if self.reasons is not None:
            self.reasons.begin(slots)
        lead = first_heard(heard)
        probs = self._frames(slots, scaled, lead)
        signal = _lengthened(self.state["signal"], slots, scaled.reshape(n_rows, self.n_leads, -1))
        heard_leads = heard
        if self.n_leads > 1:
            heard_leads = _lengthened(self.state["heard_leads"], slots, heard)
        some = _lengthened(self.state["heard"], slots, np.logical_or.reduce(heard, axis=1))
        newest = self._n_heard + np.arange(n_ticks)[:, None]
        peaks = self.picker.pick(slots, first_ms, probs, some[:, newest + 1 + self._candidate_tick])
        if not len(peaks.row):
            self.faint.pass_by(slots, heard)
            return self._no_beats(slots, some[:, 1 : n_ticks + 1])
        behind = first_ms[peaks.row] + peaks.tick * TICK_MS - peaks.r_ms
        windows = self._cut(peaks, behind, signal, heard_leads)
        if self._judged:
            kept = self.faint.judge(slots, peaks, windows, scale_uv, heard)
            peaks, windows = peaks.at(kept), windows[kept]
            if not len(peaks.row):
                return self._no_beats(slots, some[:, 1 : n_ticks + 1])
        rr_ms = self._intervals(slots, peaks, some)
        aami, confidence = self._classify(slots[peaks.row], peaks.r_ms, windows, rr_ms)
        found = BlockBeats(peaks.row, peaks.tick, peaks.r_ms, rr_ms, aami, confidence, windows)
        return self.new_lead.judge(slots, found)

    def _no_beats(self, slots: Slots, heard: NDArray[np.bool_]) -> BlockBeats:
        """Note where the signal broke off in ticks without a beat."""
        self.state["unbroken"][in_a_row(slots)] &= np.logical_and.reduce(heard, axis=1)
        return no_beats()

    def _frames(
        self, slots: Slots, scaled: NDArray[np.float32], lead: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Run the frame model over the ticks; give its probabilities in the lead to go by.

        Returns
        -------
        array of shape (n_rows, n_ticks, frames a tick)
        """
        n_rows, _, n_ticks, _ = scaled.shape
        probs = [
            finder.step(slots, scaled[:, i].reshape(n_rows, 1, -1)).reshape(n_rows, n_ticks, -1)
            for i, finder in enumerate(self._finders)
        ]
        if len(probs) == 1:
            return probs[0]
        index = lead[None, :, :, None]
        chosen: NDArray[np.float32] = np.take_along_axis(np.stack(probs), index, axis=0)[0]
        return chosen

    def _intervals(self, slots: Slots, peaks: Peaks, heard: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the RR interval before each beat, 0 where it is unknown, ms.

        Known is one through which there was a signal: from behind the tick that decided
        the beat before, as far back as its candidates lay, up to this one's last candidate.
        """
        row, tick, state = peaks.row, peaks.tick, self.state
        n_lost = np.zeros((len(slots), heard.shape[1] + 1), np.int32)
        np.cumsum(~heard, axis=1, out=n_lost[:, 1:])
        first = firsts(row)
        begin = np.where(first, 1, _before(tick) + 2)
        lost = n_lost[row, tick + 1 + self._n_candidate_ticks] > n_lost[row, begin]
        before_ms = np.where(first, state["last_r_ms"][slots[row]], _before(peaks.r_ms))
        known = ~lost & (~first | state["unbroken"][slots[row]])
        rr_ms = peaks.r_ms - before_ms
        n_ticks = heard.shape[1] - self._n_heard
        last = np.append(first[1:], True)
        since, unbroken = np.ones(len(slots), np.intp), state["unbroken"][slots]
        since[row[last]], unbroken[row[last]] = tick[last] + 2, True
        every = np.arange(len(slots))
        state["unbroken"][slots] = unbroken & (n_lost[every, n_ticks + 1] == n_lost[every, since])
        state["last_r_ms"][slots[row[last]]] = peaks.r_ms[last]
        return np.where(known & (rr_ms <= LONGEST_RR_MS), rr_ms, 0)

    def _cut(
        self,
        peaks: Peaks,
        behind_ms: NDArray[np.int64],
        signal: NDArray[np.float32],
        heard: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Cut the beat model's window about R-peaks that lie so long before their tick's end."""
        info = self.beat.info
        r = self._history - np.rint(behind_ms * info.fs / 1000).astype(np.int64)
        index = np.maximum((r - info.before)[:, None] + np.arange(info.length), 0)
        index = np.minimum(index, self._history - 1)
        tick = peaks.tick[:, None] + 1
        at = (peaks.row * signal.shape[2] * self.n_leads)[:, None] + index + tick * self._n
        leads = np.arange(self.n_leads)[:, None] * signal.shape[2]
        window: NDArray[np.float32] = signal.reshape(-1)[at[:, None] + leads]
        if self.n_leads > 1:
            ends = index[:, [0, -1]] // self._n
            recent = np.arange(self._history // self._n)
            of_beat = heard[peaks.row[:, None], :, tick + recent].transpose(0, 2, 1)
            window[~seen_whole(of_beat, ends[:, 0], ends[:, 1])] = 0
        return window

    def _classify(
        self,
        slots: Slots,
        r_ms: NDArray[np.int64],
        window: NDArray[np.float32],
        rr_ms: NDArray[np.int64],
    ) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Score the beats, the first of every stream together, then the second of each ...

        Returns
        -------
        aami, confidence : arrays of shape (n_beats,)
            Class codes, and the probability of each.
        """
        rr_s = (rr_ms / 1000).astype(np.float32)[:, None]
        probs = np.empty((len(slots), len(self._codes)), np.float32)
        for of_rank in by_rank(slots):
            asked = slots[of_rank], window[of_rank], rr_s[of_rank]
            if self.reasons is None:
                probs[of_rank] = self.beat.step(*asked)
            else:
                probs[of_rank], why = self.beat.step_explained(*asked)
                self.reasons.note(slots[of_rank], r_ms[of_rank], why)
        best = self._limits.called(probs)
        return self._codes[best], probs[np.arange(len(slots)), best]


@dataclass(frozen=True, slots=True, eq=False)
class CallLimits:
    """From which probability on a beat is called so, by class."""

    limits: NDArray[np.float32]
    """Array of shape (n_classes,)."""
    scale: NDArray[np.float32]
    """Array of shape (n_classes,): what probabilities are compared by."""
    fallback: int
    """Index of the class that is called where none is."""

    @classmethod
    def of(cls, info: ModelInfo) -> CallLimits:
        """Take them from a beat model."""
        limits = np.array([info.thresholds.get(c, 1.0) for c in info.classes], np.float32)
        fallback = info.classes.index("N") if "N" in info.classes else 0
        return cls(limits, np.maximum(limits, np.float32(1e-3)), fallback)

    def called(self, probs: NDArray[np.float32]) -> NDArray[np.intp]:
        """Choose classes, as :func:`called` does."""
        over = np.where(probs >= self.limits, probs / self.scale, 0)
        return np.where(over.any(axis=1), over.argmax(axis=1), self.fallback)


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
    return CallLimits.of(info).called(probs)


def _lengthened(histories: NDArray[_Kind], slots: Slots, newest: NDArray[_Kind]) -> NDArray[_Kind]:
    """Put the newest values behind the slots' histories, keep the end of that, return all of it."""
    length = histories.shape[-1]
    of = in_a_row(slots)
    line = np.concatenate([histories[of], newest], axis=-1)
    histories[of] = line[..., -length:]
    return line


def _before(values: NDArray[_Kind]) -> NDArray[_Kind]:
    """Put each value in the next one's place; what comes first means nothing."""
    shifted = np.empty_like(values)
    shifted[1:], shifted[:1] = values[:-1], values[:1]
    return shifted
