"""Parts in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from deploy.cluster.executor import TRIES, Advance, Part, lost

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numerical libraries read when they are loaded: one thread each, since processes share."""
POLL_S = 0.1
"""How often progress is passed on, s."""


class LocalExecutor:
    """Does parts in processes of this machine; a pool that broke is made anew.

    Parameters
    ----------
    n_jobs : int
        Processes.
    """

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs = n_jobs

    @property
    def n_parts(self) -> int:
        """One a process: parts that are large score faster."""
        return self.n_jobs

    def run(
        self, function: Callable[..., Any], parts: Sequence[Part], advance: Advance
    ) -> Iterator[tuple[int, Any]]:
        """Do parts, as :meth:`deploy.cluster.executor.Executor.run`."""
        left, tries = dict(enumerate(parts)), 0
        while left and tries < TRIES:
            tries += 1
            for number, result in self._round(function, left, advance):
                del left[number]
                tries = 0
                yield number, result
        if left:
            raise lost([part.label for part in left.values()])

    def _round(
        self, function: Callable[..., Any], left: dict[int, Part], advance: Advance
    ) -> Iterator[tuple[int, Any]]:
        """Do what is left in one pool, until all is done or the pool breaks."""
        context = multiprocessing.get_context("spawn")
        told: Any = context.SimpleQueue()  # what a part told is there when it is done
        n_jobs = min(self.n_jobs, len(left))
        with (
            _one_thread_each(),
            ProcessPoolExecutor(n_jobs, context, initializer=_adopt, initargs=(told,)) as pool,
        ):
            futures = {pool.submit(_job, function, p.arguments): n for n, p in left.items()}
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=POLL_S, return_when=FIRST_COMPLETED)
                _pass_on(told, advance)
                for each in done:
                    try:
                        result = _result(each, waiting)
                    except BrokenProcessPool:
                        continue  # those that it lost stay in what is left
                    yield futures[each], result


def _result(done: Future[Any], waiting: set[Future[Any]]) -> Any:
    """Return what a process found; where it failed, let no further part begin."""
    try:
        return done.result()
    except BrokenProcessPool:
        raise
    except BaseException:
        for each in waiting:
            each.cancel()
        raise


def _pass_on(told: Any, advance: Advance) -> None:
    """Pass on how far the processes have come."""
    while not told.empty():
        advance(told.get())


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Set the variables that new processes inherit, and set them back."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_told: Any = None  # of a process of the pool: where it tells how far it has come


def _adopt(told: Any) -> None:
    """Set up a process of the pool."""
    global _told
    _told = told


def _job(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Do one part in a process of the pool."""
    return function(*arguments, _told.put)
