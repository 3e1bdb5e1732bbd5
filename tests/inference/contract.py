"""What every streaming stage must keep to, as checks to run over each of them.

A stage is described by a :class:`StageCase`; its inputs are one tree a tick
(arrays, or tuples, lists and dataclasses of arrays) whose arrays all have one
row a stream, and its adapter turns what a step gives into one comparable value
a row. :func:`check_all` runs the whole contract.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.stage import Stage


@dataclass(frozen=True)
class StageCase:
    """A stage and what to feed it."""

    make: Callable[[int], Stage]
    """Build a fresh stage with room for so many slots."""
    step: Callable[[Any, np.ndarray, Any], Sequence[Any]]
    """Run one tick: (stage, slots, inputs) to one value a row, compared with ``==``."""
    ticks: Sequence[Any]
    """Inputs of each tick."""
    n_rows: int
    """Streams in the inputs."""


def map_arrays(tree: Any, f: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Apply ``f`` to every array of a tree."""
    if isinstance(tree, np.ndarray):
        return f(tree)
    if dataclasses.is_dataclass(tree):
        values = {k.name: map_arrays(getattr(tree, k.name), f) for k in dataclasses.fields(tree)}
        return type(tree)(**values)
    if isinstance(tree, (tuple, list)):
        return type(tree)(map_arrays(branch, f) for branch in tree)
    return tree


def arrays(tree: Any) -> Iterator[np.ndarray]:
    """Every array of a tree."""
    found: list[np.ndarray] = []
    map_arrays(tree, lambda array: found.append(array) or array)
    return iter(found)


def row_bytes(tree: Any, n_rows: int) -> list[bytes]:
    """One comparable value a row, NaN equal to itself: for stages that give row-parallel arrays."""

    def of_row(array: np.ndarray, row: int) -> bytes:
        return repr(array[row]).encode() if array.dtype == object else array[row].tobytes()

    return [b"".join(of_row(array, row) for array in arrays(tree)) for row in range(n_rows)]


def run(
    case: StageCase,
    stage: Stage,
    rows: np.ndarray,
    slots: np.ndarray,
    ticks: slice = slice(None),
) -> list[list[Any]]:
    """Feed some rows through some slots; give what each row gave, tick by tick."""
    given: list[list[Any]] = [[] for _ in rows]
    for inputs in case.ticks[ticks]:
        taken = map_arrays(inputs, lambda array: array[rows])
        for row, value in enumerate(case.step(stage, slots, taken)):
            given[row].append(value)
    return given


def together(case: StageCase) -> list[list[Any]]:
    """What all rows give in one batch, undisturbed: what all else is compared with."""
    every = np.arange(case.n_rows)
    return run(case, case.make(case.n_rows), every, every)


def check_any_grouping_gives_the_same(case: StageCase, rng: np.random.Generator) -> None:
    """Each row alone, and rows in random groups and slots that change from tick to tick."""
    expected = together(case)
    for row in range(case.n_rows):
        alone = run(case, case.make(1), np.array([row]), np.array([0]))
        assert alone[0] == expected[row], f"row {row} alone"

    stage = case.make(case.n_rows + 3)
    slot_of = rng.permutation(case.n_rows + 3)[: case.n_rows]
    given: list[list[Any]] = [[] for _ in range(case.n_rows)]
    for tick in range(len(case.ticks)):
        order = rng.permutation(case.n_rows)
        for group in np.array_split(order, rng.integers(1, case.n_rows + 1)):
            if len(group):
                values = run(case, stage, group, slot_of[group], slice(tick, tick + 1))
                for row, value in zip(group, values, strict=True):
                    given[row] += value
    assert given == expected


def check_restored_equals_uninterrupted(case: StageCase, rng: np.random.Generator) -> None:
    """Cut anywhere, carry the snapshot to other slots of another stage, and go on."""
    expected = together(case)
    cut = int(rng.integers(0, len(case.ticks) + 1))
    every = np.arange(case.n_rows)
    first = case.make(case.n_rows)
    before = run(case, first, every, every, slice(0, cut))
    saved = first.snapshot(every)
    kept = {name: rows.copy() for name, rows in saved.items()}
    run(case, first, every, every, slice(cut, None))
    for name, rows in saved.items():
        np.testing.assert_array_equal(rows, kept[name], err_msg=f"snapshot of {name} moved on")

    second = case.make(0)
    second.resize(case.n_rows + 2)
    slots = rng.permutation(case.n_rows + 2)[: case.n_rows]
    second.restore(slots, saved)
    second.resize(case.n_rows + 5)
    after = run(case, second, every, slots, slice(cut, None))
    assert [a + b for a, b in zip(before, after, strict=True)] == expected


def check_reset_makes_fresh(case: StageCase) -> None:
    """After a reset everything happens again."""
    every = np.arange(case.n_rows)
    stage = case.make(case.n_rows)
    expected = run(case, stage, every, every)
    stage.reset(every)
    assert run(case, stage, every, every) == expected


def check_inputs_are_not_mutated(case: StageCase) -> None:
    """Steps work on read-only inputs, and leave them as they were."""
    stage, every = case.make(case.n_rows), np.arange(case.n_rows)
    every.flags.writeable = False
    for inputs in case.ticks:
        frozen = map_arrays(inputs, np.copy)
        for array in arrays(frozen):
            array.flags.writeable = False
        case.step(stage, every, frozen)
        assert row_bytes(frozen, case.n_rows) == row_bytes(inputs, case.n_rows)


def check_other_slots_are_untouched(case: StageCase) -> None:
    """Half of the rows go on while the other half's slots rest."""
    stage, every = case.make(case.n_rows), np.arange(case.n_rows)
    half = len(case.ticks) // 2
    run(case, stage, every, every, slice(0, half))
    resting, going = every[::2], every[1::2]
    before = stage.snapshot(resting)
    if len(going):
        run(case, stage, going, going, slice(half, None))
    for name, rows in stage.snapshot(resting).items():
        np.testing.assert_array_equal(rows, before[name], err_msg=name)


def check_all(case: StageCase, seed: int = 0) -> None:
    """Run the whole contract."""
    rng = np.random.default_rng(seed)
    check_any_grouping_gives_the_same(case, rng)
    check_restored_equals_uninterrupted(case, rng)
    check_reset_makes_fresh(case)
    check_inputs_are_not_mutated(case)
    check_other_slots_are_untouched(case)
