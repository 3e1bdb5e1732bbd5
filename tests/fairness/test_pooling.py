"""Pooled figures: small groups move towards the others, certain ones stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairness.confidence import Confidence, Z, nothing
from fairness.intervals import share_over_patients
from fairness.pooling import pool


def group(value: float, error: float) -> Confidence:
    return Confidence(value, value + error * Z)


GROUPS = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 0.5)), min_size=2, max_size=8)


@given(GROUPS)
@settings(max_examples=50)
def test_pooled_figures_lie_between_the_extremes_and_hold_their_value(groups) -> None:
    drawn = pool([group(*one) for one in groups], "identity", 0.95)
    values = [value for value, _ in groups]
    for one in drawn:
        assert min(values) - 1e-6 <= one.value <= max(values) + 1e-6
        assert one.low < one.value < one.high


def test_the_less_is_known_of_a_group_the_more_it_moves() -> None:
    others = [group(0.9, 0.01), group(0.88, 0.01), group(0.91, 0.01)]
    moved = [
        pool([*others, group(0.6, error)], "identity", 0.95)[3].value
        for error in (0.01, 0.05, 0.2, 1.0)
    ]
    assert moved == sorted(moved)
    assert moved[0] < 0.65
    assert moved[-1] > 0.8


def test_pooling_lessens_the_error_over_many_groups() -> None:
    rng = np.random.default_rng(0)
    raw, drawn, held = [], [], []
    for _ in range(60):
        truth = rng.normal(0.8, 0.04, 8)
        error = rng.uniform(0.02, 0.12, 8)
        seen = rng.normal(truth, error)
        pooled = pool([group(*one) for one in zip(seen, error, strict=True)], "identity", 0.95)
        raw.append(np.mean((seen - truth) ** 2))
        drawn.append(np.mean([(one.value - t) ** 2 for one, t in zip(pooled, truth, strict=True)]))
        held += [one.low <= t <= one.high for one, t in zip(pooled, truth, strict=True)]
    assert np.mean(drawn) < 0.5 * np.mean(raw)
    assert 0.92 < np.mean(held) < 0.99


def test_shares_are_pooled_within_0_and_1_and_empty_groups_stay_empty() -> None:
    full = share_over_patients(np.full(3, 20.0), np.full(3, 20.0))
    half = share_over_patients(np.full(30, 10.0), np.full(30, 20.0))
    drawn = pool([full, half, nothing()], "logit", 0.95)
    assert 0.5 < drawn[0].value < 1
    assert 0 < drawn[0].low < drawn[0].high < 1
    assert np.isnan(drawn[2].value)


def test_a_single_group_is_left_alone() -> None:
    one = group(0.7, 0.1)
    assert pool([one, nothing()], "identity", 0.9)[0] == one.estimate(0.9)


def test_the_order_of_groups_does_not_matter() -> None:
    groups = [group(0.9, 0.02), group(0.7, 0.1), group(0.85, 0.05)]
    there, back = pool(groups, "identity", 0.95), pool(groups[::-1], "identity", 0.95)
    for one, other in zip(there, back[::-1], strict=True):
        assert (one.value, one.low) == pytest.approx((other.value, other.low))
