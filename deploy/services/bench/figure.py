"""A figure: a median with its spread, beside a peer measured in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """Repeated measurements of one thing."""

    median: float
    """Median."""
    spread: float
    """Largest less smallest, over the median."""


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
    spread: float = 0.0
    """Largest less smallest of the repetitions, over the median."""


def sampled(times: int, run: Callable[[], float]) -> Sample:
    """Repeat a measurement.

    Examples
    --------
    >>> values = iter([3.0, 1.0, 2.0])
    >>> sampled(3, lambda: next(values))
    Sample(median=2.0, spread=1.0)
    """
    values = [run() for _ in range(times)]
    middle = statistics.median(values)
    return Sample(middle, (max(values) - min(values)) / middle if middle else 0.0)


def beside(name: str, own: Sample, unit: str, peer: str, other: Sample) -> Figure:
    """Put one sample beside another."""
    return Figure(name, own.median, unit, peer, own.median / other.median, own.spread)


def cpu_s(work: Callable[[], object]) -> float:
    """Processor time that some work takes in this process, s: what others do does not count."""
    begun_s = time.process_time()
    work()
    return time.process_time() - begun_s
