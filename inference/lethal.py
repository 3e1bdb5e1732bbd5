"""Ventricular fibrillation, from the waveform: a recurrent model of the rhythm, stepped each tick.

No QRS can be relied on in fibrillation, so this looks at the signal itself. What
counts is the mean probability of VT and VF over some seconds. What it is called, fibrillation or
tachycardia or neither, the beats and the steepness of the waveform say: see
:mod:`inference.organised`. Once it is called, another name must hold for two seconds to be taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.beat_history import KnownBeats, known_beats
from inference.conditions import Code
from inference.limits import Limits
from inference.organised import Lethal, lethal_kind
from inference.rhythm_turns import RhythmTurns
from inference.running_mean import END_SHARE, ONE, edge, over_window, turns, whole
from inference.session import StreamSession
from inference.sharpness import LIKELY, SHARP, are_sharp, slopes
from inference.slots import Field, SlotArrays, Slots, in_a_row
from inference.stage import Composite
from inference.ticks import TICK_MS, BlockBeats, no_beats
from inference.usual_shape import UsualShape, n_alike
from ingest.errors import InputError

CLASSES = ("other", "VT", "VF", "ASYS")
"""Classes of a rhythm model, in order."""
_VT, _VF = CLASSES.index("VT"), CLASSES.index("VF")
SMALLEST_UV = 200.0
"""Amplitude scale below which fibrillation is not called: waves under 0.2 mV are fine fibrillation
or asystole, which no rule of the AHA tells apart (Kerber, Circulation 1997), uV."""
THRESHOLD = 0.5
"""Mean probability from which fibrillation is called, where the model's metadata names none."""
CHANGE_TICKS = 10
"""For so long another name must hold before it is taken: 2 s."""
CODE_OF = {
    Lethal.TACHYCARDIA: Code.VENTRICULAR_TACHYCARDIA,
    Lethal.FIBRILLATION: Code.VENTRICULAR_FIBRILLATION,
}
"""Conditions of what is told."""


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
    share = probs[..., _VT] + probs[..., _VF]
    return np.where(heard & (scale_uv >= SMALLEST_UV), whole(share), np.int32(0))


Named = tuple[int, Lethal, bool, int]
"""Tick, what it is called, whether that begins there, and since or until when, ms."""


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
    before : int
        Samples of a beat's window before its R-peak, at the model's sampling frequency.

    Raises
    ------
    ingest.errors.InputError
        If the model's classes, lead or stride are not those of a rhythm model.
    """

    def __init__(
        self, session: StreamSession, limits: Limits, n_slots: int = 0, before: int = 0
    ) -> None:
        info = session.info
        n = info.fs * TICK_MS // 1000
        if info.classes != CLASSES or info.stride != n or len(info.leads) != 1:
            raise InputError(
                f"model {info.name}: classes {', '.join(info.classes)}, stride {info.stride}, "
                f"{len(info.leads)} leads; allowed: {', '.join(CLASSES)}, {n}, one lead"
            )
        self.session = session
        self._n = round(limits.vf_s * 1000) // TICK_MS
        self.on, self.sharp = info.thresholds.get("VF", THRESHOLD), SHARP
        self.state = SlotArrays(
            {
                "share": Field((self._n - 1,), np.uint16),
                "slopes": Field((2, self._n - 1), np.uint16),
                "open": Field(dtype=np.bool_),
                "told": Field(dtype=np.int8),
                "other": Field(dtype=np.int8),
                "other_ticks": Field(dtype=np.int8),
            },
            n_slots,
        )
        self.usual, self._before = UsualShape(info.fs), before
        super().__init__({"lethal": self.state, "rhythm": session, "usual": self.usual})
        self.resize(n_slots)

    def find(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        scaled: NDArray[np.float32],
        scale_uv: NDArray[np.float32],
        heard: NDArray[np.bool_],
        beats: BlockBeats | None = None,
        past: SlotArrays | None = None,
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
        beats : BlockBeats, optional
            Beats that the ticks decided.
        past : SlotArrays, optional
            State that holds the ring of beats before them.

        Returns
        -------
        RhythmTurns
            An onset lies at the first tick of the window that is more likely lethal than not, an
            end behind the last.
        """
        n_rows, n_ticks = heard.shape
        found = no_beats() if beats is None else beats
        probs = self.session.step(slots, scaled.reshape(n_rows, 1, -1))
        new, of = lethal_share(probs, scale_uv, heard), in_a_row(slots)
        share = np.concatenate([self.state["share"][of], new], axis=1)
        self.state["share"][of] = share[:, n_ticks:]
        steepness = self._slopes(slots, scaled, new)
        mean = over_window(share, self._n)
        alike = self._alike(slots, found, mean)
        rows = np.flatnonzero(self.state["open"][of] | (mean >= self.on).any(axis=1))
        parts = []
        for row in rows.tolist():
            slot, at = int(slots[row]), int(first_ms[row])
            peaks = known_beats(past, slot, found, row)
            seen = _Seen(peaks, steepness[row], alike(row), self._n, self.sharp)
            parts += [
                _turn(row, *each) for each in self._follow(slot, at, mean[row], share[row], seen)
            ]
        return RhythmTurns.of(parts)

    def _slopes(
        self, slots: Slots, scaled: NDArray[np.float32], share: NDArray[np.int32]
    ) -> NDArray[np.uint16]:
        """Give the slopes of the ticks that look lethal, 0 of others, behind those before.

        Returns
        -------
        array of shape (n_rows, 2, n - 1 + n_ticks)
            Steepest and mean.
        """
        new = np.zeros((len(slots), 2, share.shape[1]), np.uint16)
        row, tick = np.nonzero(share >= LIKELY)
        if len(row):
            new[row, 0, tick], new[row, 1, tick] = slopes(scaled[row, tick])
        of = in_a_row(slots)
        line = np.concatenate([self.state["slopes"][of], new], axis=2)
        self.state["slopes"][of] = line[:, :, share.shape[1] :]
        return line

    def _alike(
        self, slots: Slots, beats: BlockBeats, mean: NDArray[np.float32]
    ) -> Callable[[int], list[tuple[int, int]]]:
        """Follow the usual beats; give by row how many looked usual, and from which tick on."""
        before = self.usual.state["alike"][slots]  # a copy, as it changes below
        bits = np.zeros(0, np.uint8)
        if len(beats):
            may_learn = mean[beats.row, beats.tick] < self.on * END_SHARE
            bits = self.usual.take(slots, beats, self._before, may_learn)

        def of(row: int) -> list[tuple[int, int]]:
            mine = np.flatnonzero(beats.row == row)
            known = [(int(beats.tick[i]), n_alike(bits[i])) for i in mine]
            return [(-1, n_alike(before[row])), *known]

        return of

    def _follow(
        self,
        slot: int,
        first_ms: int,
        mean: NDArray[np.float32],
        share: NDArray[np.int32],
        seen: _Seen,
    ) -> list[Named]:
        """Open, name and end along the ticks of one stream, of the few that have any to tell."""
        state = self.state
        told: list[Named] = []
        edges = dict(turns(mean, bool(state["open"][slot]), self.on))
        for tick in range(len(mean)):
            now_ms = first_ms + tick * TICK_MS
            if tick in edges:
                window = share[tick : tick + self._n]
                n_ago = self._n - edge(window, onset=edges[tick])
                at_ms = max(now_ms - n_ago * TICK_MS, 0)
                state["open"][slot] = edges[tick]
                name = seen.kind(tick, now_ms) if edges[tick] else state["told"][slot]
                told.append((tick, Lethal(name), edges[tick], at_ms))
                state["told"][slot], state["other_ticks"][slot] = name, 0
            elif state["open"][slot]:
                name = seen.kind(tick, now_ms)
                now = share[tick + self._n - CHANGE_TICKS : tick + self._n].sum()
                likely = bool(now >= self.on * ONE * CHANGE_TICKS)
                told += self._rename(slot, tick, now_ms, name, likely=likely)
        return told

    def _rename(
        self, slot: int, tick: int, now_ms: int, name: Lethal, *, likely: bool
    ) -> list[Named]:
        """Take another name once it has held for long enough, from when on it did.

        A tachycardia is not left to its rate while the waveform lasts, since beats of one kind
        come to be classed as usual; and none becomes fibrillation as it fades.
        """
        state = self.state
        before = Lethal(state["told"][slot])
        fades = name is Lethal.FIBRILLATION and not likely
        if fades or (before is Lethal.TACHYCARDIA and name is Lethal.LEFT):
            name = before
        same = name == state["other"][slot]
        n_ticks = 0 if name == before else int(state["other_ticks"][slot]) * same + 1
        state["other"][slot], state["other_ticks"][slot] = name, n_ticks
        if n_ticks < CHANGE_TICKS:
            return []
        state["told"][slot], state["other_ticks"][slot] = name, 0
        at_ms = max(now_ms - CHANGE_TICKS * TICK_MS, 0)
        return [(tick, before, False, at_ms), (tick, name, True, at_ms)]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What is known beside the probabilities, of one stream's ticks."""

    peaks: KnownBeats
    """Its beats."""
    slopes: NDArray[np.uint16]
    """Array of shape (2, n - 1 + n_ticks): steepest and mean slope of what looks lethal."""
    alike: list[tuple[int, int]]
    """Of the last beats, how many look usual, by the tick from which on; in order."""
    n: int
    """Ticks of a window."""
    limit: float
    """Steepest slope over the mean one from which complexes are sharp."""

    def kind(self, tick: int, now_ms: int) -> Lethal:
        """Name what looks lethal by the end of a tick."""
        steepest, mean = self.slopes[:, tick : tick + self.n].astype(np.int32)
        n_usual = [n for since, n in self.alike if since <= tick][-1]
        sharp = are_sharp(steepest, mean, self.limit)
        return lethal_kind(*self.peaks.by(tick), now_ms, sharp=sharp, n_usual=n_usual)


def _turn(row: int, tick: int, name: Lethal, onset: bool, at_ms: int) -> RhythmTurns:
    """Make one turn; none of what is left to other rules."""
    n = int(name in CODE_OF)
    return RhythmTurns(
        np.full(n, row, np.intp),
        np.full(n, tick, np.intp),
        np.full(n, CODE_OF.get(name, 0), np.int8),
        np.full(n, onset),
        np.full(n, at_ms, np.int64),
    )
