"""Evidence grows where the mean is above the bound, and hardly ever where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairness.live.evidence import EPOCH, Evidence


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 0.9), st.integers(1, 4), st.integers(0, 2**20))
def test_a_draw_at_the_bound_on_average_leaves_the_expected_wealth_as_it_is(
    bound: float, steps: int, seed: int
) -> None:
    """Of draws that are 0 or 1, every path's wealth, weighted by its chance, adds up to 1."""
    rng = np.random.default_rng(seed)
    before = rng.random(EPOCH - 2).tolist()  # a history that crosses into a new epoch

    def expected(path: list[float], left: int) -> float:
        if left == 0:
            evidence = Evidence(bound)
            for draw in [*before, *path]:
                evidence.add(draw)
            return evidence.value
        return bound * expected([*path, 1.0], left - 1) + (1 - bound) * expected(
            [*path, 0.0], left - 1
        )

    assert expected([], steps) == pytest.approx(expected([], 0), rel=1e-9)


@given(st.lists(st.floats(0, 1), max_size=60))
def test_nothing_ruins_the_gambler(draws: list[float]) -> None:
    evidence = Evidence(0.55)
    for draw in draws:
        evidence.add(draw)
    assert evidence.value > 0
    assert evidence.n == len(draws)


def test_peeking_for_ever_hardly_ever_finds_what_is_not_there() -> None:
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(300):
        evidence = Evidence(0.5)
        draws = rng.beta(0.5, 0.5, 300)
        found += any(evidence.add(draw) or evidence.value >= 20 for draw in draws.tolist())
    assert found / 300 <= 0.05


def test_what_drifts_late_is_found_nearly_as_soon() -> None:
    rng = np.random.default_rng(3)

    def delay(fair: int) -> int:
        evidence = Evidence(0.55)
        for draw in rng.beta(2, 2, fair).tolist():
            evidence.add(draw)
        for n in range(1, 2000):
            evidence.add(float(rng.beta(3.2, 0.8)))
            if evidence.value >= 100:
                return n
        return 2000

    early = np.median([delay(0) for _ in range(25)])
    late = np.median([delay(400) for _ in range(25)])
    assert late < 4 * early + EPOCH


@pytest.mark.parametrize("bound", [0, 1, -1, float("nan")])
def test_a_bound_outside_is_refused(bound: float) -> None:
    with pytest.raises(ValueError, match="bound must be between 0 and 1"):
        Evidence(bound)


@pytest.mark.parametrize("draw", [-0.1, 1.1, float("nan")])
def test_a_draw_outside_is_refused(draw: float) -> None:
    with pytest.raises(ValueError, match="a draw must be 0 to 1"):
        Evidence(0.5).add(draw)
