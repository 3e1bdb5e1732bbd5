"""Two processes beside one: what a second core brings, which share nothing but the machine."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from deploy.services.bench.figure import Figure, beside, sampled
from deploy.services.bench.workload import Engine, Ward, simulated

N_STREAMS = 1024
"""Streams of each process."""
WARM_STEPS, TIMED_STEPS = 5, 20
"""Seconds of signal before, and while, the clock runs."""
REPEATS = 3
"""Repetitions."""
PROCESSES = (1, 2)
"""Processes at once."""


def processes() -> Iterator[Figure]:
    """Score the simulated ward in one process, and in two at once, by the clock."""
    found = {n: sampled(REPEATS, lambda n=n: _rate_of(n)) for n in PROCESSES}  # type: ignore[misc]
    for n, sample in found.items():
        told = f"messages to alarms in {n} process{'es' if n > 1 else ''} at once, by the clock"
        yield beside(told, sample, "patients in real time", "one process alone", found[1])


def _rate_of(n_processes: int) -> float:
    """Patients that so many processes follow together, all of them begun at the same moment."""
    code = "from deploy.services.bench.together import score_when_told; score_when_told()"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(n_processes)
    ]
    try:
        for child in children:
            _line_of(child)  # it is warm
        for child in children:
            _tell(child)
        return sum(float(_line_of(child)) for child in children)
    finally:
        for child in children:
            child.kill()
            child.communicate()


def _tell(child: subprocess.Popen[str]) -> None:
    if child.stdin is None:
        raise RuntimeError("a child without a way to be told anything")
    child.stdin.write("go\n")
    child.stdin.flush()


def _line_of(child: subprocess.Popen[str]) -> str:
    line = child.stdout.readline() if child.stdout is not None else ""
    if not line:
        raise RuntimeError(f"a process of the benchmark ended with {child.wait()}")
    return line


def score_when_told() -> None:
    """Warm up, say so, wait for a word, score; print patients in real time by the clock."""
    ward, engine = Ward(simulated(), N_STREAMS), Engine()
    for step in range(WARM_STEPS):
        engine.take(ward.messages(step))
    coming: Sequence[list[bytes]] = [
        ward.messages(step) for step in range(WARM_STEPS, WARM_STEPS + TIMED_STEPS)
    ]
    print("warm", flush=True)
    sys.stdin.readline()
    begun_s = time.perf_counter()
    for messages in coming:
        engine.take(messages)
    print(N_STREAMS * TIMED_STEPS * ward.frame_s / (time.perf_counter() - begun_s), flush=True)
