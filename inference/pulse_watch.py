"""Follows which streams are pulseless, tick by tick, and makes the edges of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inference.conditions import Code
from inference.corroboration import Finding
from inference.corroboration_gate import GatedEdges
from inference.episode_edges import EpisodeEdges, no_edges
from inference.limits import MAX_BEATS, Limits
from inference.pulse_leads import PulseKind
from inference.pulse_train import STRONG
from inference.pulseless import arrest, is_back
from inference.pulses import Pulses
from inference.slots import Field
from inference.stage import Stage


class PulseWatch(Stage):
    """Which arterial lines show an arrest, by place (see :mod:`inference.some_slots`).

    Parameters
    ----------
    pulses : Pulses
        The pulses of the same places.
    limits_of : callable
        Gives the limits in force for a slot.
    n_places : int
        Streams to make room for.
    """

    def __init__(
        self, pulses: Pulses, limits_of: Callable[[int], Limits], n_places: int = 0
    ) -> None:
        super().__init__({"open": Field(dtype=np.bool_)}, n_places)
        self._pulses, self._limits_of = pulses, limits_of

    def may_turn(self, slot: int, place: int, kinds: Sequence[PulseKind], end_ms: int) -> bool:
        """Tell whether a look at the ticks up to one is needed: mostly pulses go on."""
        if PulseKind.PRESSURE not in kinds:
            return False
        if self.state["open"][place]:
            return True
        state = self._pulses.finders[PulseKind.PRESSURE].state
        pulse_ms, strength = state["pulse_ms"][place], state["strength"][place]
        strong_ms = pulse_ms[(pulse_ms >= 0) & (strength >= STRONG[0]) & (strength <= STRONG[1])]
        gaps_ms = np.diff(np.sort(np.append(strong_ms, end_ms)))
        least_ms = round(self._limits_of(slot).pulseless_s * 1000)
        return bool(gaps_ms.max(initial=0) >= least_ms)

    def walk(
        self, slot: int, place: int, kinds: Sequence[PulseKind], ticks_ms: range
    ) -> Iterator[GatedEdges]:
        """Take one stream through some ticks; give what began and what ended in them."""
        if not self.may_turn(slot, place, kinds, ticks_ms[-1]):
            return
        limits = self._limits_of(slot)
        for now_ms in ticks_ms:
            trains = [self._pulses.train(place, kind, now_ms) for kind in kinds]
            if self.state["open"][place]:
                if is_back(trains):
                    self.state["open"][place] = False
                    yield _gated(slot, now_ms, now_ms, onset=False)
            elif (finding := arrest(trains, limits)) is not None:
                self.state["open"][place] = True
                yield _gated(slot, now_ms, finding.from_ms or 0, onset=True, finding=finding)

    def close(self, slot: int, place: int, end_ms: int) -> list[GatedEdges]:
        """End what is open as a stream ends."""
        is_open = bool(self.state["open"][place])
        self.state["open"][place] = False
        return [_gated(slot, end_ms, end_ms, onset=False)] if is_open else []


def _gated(
    slot: int, now_ms: int, at_ms: int, *, onset: bool, finding: Finding | None = None
) -> GatedEdges:
    """Make one edge, with nothing of the ECG beside it."""
    unknown = np.full(1, np.nan, np.float32)
    edges: EpisodeEdges = replace(
        no_edges(),
        row=np.zeros(1, np.intp),
        code=np.array([Code.PULSELESS], np.int8),
        onset=np.array([onset]),
        at_ms=_ms(at_ms),
        heart_rate_bpm=unknown,
        quality=unknown,
        beat_r_ms=np.full((1, MAX_BEATS), -1, np.int64),
        beat_aami=np.zeros((1, MAX_BEATS), np.int8),
        beat_confidence=np.zeros((1, MAX_BEATS), np.float32),
    )
    findings = {} if finding is None else {(slot, Code.PULSELESS): finding}
    return GatedEdges(np.array([slot]), _ms(now_ms), edges, findings)


def _ms(at_ms: int) -> NDArray[np.int64]:
    return np.array([at_ms], np.int64)
