"""Where the time of one patient's ticks goes, with a beat and without.

The same ticks are scored again and again, and the least that each took counts: what others do on
the machine takes nothing from that, so old and new code can be compared on one that is busy.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from deploy.services.bench.figure import Figure
from deploy.services.bench.stages import Stopwatch, watch
from deploy.services.bench.workload import Engine, Ward
from inference.ticks import TICK_MS
from ingest.recording import Recording

SIGNAL_S = 100.0
"""Signal of the patient, s; its first tenth is not counted."""
REPEATS = 5
"""Times that it is scored."""
BEAT = "beat model"
"""The stage that runs in ticks with a beat, and in no others."""


def ticks(
    recordings: Sequence[Recording], signal_s: float = SIGNAL_S, repeats: int = REPEATS
) -> Iterator[Figure]:
    """Tell how long ticks of one patient take, and each stage's own time in those.

    Parameters
    ----------
    recordings : sequence of Recording
        The first is scored.
    signal_s : float
        So much of it, s.
    repeats : int
        Times that it is scored, once with and once without a look at the stages.

    Yields
    ------
    Figure
        Of whole ticks in ms; of stages, in us, beside the sum of all.
    """
    ward = Ward(recordings, 1, TICK_MS / 1000)
    messages = [ward.messages(step) for step in range(round(signal_s / ward.frame_s))]
    counted = slice(len(messages) // 10, None)
    whole_s = np.min([_ticks_s(messages) for _ in range(repeats)], axis=0)[counted]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        value = float(np.quantile(whole_s, share)) * 1e3
        told = f"one patient, tick of {TICK_MS} ms, {name} of the least of {repeats}"
        yield Figure(told, value, "ms", "the goal of 0.5 ms for p99", value / 0.5)
    runs = [_stages_s(messages) for _ in range(repeats)]
    least_s = {name: np.min([run[name] for run in runs], axis=0)[counted] for name in runs[0]}
    has_beat = least_s[BEAT] > 0
    for kind, chosen in (("with a beat", has_beat), ("without one", ~has_beat)):
        mean_us = {name: float(each[chosen].mean()) * 1e6 for name, each in least_s.items()}
        total_us = sum(mean_us.values())
        for name, value in sorted(mean_us.items(), key=lambda one: -one[1]):
            if value:  # a beat model has nothing to do in ticks without one
                told = f"one patient, tick {kind}, stage: {name}"
                yield Figure(told, value, "us", "the whole tick", value / total_us)


def _ticks_s(messages: Sequence[list[bytes]]) -> NDArray[np.float64]:
    """Score one patient from the beginning; how long each tick took, shape (n_ticks,), s."""
    engine, took_s = Engine(), np.empty(len(messages))
    for i, step in enumerate(messages):
        begun_s = time.perf_counter()
        engine.take(step)
        took_s[i] = time.perf_counter() - begun_s
    return took_s


def _stages_s(messages: Sequence[list[bytes]]) -> dict[str, NDArray[np.float64]]:
    """Do so with a look at the stages: own time of each by tick, shape (n_ticks,), s."""
    engine, stopwatch = Engine(), Stopwatch(time.perf_counter)
    names = watch(engine, stopwatch)
    own_s = {name: np.zeros(len(messages)) for name in names}
    for i, step in enumerate(messages):
        stopwatch.own_s.clear()
        engine.take(step)
        for name, own in stopwatch.own_s.items():
            own_s[name][i] = own
    return own_s
