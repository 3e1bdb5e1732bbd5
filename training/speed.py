"""How fast exported models are beside one another: ``python -m training.speed A.onnx B.onnx``.

Each round steps every model once with carried state, so that whatever else the machine does
falls on all of them alike; what counts is the ratio to the first.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from inference.model import find, load
from inference.session import StreamSession

ROUNDS = 400
"""Steps of each model."""


def step_times_us(
    paths: Sequence[Path],
    batch: int,
    *,
    rounds: int = ROUNDS,
    length: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Median time of a step of each model, us.

    Parameters
    ----------
    paths : sequence of Path
        Models.
    batch : int
        Streams side by side.
    rounds : int
        Steps of each.
    length : int
        Samples a step, for models that take any number; a second by default.
    clock : callable
        Gives the time, s; ``time.process_time`` leaves out what other processes take.
    """
    rng = np.random.default_rng(0)
    work = []
    for path in paths:
        session = StreamSession(path, load(path)[1].kind, batch)
        info = session.info
        shape = (batch, len(info.leads), info.length or length or info.fs)
        signal = rng.standard_normal(shape).astype(np.float32)
        work.append((session, signal, np.full((batch, 1), 0.8, np.float32)))
    slots, times = np.arange(batch), [[0.0] * 0 for _ in work]
    for _ in range(rounds):
        for (session, signal, rr_s), taken in zip(work, times, strict=True):
            begun = clock()
            session.step(slots, signal, rr_s)
            taken.append((clock() - begun) * 1e6)
    return [statistics.median(taken) for taken in times]


def main(argv: Sequence[str] | None = None) -> None:
    """Compare models from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=find)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32, 128])
    arguments = parser.parse_args(argv)
    for path in arguments.models:
        print(f"{path.name}: {path.stat().st_size / 1024:.1f} KiB")
    for batch in arguments.batch:
        times = step_times_us(arguments.models, batch)
        for path, taken in zip(arguments.models, times, strict=True):
            print(f"batch {batch}: {path.name} {taken:.1f} us a step, {taken / times[0]:.3f}")


if __name__ == "__main__":
    main()
