"""Scoring in several processes, one a core, and writing what they find."""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.services.numerics import score_numerics
from deploy.services.score_files import write_score
from deploy.services.scoring import (
    BATCH_RECORDS,
    Advance,
    Refusal,
    ScoreOptions,
    score_paths,
)
from ingest.errors import InputError
from ingest.wfdb_replay import record_name

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numerical libraries read when they are loaded: one thread each, since processes share."""

Outcome = dict[str, object] | Refusal
"""The summary of a record that was scored and written, or why it was not."""


def score_to_folder(
    paths: Sequence[str], out: Path, options: ScoreOptions, n_jobs: int, advance: Advance
) -> list[Outcome]:
    """Score records and write their files.

    Parameters
    ----------
    paths : sequence of str
        Records whose names all differ.
    out : Path
        Folder, made where it does not exist.
    options : ScoreOptions
        How.
    n_jobs : int
        Processes; with 1, this one.
    advance : callable
        Is told how much was done, in records.

    Returns
    -------
    list
        One outcome a path, in their order.

    Raises
    ------
    InputError
        If the folder cannot be written or a model does not fit.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {out}: {error.strerror}") from error
    parts = _parts(list(enumerate(paths)), n_jobs)
    if len(parts) == 1:
        found = dict(_score_part(parts[0], out, options, advance))
    else:
        found = _score_in_processes(parts, out, options, n_jobs, advance)
    return [found[i] for i in range(len(paths))]


def _parts(numbered: list[tuple[int, str]], n_jobs: int) -> list[list[tuple[int, str]]]:
    """Deal records out to processes, several rounds where there are very many.

    Examples
    --------
    >>> _parts([(0, "a"), (1, "b"), (2, "c")], 2)
    [[(0, 'a'), (2, 'c')], [(1, 'b')]]
    """
    n_parts = min(n_jobs, len(numbered))
    if n_parts > 1:
        n_parts = max(n_parts, -(-len(numbered) // BATCH_RECORDS))
    return [numbered[i::n_parts] for i in range(n_parts)]


def _score_part(
    part: list[tuple[int, str]], out: Path, options: ScoreOptions, advance: Advance
) -> Iterator[tuple[int, Outcome]]:
    """Score and write some records; yield each outcome with the number of its path."""
    number = {record_name(path): i for i, path in part}
    for outcome in score_paths([path for _, path in part], options, advance):
        if isinstance(outcome, Refusal):
            numerics = score_numerics(outcome.record, out, options.models.forecast)
            yield number[record_name(outcome.record)], numerics or outcome
        else:
            yield number[outcome.name], outcome.summary(write_score(outcome, out))


def _score_in_processes(
    parts: list[list[tuple[int, str]]],
    out: Path,
    options: ScoreOptions,
    n_jobs: int,
    advance: Advance,
) -> dict[int, Outcome]:
    """Score the parts in processes of their own."""
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    found: dict[int, Outcome] = {}
    with (
        _one_thread_each(),
        ProcessPoolExecutor(n_jobs, context, initializer=_adopt, initargs=(told,)) as pool,
    ):
        waiting = {pool.submit(_job, part, out, options) for part in parts}
        while waiting:
            done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
            _pass_on(told, advance)
            for each in done:
                _take(each, found, waiting)
    return found


def _take(
    done: Future[dict[int, Outcome]],
    found: dict[int, Outcome],
    waiting: set[Future[dict[int, Outcome]]],
) -> None:
    """Keep what a process found; where it failed, let no further part begin."""
    try:
        found.update(done.result())
    except BaseException:
        for each in waiting:
            each.cancel()
        raise


def _pass_on(told: Any, advance: Advance) -> None:
    """Pass on how far the processes have come."""
    while True:
        try:
            advance(told.get_nowait())
        except queue.Empty:
            return


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


def _job(part: list[tuple[int, str]], out: Path, options: ScoreOptions) -> dict[int, Outcome]:
    """Do one part in a process of the pool."""
    return dict(_score_part(part, out, options, _told.put))
