"""Outages: what is conserved, what grows with what, and a hand-worked case."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deploy.capacity.outage import Outage, _fair, play


def slow_fair(
    wanted: NDArray[np.float64], owner: NDArray[np.intp], workers: int, each: float
) -> NDArray[np.float64]:
    """Deal a little at a time to all that still want."""
    given_out = np.zeros_like(wanted)
    for worker in range(workers):
        left = each
        mine = [i for i in range(len(wanted)) if owner[i] == worker]
        while mine and left > 1e-12:
            share = left / len(mine)
            for i in list(mine):
                take = min(share, wanted[i] - given_out[i])
                given_out[i] += take
                left -= take
                if wanted[i] - given_out[i] < 1e-12:
                    mine.remove(i)
    return given_out


@given(
    st.lists(st.tuples(st.floats(0, 10), st.integers(0, 2)), min_size=1, max_size=12),
    st.floats(0.1, 20),
)
def test_fair_shares_are_those_of_dealing_a_little_at_a_time(
    parts: list[tuple[float, int]], each: float
) -> None:
    wanted = np.array([want for want, _ in parts])
    owner = np.array([who for _, who in parts])
    np.testing.assert_allclose(
        _fair(wanted, owner, 3, each), slow_fair(wanted, owner, 3, each), atol=1e-6
    )


def test_nothing_lost_is_never_late() -> None:
    course = play(Outage(workers=10, partitions=40, utilisation=0.5, lost=0), length_s=30)
    assert course.settled_s == 0.0
    assert course.worst_s.max() < 1e-9


def test_who_takes_over_half_as_much_again_catches_up_in_the_time_that_arithmetic_says() -> None:
    # Two workers, one lost after no snapshot delay: the other at 0.4 + 0.4 of its core. It owes
    # 10 s of the lost one's signal (0.4 x 10 = 4 core-seconds) and has 0.2 of a core to spare.
    course = play(Outage(2, 2, 0.4, 1, notice_s=5, deal_s=5, snapshot_s=0.0), length_s=60)
    assert course.worst_s.max() == pytest.approx(10, abs=0.5)
    assert course.settled_s == pytest.approx(10 + (10 - 2) * 0.4 / 0.2, abs=1.0)


def test_more_load_and_rarer_snapshots_are_later() -> None:
    def settled(utilisation: float, snapshot_s: float) -> float:
        return play(Outage(30, 300, utilisation, 10, snapshot_s=snapshot_s)).settled_s

    assert settled(0.4, 60) < settled(0.5, 60) < settled(0.6, 60)
    assert settled(0.5, 10) < settled(0.5, 120)


def test_too_few_left_never_catch_up() -> None:
    assert play(Outage(3, 30, 0.8, 1), length_s=120).settled_s == float("inf")
