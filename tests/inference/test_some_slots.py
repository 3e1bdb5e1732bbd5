"""A stage that only some streams need: places come and go, and snapshots hold who has one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.slots import Field
from inference.some_slots import LEAST_PLACES, SomeSlots, kinds_of_seats
from inference.stage import Stage


def made(n_slots: int = 64) -> tuple[SomeSlots, Stage]:
    inner = Stage({"n": Field(dtype=np.int64, initial=-1), "two": Field((2,))})
    some = SomeSlots(inner)
    some.resize(n_slots)
    return some, inner


def put(some: SomeSlots, inner: Stage, slot: int, value: int) -> None:
    place = some.seat(slot)
    inner.state["n"][place] = value


@given(st.lists(st.tuples(st.integers(0, 63), st.booleans()), max_size=120))
def test_every_seated_slot_has_a_place_of_its_own_and_a_fresh_one(steps):
    some, inner = made()
    kept: dict[int, int] = {}
    for k, (slot, comes) in enumerate(steps):
        if comes and slot not in kept:
            place = some.seat(slot)
            assert inner.state["n"][place] == -1
            inner.state["n"][place] = k
            kept[slot] = k
        elif not comes:
            some.reset(np.array([slot]))
            kept.pop(slot, None)

    places = some.places(np.arange(64))
    assert {s: int(inner.state["n"][places[s]]) for s in np.flatnonzero(places >= 0)} == kept
    assert len(some) == len(kept)


def test_there_are_as_many_places_as_are_needed():
    some, inner = made(200)
    for slot in range(3 * LEAST_PLACES):
        put(some, inner, slot, slot)

    assert inner.state["n"][some.places(np.arange(3 * LEAST_PLACES))].tolist() == list(
        range(3 * LEAST_PLACES)
    )


def test_streams_move_to_other_slots_and_places():
    some, inner = made()
    put(some, inner, 5, 50)
    put(some, inner, 9, 90)
    saved = some.snapshot(np.array([5, 7, 9]))
    other, other_inner = made()
    put(other, other_inner, 2, 20)
    other.restore(np.array([10, 11, 12]), saved)
    places = other.places(np.array([10, 11, 12]))

    assert places[1] == -1
    assert other_inner.state["n"][places[[0, 2]]].tolist() == [50, 90]
    assert other_inner.state["n"][other.places(np.array([2]))].tolist() == [20]


def test_streams_without_a_place_leave_nothing_in_a_snapshot():
    some, inner = made()
    put(some, inner, 5, 50)

    assert some.snapshot(np.array([1, 2])) == {}
    whole = {f"p.{name}": rows for name, rows in some.snapshot(np.array([1, 5])).items()}
    kinds = {
        tuple(rows.tolist()): names
        for rows, names in kinds_of_seats({**whole, "q.n": np.zeros(2)}, 2)
    }
    assert kinds == {(0,): ["q.n"], (1,): [*whole, "q.n"]}


def test_a_snapshot_that_does_not_say_who_is_seated_is_refused():
    some, _ = made()
    with pytest.raises(ValueError, match="seated"):
        some.restore(np.array([0]), {"n": np.zeros(1, np.int64)})
