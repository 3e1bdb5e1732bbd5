"""A limit that follows a stream's own scores holds the share asked for, whatever the scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.adaptive_limit import STEP, bound, moved, require_share
from inference.forecast import WARM_UP_S, ForecastStage
from inference.model import builtin
from inference.session import StreamSession
from ingest.errors import InputError


@given(
    st.lists(st.floats(0, 4), min_size=1, max_size=300),
    st.floats(0.001, 0.5),
    st.floats(0, 4),
)
def test_no_scores_can_make_it_miss_by_more_than_the_bound(
    scores: list[float], share: float, start: float
) -> None:
    limit, hits = np.array([start]), 0
    for score in scores:
        reached = np.array([score >= limit[0]])
        hits += int(reached[0])
        limit = moved(limit, reached, share)
        assert -STEP <= limit[0] <= 4 + STEP

    got = hits / len(scores)
    assert abs(got - share) <= bound(0.0, 4.0, start, share, len(scores)) + 1e-9
    assert got - share == pytest.approx((limit[0] - start) / (STEP * len(scores)), abs=1e-9)


@pytest.mark.parametrize("share", [0.0, -0.1, 0.6, float("nan")])
def test_a_share_that_cannot_be_asked_for_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"allowed: above 0, at most 0\.5"):
        require_share(share)


def stage(**options: float) -> ForecastStage:
    return ForecastStage(StreamSession(builtin("forecast"), "forecast"), n_slots=2, **options)


def test_a_streams_limit_is_its_own_and_still_while_it_warms_up() -> None:
    made = stage(share=0.05)
    start = made.limit
    slots = np.arange(2)
    rng = np.random.default_rng(0)
    reached, n = np.zeros(2), 400
    for step in range(WARM_UP_S + n):
        calm, wild = 80 + step % 2, 80 + 40 * rng.normal()
        values = np.array([[calm, calm, 15, 97], [wild, wild, 15, 97]], np.float32)
        before = made.state["limit"][slots].copy()
        score = made.step(slots, values).score
        if step < WARM_UP_S:
            assert (made.state["limit"][slots] == start).all()
        else:
            reached += score >= before.astype(np.float32)

    limits = made.state["limit"][slots]
    assert limits[1] != limits[0]
    top = float(made.calibration.rarity[-1])
    assert (np.abs(reached / n - 0.05) <= bound(0.0, max(top, start), start, 0.05, n) + 1e-6).all()


def test_without_a_share_the_limit_stands() -> None:
    made = stage()
    assert "limit" not in made.state.fields
