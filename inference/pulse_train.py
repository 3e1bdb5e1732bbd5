"""The pulses of one lead up to a moment, and what a stretch of them is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.pulse_finder import KNOWN_AFTER_MS
from inference.pulse_leads import PulseKind
from inference.ticks import TICK_MS

STRONG = (0.4, 2.5)
"""Strengths of pulses that count: weaker ones may be noise, stronger ones are artefacts."""
ALIKE = (0.6, 1.6)
"""Strengths of pulses that nothing has disturbed."""
LOOK_BACK_MS = 12_000
"""How far back of now pulses are known, ms."""
PRESSURES_MMHG = (10.0, 300.0)
"""Mean pressures of a tick that can be read: outside of them the line is open to the air, to a
flush, or to nothing, mmHg."""
USUAL_PULSES = 8
"""Intervals over which what is usual is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class PulseTrain:
    """Pulses of one lead, as far as they are known at one moment."""

    kind: PulseKind
    """What lead it is."""
    now_ms: int
    """The moment, end of a tick, ms."""
    at_ms: NDArray[np.int64]
    """Array of shape (n_pulses,): pulses of the last ``LOOK_BACK_MS``, rising, ms."""
    strength: NDArray[np.float32]
    """Array of shape (n_pulses,): rise over that of the patient's usual pulses."""
    off: NDArray[np.bool_]
    """Array of shape (n_ticks,): the signal could not be read in that tick, the last one last."""
    level: float
    """Mean of the last tick, mmHg for pressure."""
    levels: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """Array of shape (n_ticks,): mean of each tick, the last one last."""

    @property
    def known_ms(self) -> int:
        """All pulses before this are known, ms."""
        return self.now_ms - KNOWN_AFTER_MS

    @classmethod
    def of_state(
        cls, kind: PulseKind, now_ms: int, next_tick: int, state: Mapping[str, NDArray[Any]]
    ) -> PulseTrain:
        """Read a finder's state of one stream, which may be ahead of the moment.

        Parameters
        ----------
        kind : PulseKind
            What lead it is.
        now_ms : int
            The moment, end of a tick, ms.
        next_tick : int
            First tick that the finder has not seen.
        state : mapping
            ``pulse_ms`` and ``strength``, the ring of pulses; ``off`` and ``level`` of the last
            ticks.
        """
        pulse_ms, strength = state["pulse_ms"], state["strength"]
        end = len(state["off"]) - (next_tick - now_ms // TICK_MS)
        off, level = state["off"][:end], state["level"][:end]
        if kind is PulseKind.PRESSURE:
            off = off | (level < PRESSURES_MMHG[0]) | (level > PRESSURES_MMHG[1])
        known_ms = now_ms - KNOWN_AFTER_MS
        seen = np.flatnonzero((pulse_ms <= known_ms) & (pulse_ms > now_ms - LOOK_BACK_MS))
        seen = seen[np.argsort(pulse_ms[seen])]
        n_ticks = LOOK_BACK_MS // TICK_MS
        last = float(level[-1]) if len(level) else 0.0
        pulses = pulse_ms[seen], strength[seen]
        return cls(kind, now_ms, *pulses, off[-n_ticks:], last, level[-n_ticks:])

    def readable(self, from_ms: int) -> bool:
        """Tell whether the signal could be read from a time on; one short break is forgiven."""
        n = -(-(self.now_ms - from_ms) // TICK_MS)
        return bool(n > 0 and self.off[-n:].sum() <= 1 and len(self.off) >= n)

    def between(self, from_ms: int, to_ms: int) -> Stretch:
        """Take the pulses of a stretch."""
        chosen = (self.at_ms >= from_ms) & (self.at_ms <= to_ms)
        return Stretch(from_ms, to_ms, self.at_ms[chosen], self.strength[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Pulses of a stretch of time."""

    from_ms: int
    """Its begin, ms."""
    to_ms: int
    """Its end, ms."""
    at_ms: NDArray[np.int64]
    """Array of shape (n_pulses,), ms."""
    strength: NDArray[np.float32]
    """Array of shape (n_pulses,)."""

    def __len__(self) -> int:
        return len(self.at_ms)

    @property
    def longest_gap_ms(self) -> int:
        """Longest time without a pulse, from the begin and to the end too, ms."""
        return int(np.diff([self.from_ms, *self.at_ms.tolist(), self.to_ms]).max())

    @property
    def rate_bpm(self) -> float | None:
        """Mean rate, bpm; None of less than two pulses."""
        if len(self) < 2:
            return None
        return 60_000.0 * (len(self) - 1) / float(self.at_ms[-1] - self.at_ms[0])

    def are_strong(self, bounds: tuple[float, float] = STRONG) -> bool:
        """Tell whether all pulses lie within bounds of strength."""
        return bool(((self.strength >= bounds[0]) & (self.strength <= bounds[1])).all())

    def are_regular(self, ratio: float) -> bool:
        """Tell whether the longest interval is at most so many times the shortest."""
        intervals = np.diff(self.at_ms)
        return bool(len(intervals) and intervals.max() <= ratio * intervals.min())

    @property
    def alternates(self) -> bool:
        """Tell whether every second pulse is much weaker: waves of one beat counted as two."""
        if len(self) < 4:
            return False
        weaker, stronger = sorted(
            (float(np.median(self.strength[::2])), float(np.median(self.strength[1::2])))
        )
        return weaker < 0.7 * stronger

    def only_strong(self) -> Stretch:
        """Leave the pulses out that are weaker or stronger than those that count."""
        chosen = (self.strength >= STRONG[0]) & (self.strength <= STRONG[1])
        return Stretch(self.from_ms, self.to_ms, self.at_ms[chosen], self.strength[chosen])
