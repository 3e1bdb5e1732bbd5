"""Beats are scored in the order in which they came, not in one that tells their class."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from ingest.errors import InputError

BLOCK_BEATS = 5
"""Beats of one class that make a block; fewer may stand together by chance."""
MANY_RECORDS = 3
"""Records that are all in two blocks before this is no chance: one may well end in a run of V."""


def require_time_order(name: str, time: ArrayLike) -> None:
    """Refuse a sequence of beats that is not in time order.

    Parameters
    ----------
    name : str
        Record, for the message.
    time : array of shape (n_beats,)
        When each beat was, in any unit.

    Raises
    ------
    ingest.errors.InputError
        If a beat does not come after the one before it.

    Examples
    --------
    >>> require_time_order("a", [80, 900, 1700])
    """
    back = np.flatnonzero(np.diff(np.asarray(time)) <= 0)
    if back.size:
        raise InputError(
            f"record {name}: beats are not in time order (beat {int(back[0]) + 1}): a sequence "
            "in any other order, such as grouped by label, tells a recurrent model the answer"
        )


def require_not_grouped(labels: Iterable[tuple[str, ArrayLike]]) -> None:
    """Refuse sequences whose beats stand in one block a class.

    Times can be made up; blocks cannot come about by themselves. A record is grouped where
    three classes or more, or in `MANY_RECORDS` records two, have `BLOCK_BEATS` beats or more
    each and none of them is ever left and come back to.

    Parameters
    ----------
    labels : iterable of (record, array of shape (n_beats,))
        Class of each beat, in the order of the sequence.

    Raises
    ------
    ingest.errors.InputError
        Naming the records.

    Examples
    --------
    >>> require_not_grouped([("a", list("NNNNNNVNNNSNNN"))])
    >>> require_not_grouped([("a", list("NNNNNNSSSSSVVVVVV"))])
    Traceback (most recent call last):
    ingest.errors.InputError: beats are grouped by label in a: sequences must be in time order
    """
    grouped: list[tuple[str, int]] = []
    mixed = 0
    for name, of_record in labels:
        beats = np.asarray(of_record)
        classes, counts = np.unique(beats, return_counts=True)
        if len(classes) < 2 or counts.min() < BLOCK_BEATS:
            continue
        if 1 + np.count_nonzero(beats[1:] != beats[:-1]) == len(classes):
            grouped.append((name, len(classes)))
        else:
            mixed += 1
    certain = [name for name, n in grouped if n > 2]
    if certain or (len(grouped) >= MANY_RECORDS and not mixed):
        names = ", ".join(certain or [name for name, _ in grouped])
        raise InputError(f"beats are grouped by label in {names}: sequences must be in time order")
