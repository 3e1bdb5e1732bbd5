"""Who is learned from and who judges, where one database is the source and another the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.ticks import S, V
from ingest.errors import InputError
from training.datasets import LabelledSignal, all_records, load
from training.splits import DS1

FS = 125
"""Sampling frequency of the beat model, Hz."""


@dataclass(frozen=True, slots=True)
class Direction:
    """A source and a target."""

    source: str
    """Database whose patients are all learned from first."""
    target: str
    """Database whose patients judge."""


DIRECTIONS: tuple[Direction, ...] = (Direction("mitdb", "svdb"), Direction("svdb", "mitdb"))
"""Of mitdb it is DS1 alone, as source and as target."""
TITLES = {"mitdb": "mitdb DS1", "svdb": "svdb"}
"""Databases as they are told of."""


@dataclass(frozen=True, slots=True)
class Half:
    """Half of the target's patients judge; some of the others may be learned from."""

    number: int
    """Its number, 0 or 1."""
    judged: tuple[str, ...]
    """Patients that judge."""
    others: tuple[str, ...]
    """The others, in the order drawn: the first k are the few patients of an arm."""

    def few(self, k: int) -> tuple[str, ...]:
        """Give the first ``k`` of the others.

        Raises
        ------
        ingest.errors.InputError
            If there are not so many, or none is asked for.
        """
        if not 1 <= k <= len(self.others):
            raise InputError(f"few patients must be 1 to {len(self.others)}, not {k}")
        return self.others[:k]


def halves_of(patients: Sequence[str], seed: int) -> tuple[Half, Half]:
    """Deal patients into two halves in the order of their names; draw an order of each's others.

    Parameters
    ----------
    patients : sequence of str
        All of the target.
    seed : int
        Of the order, which alone depends on it.

    Raises
    ------
    ingest.errors.InputError
        If there are fewer than two.

    Examples
    --------
    >>> a, b = halves_of(["x/1", "x/2", "x/3", "x/4"], 0)
    >>> a.judged, sorted(a.others), b.judged
    (('x/1', 'x/3'), ['x/2', 'x/4'], ('x/2', 'x/4'))
    """
    named = sorted(set(patients))
    if len(named) < 2:
        raise InputError(f"a target needs 2 patients or more, not {len(named)}")
    made = []
    for number in (0, 1):
        others = named[1 - number :: 2]
        order = np.random.default_rng([seed, number]).permutation(len(others))
        made.append(Half(number, tuple(named[number::2]), tuple(others[i] for i in order)))
    return made[0], made[1]


def read_database(data: Path, name: str, most: int | None = None) -> list[LabelledSignal]:
    """Read and condition both leads of a database; of mitdb DS1 and nothing else.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    name : str
        ``mitdb``, ``svdb`` or another with annotations ``atr``.
    most : int, optional
        Records, the first of all.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read.
    """
    records = DS1 if name == "mitdb" else all_records(data / name, "atr")
    return load(data / name, records[:most], fs=FS, leads=(0, 1))


def of_patients(signals: Sequence[LabelledSignal], patients: Sequence[str]) -> list[LabelledSignal]:
    """Choose the signals of some patients."""
    chosen = set(patients)
    return [signal for signal in signals if signal.patient in chosen]


def rare_beats(signals: Sequence[LabelledSignal]) -> dict[str, int]:
    """Count the V and S beats that signals teach, each record once."""
    first = [signal.aami for signal in signals if signal.first]
    return {name: sum(int((a == code).sum()) for a in first) for name, code in _RARE.items()}


_RARE = {"V": V, "S": S}
