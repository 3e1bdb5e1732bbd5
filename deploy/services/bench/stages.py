"""Where the time goes: own time of each stage, and a flame graph of all of it."""

from __future__ import annotations

import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from deploy.services.bench.figure import Figure, Sample, beside, sampled
from deploy.services.bench.flame import Stack, svg
from deploy.services.bench.workload import Engine, Ward

N_STREAMS = 1024
"""Streams side by side."""
WARM_STEPS, STEPS = 6, 10
"""Seconds scored before, and while, the clock runs."""
SAMPLE_S = 0.001
"""Processor time between two looks at the stack, s."""


class Stopwatch:
    """Own time of nested calls: what a call spends in another that is timed counts there.

    Parameters
    ----------
    clock : callable
        Time, s.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self.own_s: dict[str, float] = defaultdict(float)
        self._clock = clock
        self._inner_s = [0.0]

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same work, its own time noted under a name."""

        def run(*args: Any, **kwargs: Any) -> Any:
            self._inner_s.append(0.0)
            begun_s = self._clock()
            try:
                return work(*args, **kwargs)
            finally:
                took_s = self._clock() - begun_s
                self.own_s[name] += took_s - self._inner_s.pop()
                self._inner_s[-1] += took_s

        return run


def watch(engine: Engine, stopwatch: Stopwatch) -> set[str]:
    """Time each stage of one engine; return their names."""
    pipeline = engine.pipeline
    names: list[tuple[str, Any, str]] = [
        ("decode messages", engine, "decode"),
        ("order frames", engine, "order"),
        ("write alarms as JSON", engine, "render"),
        ("gather samples by stream", pipeline, "push"),
        *(("condition signals", stage, "push") for stage in pipeline.conditioning.values()),
        ("QRS model", pipeline.beats.qrs, "step"),
        ("beat model", pipeline.beats.beat, "step"),
        ("R-peaks and windows", pipeline.beats, "find"),
        ("follow rhythms", pipeline.told, "find"),
        ("follow episodes", pipeline.episodes, "advance"),
        ("alarm states", pipeline.alarms, "step"),
    ]
    if pipeline.told.lethal is not None:
        names.append(("rhythm model", pipeline.told.lethal.session, "step"))
    if pipeline.told.atrial is not None:
        names.append(("atrial model", pipeline.told.atrial.session, "step"))
    for name, owner, method in names:
        setattr(owner, method, stopwatch.timed(name, getattr(owner, method)))
    return {name for name, _, _ in names}


def stages(ward: Ward, flame_to: Path | None = None) -> Iterator[Figure]:
    """Tell each stage's own time, and draw the flame graph if a file is given."""
    messages = [ward.messages(step) for step in range(WARM_STEPS + STEPS)]
    of_stage: dict[str, list[float]] = defaultdict(list)
    for _ in range(3):
        engine, stopwatch = Engine(), Stopwatch()
        for step in messages[:WARM_STEPS]:
            engine.take(step)
        watch(engine, stopwatch)
        for step in messages[WARM_STEPS:]:
            engine.take(step)
        for name, own_s in stopwatch.own_s.items():
            patient_s = ward.n_streams * STEPS * ward.frame_s
            of_stage[name].append(own_s / patient_s * 1e6)
    samples = {name: _sample(values) for name, values in of_stage.items()}
    whole = Sample(sum(sample.median for sample in samples.values()), 0.0)
    for name, sample in sorted(samples.items(), key=lambda one: -one[1].median):
        yield beside(f"stage: {name}", sample, "us a patient-second", "the whole", whole)
    yield beside("all stages", whole, "us a patient-second", "the whole", whole)
    if flame_to is not None:
        title = f"{ward.n_streams} streams, frames of {ward.frame_s:g} s"
        flame_to.write_text(svg(stacks(messages), title))


def _sample(values: list[float]) -> Sample:
    remaining = iter(values)
    return sampled(len(values), lambda: next(remaining))


def stacks(messages: list[list[bytes]]) -> Counter[Stack]:
    """Look at the stack again and again while messages are scored; count what is seen."""
    engine, seen = Engine(), Counter[Stack]()
    for step in messages[:WARM_STEPS]:
        engine.take(step)
    with _looking(seen):
        for step in messages[WARM_STEPS:]:
            engine.take(step)
    return seen


@contextmanager
def _looking(seen: Counter[Stack]) -> Iterator[None]:
    """Count stacks by a timer of processor time; a long call in C counts where it was called."""

    def look(_: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None and frame.f_code.co_name != "stacks":
            module = str(frame.f_globals.get("__name__", "?"))
            names.append(f"{module}.{frame.f_code.co_name}")
            frame = frame.f_back
        if frame is not None:
            seen[tuple(reversed(names))] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
