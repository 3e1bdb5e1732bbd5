"""Axes: what is asked of any two ends."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fairness.report.axis import Axis, span

ENDS = st.tuples(st.floats(-1e3, 1e3, allow_nan=False), st.floats(1e-4, 1e3, allow_nan=False)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)
FIGURES = st.lists(st.floats(0, 1) | st.just(math.nan) | st.just(math.inf), max_size=8)


@given(ENDS, st.integers(3, 8))
def test_ticks_are_round_even_within_and_neither_few_nor_many(
    ends: tuple[float, float], wanted: int
) -> None:
    ticks = Axis(*ends, 0, 100).ticks(wanted)
    steps = [b - a for a, b in pairwise(ticks)]
    slack = 1e-6 * (ends[1] - ends[0])
    assert wanted - 1 <= len(ticks) <= 3 * wanted
    assert all(ends[0] - slack <= tick <= ends[1] + slack for tick in ticks)
    assert max(steps) - min(steps) <= slack


@given(ENDS, st.floats(0, 1), st.floats(0, 1))
def test_places_keep_the_order_of_figures_and_stay_on_the_axis(
    ends: tuple[float, float], first: float, second: float
) -> None:
    axis = Axis(*ends, 10, 110)
    low, high = (ends[0] + share * (ends[1] - ends[0]) for share in sorted((first, second)))
    assert 10 <= axis.at(low) <= axis.at(high) <= 110
    assert axis.at(ends[0] - 5) == 10
    assert axis.at(ends[1] + 5) == 110


@given(FIGURES)
def test_a_span_holds_every_figure_and_is_never_empty(figures: list[float]) -> None:
    low, high = span(figures, least=0.02, floor=0.0, ceiling=1.0)
    assert 0 <= low < high <= 1
    assert high - low >= 0.02 - 1e-9
    assert all(low <= figure <= high for figure in figures if math.isfinite(figure))
