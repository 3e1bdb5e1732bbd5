"""Arrhythmia calling is suspended where most of half a minute cannot be read, and comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.conditions import LETHAL, SUSPENDED, Code
from inference.episodes import Episodes
from inference.limits import Limits
from inference.rhythm import Rhythm
from inference.rhythm_turns import RhythmTurns
from tests.inference.reference_episodes import ReferenceStream
from tests.inference.streams import (
    DELAY_MS,
    FLAT,
    GOOD,
    MISSING,
    NOISY,
    Script,
    edges_of,
    ticks_of,
    times_of,
)

NAME = "arrhythmia_suspended"


def beats_and_noise(n_s: int, rr_ms: int = 400, aami: str = "N") -> Script:
    """Fast beats throughout, of which the signal cannot be read from 10 s on."""
    return Script().rhythm(n_s * 1000 // rr_ms, rr_ms, aami).spoil(10_000, n_s * 1000, NOISY)


def test_twenty_unreadable_seconds_of_thirty_suspend():
    nineteen = Script().rhythm(60, 800).spoil(10_000, 29_000, NOISY)
    twenty = Script().rhythm(60, 800).spoil(10_000, 30_000, NOISY)

    assert times_of(edges_of(nineteen), NAME) == []
    (what, at_ms), *_ = times_of(edges_of(twenty), NAME)
    assert (what, at_ms) == ("onset", 29_600)


def test_ten_readable_seconds_in_a_row_resume_and_nine_do_not():
    long = Script().rhythm(100, 800).spoil(10_000, 40_000, NOISY)
    broken = Script().rhythm(100, 800).spoil(10_000, 40_000, NOISY).spoil(49_000, 50_000, NOISY)

    assert times_of(edges_of(long, tail_ms=9000), NAME)[1:] == [("end", 50_000)]
    assert times_of(edges_of(broken, tail_ms=9000), NAME)[1:] == [("end", 60_000)]


def test_rates_end_with_it_are_not_called_in_it_and_are_called_again_behind_it():
    script = Script().rhythm(250, 400).spoil(10_000, 60_000, NOISY)
    edges = edges_of(script, tail_ms=9000)
    (_, from_ms), (_, to_ms) = times_of(edges, NAME)
    onsets = [edge for edge in edges if edge[0] == "tachycardia" and edge[1] == "onset"]

    assert ("tachycardia", "end", from_ms, from_ms) in edges
    assert not [edge for edge in onsets if from_ms <= edge[3] <= to_ms]
    assert onsets[-1][3] > to_ms


def test_lethal_conditions_are_called_all_the_same():
    script = Script().rhythm(60, 400).spoil(2000, 44_000, NOISY)
    script.rhythm(12, 400, "V").beat(400)
    edges = edges_of(script, tail_ms=12_000)
    (_, from_ms), (_, to_ms) = times_of(edges, NAME)
    told = {name for name, what, _, at_ms in edges if what == "onset" and from_ms < at_ms < to_ms}

    assert "ventricular_tachycardia" in told
    assert "asystole" in told
    assert not told & {Code(code).name.lower() for code in SUSPENDED}
    assert not set(LETHAL) & set(SUSPENDED)


@pytest.mark.parametrize("limits", [Limits(), Limits(suspend_s=10, resume_s=3)])
def test_the_heart_rate_is_unknown_while_it_lasts(limits):
    script = beats_and_noise(45)
    episodes, slots = Episodes(limits, DELAY_MS, 1), np.array([0])
    known, suspended = [], []
    for now_ms, beats, quality in ticks_of([script], script.n_ticks(-1000)):
        episodes.step(slots, now_ms, beats, quality)
        known.append(not np.isnan(episodes.heart_rate_bpm(slots)[0]))
        suspended.append(bool(episodes.state["open"][0, Code.ARRHYTHMIA_SUSPENDED]))
        assert known[-1] or episodes.rhythm(slots)[0] == Rhythm.UNKNOWN
    from_tick = suspended.index(True)

    assert all(known[25:from_tick])
    assert not any(known[from_tick:])


def told_of_af(onset: bool, at_ms: int) -> RhythmTurns:
    one = np.zeros(1, np.intp)
    return RhythmTurns(
        one, one, np.array([Code.ATRIAL_FIBRILLATION], np.int8), np.array([onset]),
        np.array([at_ms]),
    )  # fmt: skip


@pytest.mark.parametrize("over", [True, False])
def test_what_a_model_told_meanwhile_is_called_behind_it_if_it_still_holds(over):
    script = Script().rhythm(100, 800).spoil(5_000, 40_000, NOISY)
    turns = {20: told_of_af(True, 4_000)}
    if over:
        turns[170] = told_of_af(False, 34_000)
    episodes, slots, found = Episodes(Limits(), DELAY_MS, 1), np.array([0]), []
    for tick, (now_ms, beats, quality) in enumerate(ticks_of([script], 300)):
        edges = episodes.step(slots, now_ms, beats, quality, turns.get(tick))
        for code, onset in zip(edges.code, edges.onset, strict=True):
            if code == Code.ATRIAL_FIBRILLATION:
                found.append((bool(onset), int(now_ms[0])))

    expected = [(True, 4_200), (False, 24_600)]
    assert found == (expected if over else [*expected, (True, 50_000)])


kinds = st.sampled_from([GOOD, GOOD, NOISY, MISSING, FLAT])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(kinds, st.integers(1, 60)), min_size=3, max_size=12))
def test_it_is_that_of_the_slow_reference(stretches):
    script, tick = Script().rhythm(250, 400), 0
    for kind, n_ticks in stretches:
        if kind != GOOD:
            script.bad.update(dict.fromkeys(range(tick, tick + n_ticks), kind))
        tick += n_ticks
    limits = Limits(suspend_s=12, resume_s=4)
    reference, arrivals, expected = ReferenceStream(limits, DELAY_MS), script.arrivals(), []
    for tick in range(script.n_ticks(6000)):
        now_ms = (tick + 1) * 200
        edges = reference.tick(now_ms, arrivals.get(tick), script.bad.get(tick, GOOD))
        expected += [(*edge, now_ms) for edge in edges]

    assert edges_of(script, limits, tail_ms=6000) == expected
