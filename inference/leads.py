"""Several leads of one stream: which is heard, and what is seen of each.

A lead that a stream does not have is one whose samples are all missing, so
there is one way through for a lead that is not there, is off, or comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.quality import QualityTicks

_Kind = TypeVar("_Kind", bound=np.generic)


def first_heard(heard: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Choose the lead to go by: the first that is heard, and the first where none is.

    Parameters
    ----------
    heard : array of shape (n_rows, n_leads, ...)
        There is a signal.

    Returns
    -------
    array of shape (n_rows, ...)

    Examples
    --------
    >>> first_heard(np.array([[True, True], [False, True], [False, False]])).tolist()
    [0, 1, 0]
    """
    first: NDArray[np.intp] = heard.argmax(axis=1)
    return first


def of_leads(arrays: Sequence[NDArray[_Kind]]) -> NDArray[_Kind]:
    """Put one array a lead, each of shape (n_rows, ...), into one of (n_rows, n_leads, ...)."""
    return arrays[0][:, None] if len(arrays) == 1 else np.stack(arrays, axis=1)


def quality_of(parts: Sequence[QualityTicks], lead: NDArray[np.intp]) -> QualityTicks:
    """Take the quality of the lead that is gone by.

    Parameters
    ----------
    parts : sequence of QualityTicks
        One a lead, over the same ticks of the same streams.
    lead : array of shape (n_rows, n_ticks)
        The lead of each tick.
    """
    if len(parts) == 1:
        return parts[0]
    chosen = []
    for field in fields(QualityTicks):
        leads = np.stack([getattr(part, field.name) for part in parts])
        chosen.append(np.take_along_axis(leads, lead[None], axis=0)[0])
    return QualityTicks(*chosen)


def seen_whole(
    heard: NDArray[np.bool_], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which leads are heard through the whole of a beat.

    Parameters
    ----------
    heard : array of shape (n_beats, n_leads, n_ticks)
        There is a signal.
    first, last : arrays of shape (n_beats,)
        Ticks in which each beat begins and ends.

    Returns
    -------
    array of shape (n_beats, n_leads)
        At least one of each beat: where none is heard throughout, the one heard longest, the
        first of equals.

    Examples
    --------
    >>> heard = np.array([[[True, True, False], [False, True, True]]])
    >>> seen_whole(heard, np.array([1]), np.array([2])).tolist()
    [[False, True]]
    >>> seen_whole(heard, np.array([0]), np.array([2])).tolist()
    [[True, False]]
    """
    tick = np.arange(heard.shape[2])
    own = (tick >= first[:, None]) & (tick <= last[:, None])
    n_heard = (heard & own[:, None]).sum(axis=2)
    whole: NDArray[np.bool_] = n_heard == own.sum(axis=1)[:, None]
    none = np.flatnonzero(~whole.any(axis=1))
    whole[none, n_heard[none].argmax(axis=1)] = True
    return whole
