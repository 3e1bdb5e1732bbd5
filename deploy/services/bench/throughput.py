"""How many patients one core can follow in real time, and what that depends on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from deploy.services.bench.figure import Figure, Sample, beside, cpu_s, sampled
from deploy.services.bench.workload import Engine, Ward, simulated
from ingest.recording import Recording

N_STREAMS = 1024
"""Streams of the figure that others are compared with."""
BATCHES = (1, 4, 16, 64, 256, 1024)
"""Streams side by side in one push."""
CENSUS = (100, 1_000, 5_000, 20_000, 100_000)
"""Streams that are remembered at once."""
MANY = 50_000
"""Streams from which once is enough: it takes a minute."""
HELD = (4_096, 16_384)
"""Streams of two processes, from which the memory of one stream is told."""
PORTION = 32
"""Messages that are scored at once where memory is measured: 2,048 streams."""
WARM_S, TIMED_S = 5.0, 8.0
"""Signal of each stream before, and while, the clock runs, s."""
REPEATS = 3
"""Repetitions of a figure."""
UNIT = "patients in real time a core"


def rate(ward: Ward) -> float:
    """Patients that one core follows in real time: seconds of signal over processor time."""
    engine, warm, n_steps = Engine(), round(WARM_S / ward.frame_s), round(TIMED_S / ward.frame_s)
    for step in range(warm):
        engine.take(ward.messages(step))
    took_s = 0.0
    for step in range(warm, warm + n_steps):
        messages = ward.messages(step)
        took_s += cpu_s(lambda messages=messages: engine.take(messages))  # type: ignore[misc]
    return ward.n_streams * n_steps * ward.frame_s / took_s


def scoring(recordings: Sequence[Recording], naive: Sample, xqrs: Sample) -> Iterator[Figure]:
    """Score a ward from messages to alarms, beside a naive pipeline and a QRS detector."""
    name = "messages to alarms, {} streams, frames of {:g} s"
    for n, frame_s in ((N_STREAMS, 1.0), (N_STREAMS, 0.2), (128, 1.0)):
        own = sampled(REPEATS, lambda n=n, s=frame_s: rate(Ward(recordings, n, s)))  # type: ignore[misc]
        told = name.format(n, frame_s)
        yield beside(told, own, UNIT, "a naive pipeline: JSON, one patient at a time", naive)
        yield beside(told, own, UNIT, "wfdb's xqrs: QRS only, one record at a time", xqrs)


def batches(recordings: Sequence[Recording]) -> Iterator[Figure]:
    """Tell what streams side by side bring."""
    found = {n: sampled(REPEATS, lambda n=n: rate(Ward(recordings, n))) for n in BATCHES}  # type: ignore[misc]
    for n, sample in found.items():
        yield beside(f"batch of {n}", sample, UNIT, "one stream alone", found[1])


def census(recordings: Sequence[Recording]) -> Iterator[Figure]:
    """Tell what a stream costs, and holds, where there are many."""
    first: Sample | None = None
    for n in CENSUS:
        times = 2 if n < MANY else 1
        sample = sampled(times, lambda n=n: _cost_us(Ward(recordings, n)))  # type: ignore[misc]
        first = first or sample
        unit = "us a patient-second"
        yield beside(f"cost with {n} streams", sample, unit, f"{CENSUS[0]} streams", first)
    few, many = (_held_by_a_process(n) for n in HELD)
    memory = Sample((many - few) / (HELD[1] - HELD[0]), 0.0)
    yield beside("memory a stream", memory, "KiB", "the goal of 8 KiB", Sample(8.0, 0.0))


def _cost_us(ward: Ward) -> float:
    """Processor time of a patient-second, us."""
    engine, warm, n_steps = Engine(), 3, 3
    for step in range(warm):
        engine.take(ward.messages(step))
    took_s = 0.0
    for step in range(warm, warm + n_steps):
        messages = ward.messages(step)
        took_s += cpu_s(lambda messages=messages: engine.take(messages))  # type: ignore[misc]
    return took_s / (ward.n_streams * n_steps * ward.frame_s) * 1e6


def _held_by_a_process(n_streams: int) -> float:
    """Memory that a fresh process holds when it has scored so many streams, KiB."""
    code = f"from deploy.services.bench.throughput import held_kib; print(held_kib({n_streams}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def held_kib(n_streams: int) -> float:
    """Score a few seconds of a simulated ward; return what this process then holds, KiB.

    Messages are made and scored in portions, as a worker does: otherwise the memory that all of
    them took at once would be counted as that of streams.
    """
    ward, engine = Ward(simulated(), n_streams), Engine()
    for step in range(4):
        coming = ward.each_message(step)
        while portion := list(islice(coming, PORTION)):
            engine.take(portion)
    return _resident_kib()


def _resident_kib() -> float:
    """Memory of this process, KiB; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024
