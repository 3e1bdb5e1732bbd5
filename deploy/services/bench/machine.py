"""The machine that figures are of: what it is, what its core can do, and whether it is idle."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from deploy.services.bench.figure import cpu_s, sampled

BUSY_SHARE = 0.1
"""Share of all processors' time that others may take before figures are doubted."""
_SIZE = 1024
_BYTES = 64 << 20
_LIBRARIES = ("numpy", "onnxruntime", "protobuf", "kafka-python")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What one core can do, measured in the run that the figures are of."""

    gflops: float
    """Single-precision rate of numpy's matrix product of 1024 by 1024, 1e9 operations/s. A good
    BLAS reaches about nine tenths of what the core's FMA units could do."""
    gbytes_s: float
    """Rate at which numpy copies 64 MiB, bytes read and written, 1e9 bytes/s."""
    busy_share: float
    """Share of all processors' time that was taken just before, by others."""

    @property
    def is_idle(self) -> bool:
        """Whether the machine was idle enough to compare seconds."""
        return self.busy_share <= BUSY_SHARE


def describe() -> str:
    """Describe the machine and the libraries in one line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{_processor()}, {os.cpu_count()} processors, {_memory_gib()}, {platform.machine()}, "
        f"{platform.system()}, Python {platform.python_version()}, {libraries}"
    )


def calibrate() -> Calibration:
    """Measure the core, and how busy the machine is with other work."""
    busy_share = busy()
    a = np.random.default_rng(0).standard_normal((_SIZE, _SIZE)).astype(np.float32)
    product_s = sampled(7, lambda: cpu_s(lambda: a @ a)).median
    source, target = np.zeros(_BYTES, np.uint8), np.empty(_BYTES, np.uint8)
    copy_s = sampled(7, lambda: cpu_s(lambda: np.copyto(target, source))).median
    return Calibration(2 * _SIZE**3 / product_s / 1e9, 2 * _BYTES / copy_s / 1e9, busy_share)


def busy(for_s: float = 0.5) -> float:
    """Share of all processors' time that is taken while this process sleeps; 0 where unknown."""
    before = _ticks()
    time.sleep(for_s)
    after = _ticks()
    if before is None or after is None or after[1] == before[1]:
        return 0.0
    return 1 - (after[0] - before[0]) / (after[1] - before[1])


def _ticks() -> tuple[int, int] | None:
    """Return idle and all time of all processors since the start, in the kernel's ticks."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    numbers = [int(field) for field in fields]
    return numbers[3] + numbers[4], sum(numbers)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "processor unknown"
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    widest = [isa for isa in ("avx512f", "avx2") if isa in found.get("flags", "").split()]
    return " ".join([found.get("model name", platform.processor()), *widest[:1]])


def _memory_gib() -> str:
    try:
        n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return "memory unknown"
    return f"{n_bytes / 2**30:.0f} GiB"
