"""What ``vigil bench`` measures: each figure beside a peer, in one run on one machine.

Absolute figures of a shared machine mean little; the ratio to the peer measured
in the same minute is what can be compared.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from inference.model import builtin, builtin_names, load
from inference.pipeline import Pipeline
from inference.session import StreamSession
from ingest.codec import decode, encode
from ingest.frames import Frame
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.simulator import demo_ward
from ingest.wfdb_replay import ReplaySource

SCORER = """
import time
begun = time.perf_counter()
from inference.pipeline import Pipeline; Pipeline()
took_s = time.perf_counter() - begun
try:  # what this program alone has held; Python's own figure starts with its parent's
    status = open("/proc/self/status").read()
    held_kib = int(status.split("VmHWM:")[1].split()[0])
except OSError:
    from resource import RUSAGE_SELF, getrusage
    held_kib = getrusage(RUSAGE_SELF).ru_maxrss
print(took_s, held_kib / 1024)
"""
"""Starts a scorer and tells its start-up time, s, and its memory, MiB."""
LIBRARIES = SCORER.replace(
    "from inference.pipeline import Pipeline; Pipeline()", "import numpy, onnxruntime"
)
"""The peer: the two libraries that a scorer cannot do without."""
N_STREAMS = 128
"""Streams side by side."""
SIGNAL_S = 20.0
"""Signal of each, s."""
FS = 360.0
"""Sampling frequency, Hz."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement."""

    name: str
    """What was measured."""
    value: float
    """Median."""
    unit: str
    """Its unit."""
    peer: str
    """What it is compared with, and on what work."""
    ratio: float
    """Value over the peer's, in the same unit."""


def machine() -> str:
    """Describe the machine."""
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def median(times: int, run: Callable[[], float]) -> float:
    """Repeat a measurement and return its median."""
    return statistics.median(run() for _ in range(times))


def start_up() -> Iterator[Figure]:
    """Start a scorer from cold, beside the bare libraries."""

    def told(code: str, which: int) -> float:
        output = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return float(output.stdout.split()[which])

    peer = "numpy and onnxruntime imported"
    for name, unit, which in (("scorer start-up", "s", 0), ("scorer memory", "MiB", 1)):
        value = median(5, lambda which=which: told(SCORER, which))  # type: ignore[misc]
        other = median(5, lambda which=which: told(LIBRARIES, which))  # type: ignore[misc]
        yield Figure(name, value, unit, peer, value / other)


def scoring() -> Iterator[Figure]:
    """Score many streams side by side, beside one at a time and wfdb's xqrs."""
    records = demo_ward(8, fs=FS, duration_s=SIGNAL_S)
    recordings = {
        f"p{i}": Recording(f"p{i}", FS, records[i % 8].leads, records[i % 8].samples)
        for i in range(N_STREAMS)
    }

    def rate(n: int, chunk_s: float) -> float:
        chosen = dict(list(recordings.items())[:n])
        frames = []
        source = ReplaySource(chosen, speed=None, chunk_s=chunk_s)
        ended = False
        while not ended:
            batch = source.poll(0.0)
            frames.append(batch.frames)
            ended = batch.end
        pipeline, sequencer = Pipeline(), Sequencer()
        begun = time.perf_counter()
        for part in frames:
            pipeline.push(sequencer.push_all(part)[0])
        return n * SIGNAL_S / (time.perf_counter() - begun)

    many, one = median(3, lambda: rate(N_STREAMS, 1.0)), median(3, lambda: rate(1, 1.0))
    unit = "patients in real time a core"
    yield Figure(
        f"frames to alarms, {N_STREAMS} streams, 1 s frames",
        many,
        unit,
        "one at a time",
        many / one,
    )
    xqrs = _xqrs_rate(records[0].samples[0] / 200.0)
    peer = "wfdb's xqrs, QRS detection only, one record at a time"
    yield Figure(
        f"frames to alarms, {N_STREAMS} streams, 1 s frames", many, unit, peer, many / xqrs
    )
    one_s = median(3, lambda: rate(1, 0.2))
    yield Figure("frames to alarms, 1 stream, 0.2 s frames", one_s, unit, peer, one_s / xqrs)


def _xqrs_rate(signal_mv: np.ndarray) -> float:
    """Seconds of signal a second that wfdb's xqrs gets through."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wfdb.processing import XQRS

    def once() -> float:
        begun = time.perf_counter()
        XQRS(signal_mv, FS).detect(verbose=False)
        return len(signal_mv) / FS / (time.perf_counter() - begun)

    return median(3, once)


def models() -> Iterator[Figure]:
    """Step each shipped model at batch 128, beside the same work at batch 1."""
    rng = np.random.default_rng(0)
    for name in builtin_names():
        kind = load(builtin(name))[1].kind
        session = StreamSession(builtin(name), kind, N_STREAMS)
        length = session.info.length or session.info.fs
        shape = (N_STREAMS, len(session.info.leads), length)
        signal = rng.standard_normal(shape).astype(np.float32)
        rr_s = np.full((N_STREAMS, 1), 0.8, np.float32)

        def cost_us(
            batch: int,
            session: StreamSession = session,
            signal: np.ndarray = signal,
            rr_s: np.ndarray = rr_s,
        ) -> float:
            begun = time.perf_counter()
            for at in range(0, N_STREAMS, batch):
                rows = slice(at, at + batch)
                session.step(np.arange(at, at + batch), signal[rows], rr_s[rows])
            return (time.perf_counter() - begun) / N_STREAMS * 1e6

        many, one = median(15, lambda: cost_us(N_STREAMS)), median(15, lambda: cost_us(1))
        what = "s of signal" if session.info.length == 0 else "beat"
        yield Figure(
            f"model {name}, batch {N_STREAMS}", many, f"us a {what}", "batch 1", many / one
        )


def codec() -> Iterator[Figure]:
    """Decode frames, beside copying their samples."""
    record = demo_ward(1, fs=FS, duration_s=SIGNAL_S)[0]
    frames = [
        Frame(
            "p",
            "0",
            int(i * FS),
            0,
            FS,
            record.leads,
            record.samples[:, int(i * FS) : int((i + 1) * FS)],
        )
        for i in range(int(SIGNAL_S))
    ]
    payload = encode(frames)

    def timed(work: Callable[[], object]) -> float:
        begun = time.perf_counter()
        for _ in range(50):
            work()
        return (time.perf_counter() - begun) / 50 / len(frames) * 1e6

    ours = median(5, lambda: timed(lambda: decode(payload)))
    copy = median(5, lambda: timed(lambda: [frame.samples.copy() for frame in frames]))
    yield Figure("decode a frame of 1 s", ours, "us", "copying its samples", ours / copy)


BENCHMARKS: dict[str, Callable[[], Iterator[Figure]]] = {
    "start": start_up,
    "score": scoring,
    "models": models,
    "codec": codec,
}
"""By the name that ``vigil bench`` takes."""
