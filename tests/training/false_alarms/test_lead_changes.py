"""How beats about forced changes of lead are counted."""

from __future__ import annotations

import numpy as np

from inference.lead_choice import LeadChoice
from inference.limits import Limits
from inference.ticks import N, V
from training.false_alarms.lead_changes import Heard, _InTurn, false_beats, in_second


def test_leads_are_scored_in_turn_however_the_ticks_are_cut():
    whole, cut = (_InTurn(Limits(), 2, 1) for _ in range(2))
    readable, slot = np.ones((1, 2, 1300), bool), np.array([0])
    at_once = whole.choose(slot, readable)[0]
    parts = [cut.choose(slot, readable[:, :, i : i + 7])[0] for i in range(0, 1300, 7)]

    assert isinstance(whole, LeadChoice)
    np.testing.assert_array_equal(at_once, np.concatenate(parts)[:1300])
    np.testing.assert_array_equal(at_once, in_second(np.arange(1300) * 200))


def test_normal_beats_of_the_second_lead_are_counted_by_the_time_since_the_change():
    r_ms = np.array([10_000, 51_000, 55_000, 65_000, 80_000, 81_000, 100_000])
    aami = np.array([N, N, N, N, V, N, N], np.int8)
    heard = Heard(r_ms[:-1] + 20, np.array([V, V, N, V, V, V], np.int8))

    found = false_beats(heard, r_ms, aami)

    told = {key: found[key] for key in ("n", "v", "missed")}
    assert told == {"n": [1, 1, 2], "v": [1, 0, 1], "missed": [0, 0, 1]}


def test_a_run_is_false_where_none_of_its_beats_is_ventricular():
    r_ms = np.arange(50_500, 70_000, 500)
    aami = np.where(np.arange(len(r_ms)) == 20, V, N).astype(np.int8)
    called = np.full(len(r_ms), N, np.int8)
    called[[2, 3, 4, 10, 11, 19, 20, 21]] = V

    found = false_beats(Heard(r_ms, called), r_ms, aami)

    assert (found["runs"], found["own"], found["own_found"]) == (1, 1, 1)
