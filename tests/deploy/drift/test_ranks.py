"""Bets on ranks: fair wherever patients are exchangeable, whatever their figures' law."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from deploy.drift.ranks import LabelRanks, NumberRanks, RankTest


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_ranks_of_numbers_are_uniform_on_average_over_all_orders(values: list[int]) -> None:
    grid = np.linspace(0.05, 0.95, 10)
    drawn = []
    for order in itertools.permutations(values):
        for chance in grid:
            ranks = NumberRanks(sorted(map(float, order[:-1])))
            drawn.append(ranks.rank(float(order[-1]), float(chance)))
    assert np.mean(drawn) == pytest.approx(0.5)
    assert np.mean(np.array(drawn) <= 0.5) == pytest.approx(0.5, abs=0.06)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_ranks_of_words_are_uniform_on_average_over_all_orders(words: list[str]) -> None:
    drawn = []
    for order in itertools.permutations(words):
        for chance in np.linspace(0.05, 0.95, 10):
            ranks = LabelRanks()
            for word in order[:-1]:
                ranks.counts[word] += 1
            drawn.append(ranks.rank(order[-1], float(chance)))
    assert np.mean(drawn) == pytest.approx(0.5)


def test_ranks_of_a_long_run_are_uniform_and_do_not_remember() -> None:
    rng = np.random.default_rng(5)
    ranks = NumberRanks()
    drawn = np.array([ranks.rank(float(x), rng.random()) for x in rng.gamma(0.5, size=4000)])
    assert kstest(drawn, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("shift", "spread", "direction"), [(2.0, 1.0, "up"), (-2.0, 1.0, "down"), (0.0, 6.0, "spread")]
)
def test_a_change_is_found_and_its_direction_told(
    shift: float, spread: float, direction: str
) -> None:
    rng = np.random.default_rng(2)
    test = RankTest(False, 100)
    for x in rng.normal(size=200):
        test.add(float(x), rng.random())
    assert test.value < 100
    for x in rng.normal(shift, spread, size=60):
        test.add(float(x), rng.random())
    assert test.value > 1e4
    assert test.strongest == direction


def test_words_that_were_rare_are_found_to_come_more_often() -> None:
    rng = np.random.default_rng(2)
    test = RankTest(True, 100)
    for _ in range(150):
        test.add("II" if rng.random() < 0.9 else "V1", rng.random())
    quiet = test.value
    for _ in range(60):
        test.add("V1", rng.random())
    assert quiet < 100
    assert test.value > 1e4
    assert test.strongest == "rarer"


def test_nothing_is_bet_before_the_reference_is_whole() -> None:
    test = RankTest(False, 50)
    for i in range(49):
        test.add(float(i), 0.5)
    assert (test.is_watched, test.value) == (False, 1.0)
