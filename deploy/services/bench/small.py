"""What a scorer needs to start, and what a message costs to read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence

from kafka.codec import (
    gzip_encode,
    has_gzip,
    has_lz4,
    has_zstd,
    lz4_encode,
    zstd_encode,
)

from deploy.services.bench.figure import Figure, Sample, beside, cpu_s, sampled
from deploy.services.bench.workload import Ward
from ingest.codec import decode
from ingest.recording import Recording

CODECS = (
    ("lz4", has_lz4, lz4_encode),
    ("zstd", has_zstd, zstd_encode),
    ("gzip", has_gzip, gzip_encode),
)
"""What Kafka's records may be compressed by: whether it is installed, and what does it."""
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


def start_up() -> Iterator[Figure]:
    """Start a scorer from cold, beside the bare libraries."""
    peer = "numpy and onnxruntime imported"
    for name, unit, which in (("scorer start-up", "s", 0), ("scorer memory", "MiB", 1)):
        own, other = _told(SCORER, which), _told(LIBRARIES, which)
        yield beside(name, own, unit, peer, other)


def _told(code: str, which: int) -> Sample:
    def once() -> float:
        output = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return float(output.stdout.split()[which])

    return sampled(5, once)


def codec(recordings: Sequence[Recording]) -> Iterator[Figure]:
    """Read a gateway's message, beside copying its samples."""
    [payload] = Ward(recordings, 64).messages(0)
    columns = decode(payload)

    def cost_us(work: object) -> float:
        return cpu_s(lambda: [work() for _ in range(100)]) / 100 / len(columns) * 1e6  # type: ignore[operator]

    ours = sampled(5, lambda: cost_us(lambda: decode(payload)))
    copy = sampled(5, lambda: cost_us(lambda: [bytearray(raw) for raw in columns.raw]))
    yield beside("decode a frame of 1 s", ours, "us", "copying its samples", copy)
    whole = Sample(len(payload) / len(columns), 0.0)
    for name, there, encode in CODECS:
        if not there():
            continue
        size = Sample(len(encode(payload)) / len(columns), 0.0)
        yield beside(f"a frame of 1 s by {name}", size, "bytes", "no compression", whole)
        packed = sampled(5, lambda encode=encode: cost_us(lambda: encode(payload)))  # type: ignore[misc]
        yield beside(f"to compress a frame of 1 s by {name}", packed, "us", "decoding it", ours)
