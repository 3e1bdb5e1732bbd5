"""Scoring in parts, here or in workers, and writing what they find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.cluster.executor import Executor, Part
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

Outcome = dict[str, object] | Refusal
"""The summary of a record that was scored and written, or why it was not."""


def score_to_folder(
    paths: Sequence[str],
    out: Path,
    options: ScoreOptions,
    advance: Advance,
    executor: Executor | None = None,
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
    advance : callable
        Is told how much was done, in records.
    executor : Executor, optional
        Who does the parts; None: this process.

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
    numbered = list(enumerate(paths))
    found: dict[int, Outcome] = {}
    if executor is None:
        found |= _score_part(numbered, out, options, advance)
    else:
        parts = [
            Part(_label(part), (part, out, options), len(part))
            for part in _parts(numbered, executor.n_parts)
        ]
        for _, outcomes in executor.run(score_part, parts, advance):
            found |= outcomes
    return [found[i] for i in range(len(paths))]


def _parts(numbered: list[tuple[int, str]], n_parts: int) -> list[list[tuple[int, str]]]:
    """Deal records out to so many parts, to more where there are very many.

    Examples
    --------
    >>> _parts([(0, "a"), (1, "b"), (2, "c")], 2)
    [[(0, 'a'), (2, 'c')], [(1, 'b')]]
    """
    n_parts = max(min(n_parts, len(numbered)), -(-len(numbered) // BATCH_RECORDS))
    return [numbered[i::n_parts] for i in range(n_parts)]


def _label(part: list[tuple[int, str]]) -> str:
    """Name a part by its first record.

    Examples
    --------
    >>> _label([(0, "mitdb/100"), (2, "mitdb/102")])
    '100 and 1 more'
    """
    more = f" and {len(part) - 1} more" if len(part) > 1 else ""
    return f"{record_name(part[0][1])}{more}"


def score_part(
    part: list[tuple[int, str]], out: Path, options: ScoreOptions, advance: Advance
) -> dict[int, Outcome]:
    """Score and write some records; return each outcome by the number of its path."""
    return dict(_score_part(part, out, options, advance))


def _score_part(
    part: list[tuple[int, str]], out: Path, options: ScoreOptions, advance: Advance
) -> Iterator[tuple[int, Outcome]]:
    """Score and write some records; yield each outcome with the number of its path."""
    number = {record_name(path): i for i, path in part}
    for outcome in score_paths([path for _, path in part], options, advance):
        if isinstance(outcome, Refusal):
            forecaster, share = options.models.forecast, options.anomaly_share
            numerics = score_numerics(outcome.record, out, forecaster, share)
            yield number[record_name(outcome.record)], numerics or outcome
        else:
            yield (
                number[outcome.name],
                outcome.summary(write_score(outcome, out, strips=options.strips)),
            )
