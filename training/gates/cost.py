"""The gate on what a model costs: its time and its size beside the champion's, in one run."""

from __future__ import annotations

import time
from pathlib import Path

from training.gates.gate import Decision, Gate
from training.gates.limits import GateLimits
from training.speed import step_times_us

BATCHES = (1, 64)
"""Streams side by side."""
ROUNDS = 200
"""Steps of each model."""


def cost(champion: Path, candidate: Path, limits: GateLimits) -> Gate:
    """Ask that the candidate is hardly slower or larger.

    Parameters
    ----------
    champion, candidate : Path
        ONNX files.
    limits : GateLimits
        Largest ratios.
    """
    times = {
        batch: step_times_us([champion, candidate], batch, rounds=ROUNDS, clock=time.process_time)
        for batch in BATCHES
    }
    ratios = {f"step of {batch}": after / before for batch, (before, after) in times.items()}
    size = candidate.stat().st_size / champion.stat().st_size
    slow = max(ratios.values()) > limits.latency_ratio
    return Gate(
        "latency and size",
        f"Steps of {' and '.join(map(str, BATCHES))} streams with carried state, {ROUNDS} of each "
        "model in turn, median time of the processor; size of the ONNX files",
        f"at most {limits.latency_ratio:g} times the champion's time and {limits.size_ratio:g} "
        "times its size",
        {
            "champion_us": {str(batch): round(pair[0], 1) for batch, pair in times.items()},
            "candidate_us": {str(batch): round(pair[1], 1) for batch, pair in times.items()},
            "time_ratio": {name: round(ratio, 3) for name, ratio in ratios.items()},
            "size_ratio": round(size, 3),
        },
        Decision.FAILED if slow or size > limits.size_ratio else Decision.PASSED,
        f"{max(ratios.values()):.2f} times as long, {size:.2f} times as large",
    )
