"""Limits that differ from stream to stream: followed from the next tick on, part of the state."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.episodes import Episodes
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.rule_limits import LimitSets
from ingest.errors import InputError
from ingest.simulator import sinus
from tests.inference.patients import Tape
from tests.inference.streams import DELAY_MS, Script, edges_of, scripts, ticks_of
from tests.inference.test_quiet import block_of, note

CHOSEN = (
    Limits(),
    Limits(bradycardia_bpm=60.0, tachycardia_bpm=100.0, tachycardia_beats=5, pause_s=2.0),
    Limits(vt_beats=4, vt_bpm=120.0, v_run_max_rr_s=1.3, asystole_s=3.0, pause_s=2.5),
    Limits(bigeminy_cycles=2, trigeminy_cycles=2, vebs_per_min=3, burden_end_s=5.0),
)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(scripts(), st.sampled_from(CHOSEN)), min_size=2, max_size=4),
    st.integers(0, 99),
)
def test_each_stream_of_a_batch_is_judged_by_its_own_limits(streams, seed):
    rng = np.random.default_rng(seed)
    n_ticks = min(max(script.n_ticks() for script, _ in streams), 250)
    ticks = ticks_of([script for script, _ in streams], n_ticks)
    slots, episodes = rng.permutation(len(streams)), Episodes(Limits(), DELAY_MS, len(streams))
    alone = []
    for slot, (script, limits) in zip(slots, streams, strict=True):
        episodes.set_limits(slot, limits)
        one = Episodes(limits, DELAY_MS, 1)
        mine: list = [[]]
        for now_ms, beats, quality in ticks_of([script], n_ticks):
            note(mine, np.array([0]), now_ms, one.step(np.array([0]), now_ms, beats, quality))
        alone += mine
    told: list = [[] for _ in streams]
    for at in range(0, n_ticks, 7):
        for decided in episodes.advance(slots, *block_of(ticks[at : at + 7])):
            note(told, *decided)
    assert [told[slot] for slot in slots] == alone


def test_limits_are_part_of_the_state_and_go_with_it_to_another_that_has_others_first():
    one, other = Episodes(Limits(), DELAY_MS, 3), Episodes(Limits(), DELAY_MS, 2)
    other.set_limits(0, CHOSEN[3])
    one.set_limits(1, CHOSEN[1])
    other.restore(np.array([1]), one.snapshot(np.array([1])))
    assert other.limits_of(1) == CHOSEN[1]
    assert other.limits_of(0) == CHOSEN[3]
    other.restore(np.array([0]), one.snapshot(np.array([0])))
    assert other.limits_of(0) == Limits()
    other.reset(np.array([1]))
    assert other.limits_of(1) == Limits()


def test_a_state_whose_limits_contradict_each_other_is_refused():
    values = LimitSets(Limits()).values(np.array([0]))
    assert values.shape == (1, 0)
    sets = LimitSets(Limits())
    values = sets.values(np.array([sets.put(CHOSEN[1])]))
    with pytest.raises(ValueError, match="limits of shape"):
        sets.numbers(values[:, 1:])
    with pytest.raises(ValueError, match="must be"):
        sets.numbers(np.zeros_like(values))


def test_limits_selected_in_a_running_stream_hold_from_its_next_tick_on():
    script = Script().rhythm(60, 550)
    assert edges_of(script) == []
    episodes, slots, found = Episodes(Limits(), DELAY_MS, 1), np.array([0]), []
    for tick, (now_ms, beats, quality) in enumerate(ticks_of([script], script.n_ticks())):
        if tick == 50:
            episodes.set_limits(0, Limits(tachycardia_bpm=100.0))
        edges = episodes.step(slots, now_ms, beats, quality)
        found += [(int(code), int(now_ms[0])) for code in edges.code]
    ((_, decided_ms),) = found
    assert 51 * 200 <= decided_ms <= 51 * 200 + 550


def test_a_pipeline_follows_the_limits_of_a_stream_heard_or_not_moved_or_not():
    tapes = [Tape(name, 250.0).simulate(sinus(40.0, 110.0)).end() for name in ("p", "q")]
    limits = Limits(tachycardia_bpm=100.0)
    first, second = Pipeline(), Pipeline()
    first.set_limits("p", limits)
    items = [[tape.items[0]] for tape in tapes]
    edges = list(first.push([item for part in items for item in part]).edges)
    assert first.limits_of("p") == limits
    assert first.limits_of("q") == Limits()
    if first.streams.slot("p") is not None:
        second.restore(first.snapshot(["p", "q"]))
        assert second.limits_of("p") == limits
    for tape in tapes:
        edges += second.push(tape.items[1:]).edges
    assert {edge.stream.stream_id for edge in edges} == {"p"}


def test_limits_of_one_patient_are_refused_whole_where_they_do_not_fit():
    with pytest.raises(InputError, match="must be below"):
        Limits().changed({"tachycardia_bpm": 130.0, "bradycardia_bpm": 20.0})
    with pytest.raises(InputError, match="'vf_s' is the same for all streams"):
        Limits().changed({"tachycardia_bpm": 130.0, "vf_s": 5.0})
    assert Limits().changed({"vf_s": 4.0}) == Limits()
