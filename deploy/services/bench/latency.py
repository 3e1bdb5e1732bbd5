"""How long it takes from a frame to what is told of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from deploy.services.bench.figure import Figure
from deploy.services.bench.workload import Engine, Ward
from inference.model import builtin
from inference.pipeline import Pipeline
from ingest.codec import encode
from ingest.recording import Recording

EDGE_S = 120.0
"""Signal of the single patient, s."""
EDGES = ((0.2, None), (0.04, None), (0.2, "beat-edge"))
"""Length of a frame, s, and beat model of each try; the default one where None."""
LOADS = (100, 500, 2_000, 5_000, 10_000)
"""Streams of one core under load."""
LOAD_S = 8.0
"""Signal of each, s; the first half is not counted."""
GATHER_S = 0.05
"""How long frames are gathered, as a worker does by default, s."""
GOAL_MS = {1.0: 1000.0, 0.2: 300.0}
"""99th percentile wanted, by the length of a frame in s, ms."""
EDGE_GOAL_MS = 0.5
"""The same for one patient on one core, ms."""


def edge(recordings: Sequence[Recording]) -> Iterator[Figure]:
    """Score one patient frame by frame, as a device at the bed does."""
    for frame_s, beat in EDGES:
        ward = Ward(recordings, 1, frame_s)
        engine = Engine(Pipeline(beat=None if beat is None else builtin(beat)))
        took_ms = []
        for step in range(round(EDGE_S / frame_s)):
            messages = ward.messages(step)
            begun_s = time.perf_counter()
            engine.take(messages)
            took_ms.append((time.perf_counter() - begun_s) * 1e3)
        counted = took_ms[len(took_ms) // 12 :]
        by = "" if beat is None else f" by {beat}"
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            value = float(np.quantile(counted, share))
            told = f"one patient, frame of {frame_s:g} s to alarms{by}, {name}"
            peer = f"the goal of {EDGE_GOAL_MS:g} ms for p99"
            yield Figure(told, value, "ms", peer, value / EDGE_GOAL_MS)


def under_load(recordings: Sequence[Recording]) -> Iterator[Figure]:
    """Tell the latency against the number of streams, frames coming at any time."""
    for frame_s, goal_ms in GOAL_MS.items():
        for n in LOADS:
            value = p99_ms(Ward(recordings, n, frame_s))
            told = f"{n} streams, frames of {frame_s:g} s, last sample to alarms, p99"
            peer = f"the goal of {goal_ms:g} ms, batches gathered for {GATHER_S * 1000:g} ms"
            yield Figure(told, value, "ms", peer, value / goal_ms)
            if value > 3 * goal_ms:
                break  # the core is full; more streams only wait longer


def p99_ms(ward: Ward) -> float:
    """Let frames come at phases of their own; 99th percentile of how long each waits and takes.

    The clock is simulated but for the scoring itself: a turn takes whatever has come
    ``GATHER_S`` after its first frame, and what comes meanwhile waits for the next one. So
    nothing else is in the figure, neither the frame's own length nor a network.
    """
    rng = np.random.default_rng(0)
    phase_s = np.sort(rng.uniform(0, ward.frame_s, ward.n_streams))
    engine, n_steps = Engine(), round(LOAD_S / ward.frame_s)
    queue: list[tuple[float, int]] = [  # when each frame comes, and whose it is
        (step * ward.frame_s + at_s, bed)
        for step in range(n_steps)
        for bed, at_s in enumerate(phase_s.tolist())
    ]
    now_s, taken, waited_ms = 0.0, 0, []
    while taken < len(queue):
        now_s = max(now_s, queue[taken][0] + GATHER_S)
        come = taken
        while come < len(queue) and queue[come][0] <= now_s:
            come += 1
        messages = [
            encode([ward.frame(bed, (taken + i) // ward.n_streams)])
            for i, (_, bed) in enumerate(queue[taken:come])
        ]
        begun_s = time.perf_counter()
        engine.take(messages)
        now_s += time.perf_counter() - begun_s
        waited_ms += [(now_s - at_s) * 1e3 for at_s, _ in queue[taken:come]]
        taken = come
    return float(np.quantile(waited_ms[len(waited_ms) // 2 :], 0.99))
