"""Each condition of ectopy and irregularity, from beats whose truth is known."""

import numpy as np
import pytest

from inference.beat_codes import BURDEN_CODES
from inference.episodes import Episodes
from inference.limits import Limits
from inference.rule_limits import LimitSets, RuleLimits
from tests.inference.streams import DELAY_MS, NOISY, Script, edges_of

BURDEN = {code.name.lower() for code in BURDEN_CODES}


def sinus(n: int = 12, rr_ms: int = 800) -> Script:
    return Script().rhythm(n, rr_ms)


def of(script: Script, name: str, limits: Limits | None = None) -> list[tuple[str, int]]:
    return [(what, ms) for each, what, ms, _ in edges_of(script, limits) if each == name]


def burden(script: Script, limits: Limits | None = None) -> set[str]:
    return {name for name, *_ in edges_of(script, limits)} & BURDEN


def cycles(n: int, *cycle: tuple[int, str]) -> Script:
    script = sinus()
    for _ in range(n):
        for rr_ms, aami in cycle:
            script.beat(rr_ms, aami)
    return script


def test_sinus_rhythm_has_none_of_it():
    assert burden(sinus(60)) == set()


@pytest.mark.parametrize(("share", "found"), [(0.32, True), (0.34, False)])
def test_a_ventricular_beat_within_a_third_of_the_mean_interval_is_r_on_t(share, found):
    script = sinus(12, 1000).beat(round(1000 * share), "V").beat(1500)
    assert of(script, "r_on_t") == ([("onset", 12_000)] if found else [])


def test_r_on_t_is_not_judged_from_a_hundred_bpm_on_nor_behind_another_ventricular_beat():
    assert not of(sinus(12, 600).beat(199, "V").beat(900), "r_on_t")
    assert len(of(sinus(12, 1000).beat(300, "V").beat(300, "V").beat(900), "r_on_t")) == 1
    assert not of(sinus(12, 1000).beat(300, "S").beat(900), "r_on_t")


def test_two_ventricular_beats_are_a_couplet_once_the_next_is_known_and_three_are_none():
    pair = sinus(5).rhythm(2, 500, "V").beat(900)
    assert [edge for edge in edges_of(pair) if edge[0] == "couplet"] == [
        ("couplet", "onset", 4500, 6600)
    ]
    assert not of(sinus(5).rhythm(3, 500, "V").beat(900), "couplet")
    assert not of(sinus(5).beat(500, "V").beat(2000, "V").beat(900), "couplet")
    assert not of(sinus(5).rhythm(2, 500, "V").gap(3000), "couplet")


@pytest.mark.parametrize(("n", "found"), [(2, False), (3, True)])
def test_three_cycles_are_bigeminy_or_trigeminy(n, found):
    two = cycles(n, (1000, "N"), (500, "V"))
    three = cycles(n, (900, "N"), (800, "N"), (500, "V"))
    assert of(two, "bigeminy") == ([("onset", 12 * 800 + 1000)] if found else [])
    assert of(three, "trigeminy") == ([("onset", 12 * 800 + 900)] if found else [])
    assert not of(two, "trigeminy")
    assert not of(three, "bigeminy")
    assert not of(cycles(n, (1000, "N"), (500, "S")), "bigeminy")


def test_bigeminy_that_comes_and_goes_is_one_episode_that_ends_where_it_was_seen_last():
    script = cycles(4, (1000, "N"), (500, "V")).rhythm(12, 800)
    for _ in range(4):
        script.beat(1000).beat(500, "V")
    last_ms = script.now_ms
    assert of(script.rhythm(50, 800), "bigeminy") == [("onset", 10_600), ("end", last_ms)]


@pytest.mark.parametrize(("n", "found"), [(9, False), (10, True)])
def test_ten_ventricular_beats_in_a_minute_are_frequent(n, found):
    script = sinus(30)
    for _ in range(n):
        script.rhythm(5, 800).beat(500, "V")
    assert bool(of(script, "frequent_vebs")) is found


def test_ventricular_beats_spread_over_more_than_a_minute_are_not_frequent():
    script = sinus(12)
    for _ in range(30):
        script.rhythm(8, 800).beat(600, "V")
    assert not of(script, "frequent_vebs")


@pytest.mark.parametrize(
    ("n", "rr_ms", "found"), [(2, 400, False), (3, 400, True), (3, 700, False)]
)
def test_three_fast_supraventricular_beats_are_a_run(n, rr_ms, found):
    script = sinus().rhythm(n, rr_ms, "S").rhythm(3, 800)
    first_ms = 12 * 800 + rr_ms
    assert of(script, "supraventricular_run") == ([("onset", first_ms)] if found else [])


@pytest.mark.parametrize(
    ("rr_ms", "missed_ms", "found"),
    [(800, 1390, False), (800, 1420, True), (550, 990, False), (550, 1010, True)],
)
def test_an_interval_of_nearly_two_is_a_missed_beat(rr_ms, missed_ms, found):
    script = sinus(12, rr_ms).beat(missed_ms).rhythm(3, rr_ms)
    assert of(script, "missed_beat") == ([("onset", 12 * rr_ms)] if found else [])


def test_neither_a_compensatory_pause_nor_noise_nor_a_pause_is_a_missed_beat():
    assert not of(sinus().beat(500, "V").beat(1500).rhythm(3, 800), "missed_beat")
    assert not of(sinus().spoil(10_200, 10_400, NOISY).beat(1500).rhythm(3, 800), "missed_beat")
    assert not of(sinus().beat(3000).rhythm(3, 800), "missed_beat")


def test_uneven_intervals_are_an_irregular_rhythm_and_ectopy_is_none():
    uneven = sinus()
    for i in range(30):
        uneven.beat([620, 840, 700, 1010, 560][i % 5])
    assert of(uneven, "irregular_rhythm")
    assert burden(uneven) == {"irregular_rhythm"}
    assert not of(cycles(15, (1000, "N"), (500, "V")), "irregular_rhythm")


def test_streams_of_one_set_of_limits_and_of_several_get_the_same_rules():
    sets = LimitSets(Limits())
    number = sets.put(Limits(pause_s=2.0, vt_bpm=120.0, bradycardia_bpm=45.0))
    one = RuleLimits.of(sets[number])
    got = Episodes(Limits(), DELAY_MS, 3).state["limit_set"]
    got[1] = number
    rows = sets.of(got)
    for name in RuleLimits.__slots__:
        assert np.array_equal(getattr(rows, name)[1], getattr(one, name)), name
