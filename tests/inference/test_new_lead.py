"""A beat on the pace from before a change of lead is the usual one, however it looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.conditions import Code
from inference.episodes import Episodes
from inference.limits import Limits
from inference.new_lead import LEARNED, NewLead, pace_ms
from inference.slots import SlotArrays
from inference.ticks import BlockBeats, N, S, V

PACE_MS = 800
SLOT = np.array([3])


def past(rr_ms: int = PACE_MS, n_beats: int = 12, *is_open: Code) -> SlotArrays:
    """Make what episodes remember of beats at a pace."""
    state = Episodes(Limits(), 680, 4).state
    state["newest"][SLOT] = n_beats - 1
    state["beat_r_ms"][SLOT, :n_beats] = np.arange(n_beats) * rr_ms
    state["open"][SLOT, list(is_open)] = True
    return state


def beats(aami: Any, rr_ms: Any = PACE_MS) -> BlockBeats:
    """Make the beats of one stream; the first has no interval before it."""
    codes = np.array(aami, np.int8)
    rr = np.full(len(codes), rr_ms, np.int64) if np.isscalar(rr_ms) else np.array(rr_ms)
    rr[0] = 0
    ticks, row = np.arange(len(codes)) * 4, np.zeros(len(codes), np.intp)
    return BlockBeats(row, ticks, np.cumsum(rr), rr, codes, np.full(len(codes), 0.9, np.float32))


def changed(state: SlotArrays) -> NewLead:
    """Make a stage whose one stream has just come to another lead."""
    stage = NewLead(4)
    stage.change(SLOT, state)
    return stage


def test_a_visit_of_wide_beats_on_pace_is_no_run():
    given_beats = beats([V] * 40)

    told = changed(past()).judge(SLOT, given_beats)

    assert set(told.aami.tolist()) == {N}
    assert told.confidence == pytest.approx(0.1)
    assert set(given_beats.aami.tolist()) == {V}


def test_early_beats_and_fast_runs_stay_ventricular():
    premature = changed(past()).judge(SLOT, beats([N, V, N, V], [0, 500, 1100, 800]))
    run = changed(past()).judge(SLOT, beats([V] * 6, 400))
    fast_before = changed(past(420)).judge(SLOT, beats([V] * 6, 390))

    assert premature.aami.tolist() == [N, V, N, N]
    assert run.aami.tolist() == [N, V, V, V, V, V]
    assert fast_before.aami.tolist() == [N, V, V, V, V, V]


def test_it_ends_once_the_model_has_called_a_few_beats_normal():
    stage = changed(past())

    first = stage.judge(SLOT, beats([V, *[N] * (LEARNED - 1), V]))
    second = stage.judge(SLOT, beats([N, V, V, V]))

    assert V not in first.aami
    assert second.aami.tolist() == [N, V, V, V]


@pytest.mark.parametrize(
    "code", [Code.V_RUN, Code.VENTRICULAR_TACHYCARDIA, Code.VENTRICULAR_FIBRILLATION]
)
def test_a_run_that_was_on_at_the_change_goes_on(code):
    found = beats([V] * 5)

    assert changed(past(PACE_MS, 12, code)).judge(SLOT, found) is found


def test_nothing_is_changed_where_no_lead_is_new():
    found = beats([V] * 5)
    stage = changed(past())

    assert stage.judge(np.array([1]), found) is found
    stage.reset(SLOT)
    assert stage.judge(SLOT, found) is found


@pytest.mark.parametrize(
    ("rr_ms", "n_beats", "pace"), [(800, 12, 800), (300, 12, 500), (800, 2, 750), (800, 0, 750)]
)
def test_the_pace_is_the_median_of_what_is_known(rr_ms, n_beats, pace):
    assert pace_ms(past(rr_ms, n_beats), int(SLOT[0])) == pace


@given(
    codes=st.lists(st.sampled_from([N, S, V]), min_size=2, max_size=30),
    gaps=st.lists(st.integers(300, 1600), min_size=30, max_size=30),
    cut=st.integers(1, 29),
)
def test_any_cut_gives_the_same_and_only_beats_on_pace_change(codes, gaps, cut):
    found = beats(codes, gaps[: len(codes)])
    whole = changed(past()).judge(SLOT, found)
    stage = changed(past())
    parts = [
        stage.judge(SLOT, BlockBeats(*(getattr(found, name)[at] for name in found.__slots__)))
        for at in (slice(0, cut), slice(cut, None))
    ]

    assert np.concatenate([part.aami for part in parts]).tolist() == whole.aami.tolist()
    moved = whole.aami != found.aami
    assert (found.aami[moved] == V).all()
    assert ((found.rr_ms[moved] == 0) | (found.rr_ms[moved] >= 0.8 * PACE_MS)).all()
