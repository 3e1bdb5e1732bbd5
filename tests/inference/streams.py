"""Streams made by hand or by Hypothesis: beats and quality, cut into ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from inference.conditions import Code
from inference.episodes import Episodes
from inference.limits import Limits
from inference.ticks import AAMI, TICK_MS, TickBeats, TickQuality

DELAY_MS = 680
EARLIEST_MS = 400
"""Beats are decided this long after their R-peak at the earliest, DELAY_MS at the latest."""

GOOD, MISSING, FLAT, SATURATED, NOISY, STUCK = range(6)


@dataclass(frozen=True)
class Beat:
    r_ms: int
    rr_ms: int
    aami: str = "N"
    confidence: float = 0.9
    latency_ms: int = DELAY_MS


@dataclass
class Script:
    """One stream: its beats, and the quality of ticks that are not good."""

    beats: list[Beat] = field(default_factory=list)
    bad: dict[int, int] = field(default_factory=dict)

    def beat(self, rr_ms: int, aami: str = "N", **more: float) -> Script:
        """Add a beat so long after the last one, or after 0."""
        last = self.beats[-1].r_ms if self.beats else 0
        self.beats.append(Beat(last + rr_ms, rr_ms if self.beats else 0, aami, **more))
        return self

    def rhythm(self, n: int, rr_ms: int, aami: str = "N") -> Script:
        """Add beats at one rate."""
        for _ in range(n):
            self.beat(rr_ms, aami)
        return self

    def gap(self, ms: int, kind: int = MISSING) -> Script:
        """Make the signal bad for so long after the last beat; then a beat with unknown RR."""
        start = self.now_ms + EARLIEST_MS
        self.spoil(start, start + ms, kind)
        self.beats.append(Beat(start + ms + EARLIEST_MS, 0))
        return self

    def spoil(self, from_ms: int, to_ms: int, kind: int) -> Script:
        """Make all ticks bad that the stretch touches."""
        for tick in range(from_ms // TICK_MS, math.ceil(to_ms / TICK_MS)):
            self.bad[tick] = kind
        return self

    @property
    def now_ms(self) -> int:
        return self.beats[-1].r_ms if self.beats else 0

    def arrivals(self) -> dict[int, Beat]:
        """Tick index → the beat that it decides: in order, one at most."""
        arrivals: dict[int, Beat] = {}
        tick = -1
        for beat in self.beats:
            tick = max(tick + 1, math.ceil((beat.r_ms + beat.latency_ms) / TICK_MS) - 1)
            arrivals[tick] = beat
        return arrivals

    def n_ticks(self, tail_ms: int = 1000) -> int:
        """Ticks up to so long after the last beat or bad tick."""
        last_bad_ms = (max(self.bad, default=-1) + 1) * TICK_MS
        return math.ceil((max(self.now_ms, last_bad_ms) + tail_ms) / TICK_MS)


Tick = tuple[np.ndarray, TickBeats, TickQuality]


def ticks_of(scripts: Sequence[Script], n_ticks: int, first_tick: int = 0) -> list[Tick]:
    """Cut streams into ticks: (now_ms, beats, quality), one row a stream."""
    n = len(scripts)
    arrivals = [script.arrivals() for script in scripts]
    ticks = []
    for tick in range(first_tick, first_tick + n_ticks):
        beats = [a.get(tick) for a in arrivals]
        kind = np.array([script.bad.get(tick, GOOD) for script in scripts])

        def column(name: str, dtype: type, beats: list = beats) -> np.ndarray:
            return np.array([getattr(b, name) if b else 0 for b in beats], dtype)

        ticks.append(
            (
                np.full(n, (tick + 1) * TICK_MS, np.int64),
                TickBeats(
                    present=np.array([b is not None for b in beats]),
                    r_ms=column("r_ms", np.int64),
                    rr_ms=column("rr_ms", np.int64),
                    aami=np.array([AAMI.index(b.aami) if b else 0 for b in beats], np.int8),
                    confidence=column("confidence", np.float32),
                ),
                TickQuality(
                    missing=kind == MISSING,
                    flat=np.isin(kind, (FLAT, STUCK)),
                    saturated=np.isin(kind, (SATURATED, STUCK)),
                    noisy=kind == NOISY,
                    index=np.where(kind == GOOD, 0.95, 0.1).astype(np.float32),
                ),
            )
        )
    return ticks


Edge = tuple[str, str, int, int]


def edges_of(
    script: Script, limits: Limits | None = None, *, tail_ms: int = 1000, delay_ms: int = DELAY_MS
) -> list[Edge]:
    """Run one stream; give (condition, "onset" or "end", at_ms, decided_ms) of each edge."""
    episodes = Episodes(limits or Limits(), delay_ms, n_slots=1)
    found = []
    for now_ms, beats, quality in ticks_of([script], script.n_ticks(tail_ms)):
        edges = episodes.step(np.array([0]), now_ms, beats, quality)
        for code, onset, at_ms in zip(edges.code, edges.onset, edges.at_ms, strict=True):
            name = Code(code).name.lower()
            found.append((name, "onset" if onset else "end", int(at_ms), int(now_ms[0])))
    return found


def times_of(edges: list[Edge], condition: str) -> list[tuple[str, int]]:
    """Onsets and ends of one condition, without when they were decided."""
    return [(what, at_ms) for name, what, at_ms, _ in edges if name == condition]


_RHYTHMS = {
    "normal": (600, 1100, "N"),
    "mixed": (350, 1500, "NNNVSFQ"),
    "ventricular": (300, 800, "V"),
    "nearly": (400, 700, "VVVVVF"),
    "slow": (1250, 2600, "N"),
    "slow v": (1100, 2200, "V"),
    "fast": (260, 480, "N"),
    "long": (2800, 6000, "NV"),
    "atrial": (350, 700, "SSSN"),
    "uneven": (500, 1300, "NNNNNNS"),
    "even": (700, 760, "N"),
}
_PATTERNS = {"bigeminy": "NV", "trigeminy": "NNV", "pairs": "NNNVV", "blocked": "NNNNS"}


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Streams whose rhythm and signal change all the time."""
    script = Script()
    kinds = st.sampled_from([*_RHYTHMS, *_PATTERNS, "gap", "flicker"])
    for kind in draw(st.lists(kinds, min_size=1, max_size=6)):
        rng = np.random.default_rng(draw(st.integers(0, 1000)))
        if kind == "gap":
            script.gap(int(rng.integers(100, 14_000)), int(rng.integers(1, 6)))
        elif kind == "flicker":
            bad = int(rng.choice([NOISY, NOISY, FLAT, MISSING, SATURATED]))
            density = rng.choice([0.1, 0.5, 0.8])
            for at_ms in range(script.now_ms, script.now_ms + 9000, TICK_MS):
                if rng.random() < density:
                    script.spoil(at_ms, at_ms + 1, bad)
        elif kind in _PATTERNS:
            for aami in _PATTERNS[kind] * int(rng.integers(1, 6)):
                early = aami == "V" and rng.random() < 0.8
                script.beat(int(rng.integers(230, 500) if early else rng.integers(600, 1600)), aami)
        else:
            low, high, classes = _RHYTHMS[kind]
            for _ in range(rng.integers(1, 22)):
                script.beat(
                    int(rng.integers(low, high)),
                    str(rng.choice(list(classes))),
                    confidence=round(float(rng.random()), 3),
                    latency_ms=int(rng.integers(EARLIEST_MS, DELAY_MS + 1)),
                )
    return script
