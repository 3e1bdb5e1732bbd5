"""Runs one target for a number of inputs: notes what it raises, how long it takes, how it grows."""

from __future__ import annotations

import os
import re
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ingest.errors import InputError
from tests.fuzz.mutate import Mutator
from tests.fuzz.target import Outcome, Target

HANG_S = 5.0
"""An input that takes more of the processor's time hangs, s."""
STUCK_S = 120.0
"""An input that takes longer by the clock waits for something, s."""
CHUNK = 64
"""Inputs between two looks at the clock."""
MOST_SEEDS = 400
"""Inputs whose outcome was new that are kept to make others of."""
ROOM_BYTES = 2 << 30
"""Memory that a run may take beyond what the process has; more is a fault."""

_DIGITS = re.compile(r"[0-9.+-]+|'[^']*'|\"[^\"]*\"|0x[0-9a-f]+")


class HangError(BaseException):
    """An input took too long; no reader's ``except Exception`` may swallow it."""


def fuzz(
    target: Target,
    n_inputs: int,
    seed: int = 0,
    seconds: float | None = None,
    pool: list[bytes] | None = None,
) -> Outcome:
    """Feed a target so many inputs, or for so long, whichever ends first.

    Inputs whose outcome was not seen before are put into the pool and changed further.
    """
    mutator, pool = Mutator(seed, target.tokens), pool or list(target.seeds)
    outcome = Outcome(target.name)
    started, begin_cpu_s = time.monotonic(), time.process_time()
    settled_bytes, settle_at = 0, max(1, n_inputs // 10)
    for content in target.seeds:  # what is good must be read
        target.call(content)
    with _alarms(), _little_memory():
        while outcome.n_inputs < n_inputs:
            if seconds is not None and time.monotonic() - started > seconds:
                break
            _chunk(target, mutator, pool, outcome, min(CHUNK, n_inputs - outcome.n_inputs))
            if settled_bytes == 0 and (
                outcome.n_inputs >= settle_at
                or (seconds is not None and time.monotonic() - started > seconds / 10)
            ):
                settled_bytes = rss_bytes()
    outcome.grown_bytes = rss_bytes() - settled_bytes if settled_bytes else 0
    outcome.seconds = time.process_time() - begin_cpu_s
    return outcome


def _chunk(
    target: Target, mutator: Mutator, pool: list[bytes], outcome: Outcome, n_inputs: int
) -> None:
    """Feed some inputs."""
    call, clock = target.call, time.perf_counter
    content = b""
    signal.setitimer(signal.ITIMER_REAL, STUCK_S)
    for _ in range(n_inputs):
        content = mutator.make(pool)
        begin = clock()
        try:
            signal.setitimer(signal.ITIMER_PROF, HANG_S)
            told = call(content)
            kind = f"read: {told[:60]}" if type(told) is str else "read"
        except InputError as error:
            outcome.n_refused += 1
            kind = _DIGITS.sub("#", str(error))[:60]
        except (Exception, HangError) as error:  # noqa: BLE001  # faults are what is looked for
            kind = f"FAULT {_place(error)}"
            outcome.faults.setdefault(kind, content)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        took = clock() - begin
        outcome.slowest_s = max(outcome.slowest_s, took)
        outcome.n_inputs += 1
        if kind not in outcome.reasons and len(outcome.reasons) < MOST_SEEDS:
            outcome.reasons[kind] = 0
            if len(pool) < MOST_SEEDS:
                pool.append(content)
        if kind in outcome.reasons:
            outcome.reasons[kind] += 1
    signal.setitimer(signal.ITIMER_REAL, 0)


def _place(error: BaseException) -> str:
    """Return an exception's kind and where it was raised."""
    trace = traceback.extract_tb(error.__traceback__)
    ours = [f for f in trace if "site-packages" not in f.filename and "/tests/" not in f.filename]
    last = (ours or trace)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


@contextmanager
def _alarms() -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise HangError

    numbers = (signal.SIGALRM, signal.SIGPROF)
    before = {number: signal.signal(number, ring) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _little_memory() -> Iterator[None]:
    """Let an input that asks for very much memory fail instead of taking it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + ROOM_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def rss_bytes() -> int:
    """Return the memory that this process has in use, bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
