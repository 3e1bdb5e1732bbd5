"""Each definition at and around its threshold, with the exact times of onset and end.

Beats come 680 ms late here, so what a beat at r decides is known at the end of
the first tick that ends at r + 680 or later.
"""

import math

import numpy as np
import pytest

from inference.episodes import Episodes
from inference.limits import Limits
from inference.rhythm import Rhythm
from inference.ticks import TICK_MS
from tests.inference.streams import (
    DELAY_MS,
    FLAT,
    MISSING,
    NOISY,
    SATURATED,
    STUCK,
    Script,
    edges_of,
    ticks_of,
    times_of,
)


def decided(at_ms: int) -> int:
    """End of the tick at which the horizon has reached a time."""
    return math.ceil((at_ms + DELAY_MS) / TICK_MS) * TICK_MS


def normal(n: int = 10) -> Script:
    return Script().rhythm(n, 800)


def followed(script: Script) -> tuple[Episodes, np.ndarray]:
    """Run a stream to the end of its last beat's tick."""
    episodes, slots = Episodes(Limits(), DELAY_MS, 1), np.array([0])
    for now_ms, beats, quality in ticks_of([script], script.n_ticks(DELAY_MS)):
        episodes.step(slots, now_ms, beats, quality)
    return episodes, slots


def test_normal_rhythm_has_no_edges():
    assert edges_of(normal(60)) == []


class TestAsystole:
    def test_begins_at_the_last_beat_before_four_silent_seconds(self):
        edges = edges_of(normal(), tail_ms=6000)
        assert edges == [
            ("pause", "onset", 8000, decided(11_000)),
            ("asystole", "onset", 8000, decided(12_000)),
        ]

    @pytest.mark.parametrize(("rr_ms", "found"), [(3999, False), (4000, True), (4001, True)])
    def test_needs_four_seconds(self, rr_ms, found):
        edges = edges_of(normal().beat(rr_ms).rhythm(3, 800))
        assert times_found(edges, "asystole") is found

    def test_ends_at_the_first_of_two_beats_closer_than_a_pause(self):
        script = normal().beat(5000).beat(3500).beat(2999).rhythm(3, 800)
        edges = edges_of(script)
        assert ("asystole", "end", 16_500, decided(19_499)) in edges
        assert next(e for e in edges if e[0] == "asystole")[2:] == (8000, decided(12_000))

    def test_one_beat_does_not_end_it(self):
        edges = edges_of(normal().beat(5000), tail_ms=2000)
        assert ("asystole", "end") not in [e[:2] for e in edges]

    def test_is_called_where_no_beat_was_ever_seen(self):
        assert edges_of(Script(), tail_ms=6000) == [("asystole", "onset", 0, decided(4000))]

    @pytest.mark.parametrize("kind", [NOISY, FLAT, SATURATED, MISSING])
    def test_is_not_called_across_unreadable_signal(self, kind):
        script = normal().spoil(11_800, 11_801, kind)
        edges = edges_of(script, tail_ms=3500)
        assert ("asystole", "onset") not in [e[:2] for e in edges]

    def test_counts_readable_silence_after_the_unreadable(self):
        script = normal().spoil(9000, 9400, NOISY)
        edges = edges_of(script, tail_ms=7000)
        assert edges == [("asystole", "onset", 9400, decided(13_400))]

    def test_noise_after_four_silent_seconds_does_not_hide_them(self):
        script = normal().spoil(12_400, 14_000, NOISY)
        assert ("asystole", "onset", 8000, decided(12_000)) in edges_of(script, tail_ms=200)

    def test_is_given_up_after_ten_unreadable_seconds_and_ends_where_they_began(self):
        script = normal().spoil(16_000, 30_000, NOISY)
        edges = edges_of(script)
        assert ("asystole", "end", 16_000, decided(26_000 - TICK_MS + 1)) in edges

    def test_beat_decided_early_is_no_silence_beyond_noise_that_came_before_it(self):
        # The horizon stands at 3.92 s of silence; between it and the beat lies an unreadable tick.
        script = normal().spoil(12_000, 12_001, NOISY)
        script.beat(4190, latency_ms=400).rhythm(2, 800)
        assert not times_found(edges_of(script), "asystole")


class TestPause:
    @pytest.mark.parametrize(("rr_ms", "found"), [(2999, False), (3000, True)])
    def test_needs_three_seconds_and_spans_the_interval(self, rr_ms, found):
        edges = edges_of(normal().beat(rr_ms).rhythm(3, 800))
        edges = [edge for edge in edges if edge[0] != "missed_beat"]
        expected = [
            ("pause", "onset", 8000, decided(8000 + rr_ms)),
            ("pause", "end", 8000 + rr_ms, decided(8000 + rr_ms)),
        ]
        assert edges == (expected if found else [])

    def test_needs_a_beat_before_it_and_readable_signal_throughout(self):
        assert not times_found(edges_of(Script(), tail_ms=3800), "pause")
        noisy = normal().spoil(9000, 9001, NOISY).beat(3900).rhythm(3, 800)
        assert edges_of(noisy) == []

    def test_is_given_up_where_the_signal_is_lost(self):
        script = normal().spoil(11_400, 30_000, MISSING)
        edges = edges_of(script)
        assert ("pause", "end", 11_400, decided(21_400 - TICK_MS + 1)) in edges


class TestRates:
    @pytest.mark.parametrize(("rr_ms", "found"), [(1500, False), (1501, True)])
    def test_extreme_bradycardia_is_under_40_bpm_over_five_beats(self, rr_ms, found):
        edges = edges_of(Script().beat(500).rhythm(4, rr_ms))
        at_ms = 500 + 4 * rr_ms
        expected = [("extreme_bradycardia", "onset", 500, decided(at_ms))]
        assert edges == (expected if found else [])

    @pytest.mark.parametrize(("rr_ms", "found"), [(428, True), (429, False)])
    def test_extreme_tachycardia_is_over_140_bpm_over_17_beats(self, rr_ms, found):
        edges = edges_of(Script().beat(500).rhythm(16, rr_ms))
        onset = ("extreme_tachycardia", "onset", 500, decided(500 + 16 * rr_ms))
        assert (onset in edges) is found
        assert times_found(edges, "extreme_tachycardia") is found
        sixteen = edges_of(Script().beat(500).rhythm(15, rr_ms))
        assert not times_found(sixteen, "extreme_tachycardia")

    @pytest.mark.parametrize(("rr_ms", "found"), [(1200, False), (1201, True)])
    def test_bradycardia_is_under_50_bpm_over_eight_beats(self, rr_ms, found):
        edges = edges_of(Script().beat(500).rhythm(7, rr_ms))
        expected = [("bradycardia", "onset", 500, decided(500 + 7 * rr_ms))]
        assert edges == (expected if found else [])

    @pytest.mark.parametrize(("rr_ms", "found"), [(500, False), (499, True)])
    def test_tachycardia_is_over_120_bpm_over_eight_beats(self, rr_ms, found):
        edges = edges_of(Script().beat(500).rhythm(7, rr_ms))
        expected = [("tachycardia", "onset", 500, decided(500 + 7 * rr_ms))]
        assert edges == (expected if found else [])

    def test_a_rate_ends_at_the_beat_from_which_three_rrs_are_back_by_the_margin(self):
        script = Script().beat(500).rhythm(20, 450)  # last fast beat at 9500
        script.rhythm(2, 510).rhythm(2, 700)  # 118 bpm is not yet back: 115 is
        back_ms = script.now_ms - 1400
        edges = edges_of(script.rhythm(1, 700))
        assert edges[-1] == ("tachycardia", "end", back_ms, decided(back_ms + 2100))

    def test_rrs_back_inside_count_from_the_onset_on(self):
        # Two long RRs at the end of the window that opens it, then two more: not yet three.
        script = Script().beat(500).rhythm(5, 300).rhythm(2, 600).rhythm(2, 600)
        assert [e[:2] for e in edges_of(script)] == [("tachycardia", "onset")]
        assert edges_of(script.rhythm(1, 600))[-1][1] == "end"

    def test_after_an_end_the_window_starts_at_the_recovery(self):
        limits = Limits(tachycardia_beats=6)
        script = Script().beat(500).rhythm(8, 300).rhythm(3, 600)
        assert edges_of(script, limits)[-1][1] == "end"
        # Six beats from the recovery on: the three slow RRs and two fast, 5 x 60 / 2.3 > 120.
        edges = edges_of(script.rhythm(2, 250), limits)
        assert edges[-1][:3] == ("tachycardia", "onset", 2900)

    def test_an_unknown_rr_breaks_the_window(self):
        script = Script().beat(500).rhythm(5, 400).gap(300)
        assert edges_of(script.rhythm(6, 400)) == []
        assert times_found(edges_of(script.rhythm(1, 400)), "tachycardia")

    def test_a_long_rr_with_noise_in_it_is_no_rate(self):
        quiet = Script().rhythm(5, 1100).beat(3500).beat(1300)
        noisy = Script().rhythm(5, 1100).spoil(6000, 6001, NOISY).beat(3500).beat(1300)
        limits = Limits(bradycardia_beats=6, extreme_bradycardia_bpm=20)
        assert times_found(edges_of(quiet, limits), "bradycardia")
        assert not times_found(edges_of(noisy, limits), "bradycardia")

    def test_tachycardia_ends_with_a_pause_and_bradycardia_with_asystole(self):
        fast = edges_of(Script().beat(500).rhythm(10, 450), tail_ms=4000)
        assert ("tachycardia", "end", 5000, decided(8000)) in fast
        slow = edges_of(Script().beat(500).rhythm(10, 1300), tail_ms=5000)
        assert ("bradycardia", "end", 13_500, decided(17_500)) in slow

    def test_a_silence_that_ended_an_episode_is_not_in_the_next_window(self):
        limits = Limits(pause_s=1.5, v_run_max_rr_s=1.0)
        script = Script().beat(500).rhythm(10, 260).beat(1500)  # 7 x 60 / 3.06 > 120
        edges = edges_of(script, limits)
        assert [e[:2] for e in edges if e[0] == "tachycardia"] == [
            ("tachycardia", "onset"),
            ("tachycardia", "end"),
        ]

    def test_a_rate_is_given_up_ten_seconds_after_the_last_beat_of_a_lost_signal(self):
        script = Script().beat(500).rhythm(10, 450).spoil(5400, 20_000, NOISY)
        assert ("tachycardia", "end", 5000, decided(15_000)) in edges_of(script)


class TestVentricular:
    @pytest.mark.parametrize(("rr_ms", "found"), [(600, False), (599, True)])
    def test_vt_is_five_v_over_100_bpm(self, rr_ms, found):
        edges = edges_of(normal(5).rhythm(5, rr_ms, "V"))
        first_ms = 4000 + rr_ms
        onset = ("ventricular_tachycardia", "onset", first_ms, decided(first_ms + 4 * rr_ms))
        assert (onset in edges) is found
        assert times_found(edges, "ventricular_tachycardia") is found
        four = edges_of(normal(5).rhythm(4, rr_ms, "V"))
        assert not times_found(four, "ventricular_tachycardia")

    def test_vt_survives_a_capture_beat_and_ends_after_three(self):
        script = normal(5).rhythm(6, 400, "V").rhythm(2, 400).rhythm(2, 400, "V")
        last_ms = script.now_ms
        edges = edges_of(script.rhythm(3, 700))
        ends = [e for e in edges if e[:2] == ("ventricular_tachycardia", "end")]
        assert ends == [("ventricular_tachycardia", "end", last_ms, decided(last_ms + 2100))]

    def test_vt_ends_where_its_rate_falls_under_the_limit_by_the_margin(self):
        holds = edges_of(normal(5).rhythm(6, 500, "V").rhythm(4, 631, "V"))
        assert not [edge for edge in holds if edge[1] == "end"]
        fell = edges_of(normal(5).rhythm(6, 500, "V").rhythm(4, 640, "V"))
        assert ("ventricular_tachycardia", "end", 7000, decided(9560)) in fell

    def test_two_silent_seconds_end_vt_and_run_at_their_last_beat(self):
        script = normal(5).rhythm(6, 400, "V")
        edges = edges_of(script, tail_ms=3500)
        for name in ("ventricular_tachycardia", "v_run"):
            assert (name, "end", 6400, decided(8400)) in edges

    @pytest.mark.parametrize(("n", "found"), [(2, False), (3, True)])
    def test_a_run_is_three_v_at_any_rate(self, n, found):
        edges = edges_of(normal(5).rhythm(n, 900, "V").beat(900))
        expected = [
            ("v_run", "onset", 4900, decided(6700)),
            ("v_run", "end", 6700, decided(7600)),
        ]
        assert [edge for edge in edges if edge[0] == "v_run"] == (expected if found else [])

    def test_beats_of_other_classes_and_two_seconds_break_a_run(self):
        for between in ("N", "S", "F", "Q"):
            script = normal(3).rhythm(2, 500, "V").beat(500, between).rhythm(2, 500, "V")
            assert not times_found(edges_of(script), "v_run")
        apart = normal(3).rhythm(2, 500, "V").beat(2000, "V").beat(500, "V")
        assert not times_found(edges_of(apart), "v_run")
        assert times_found(edges_of(normal(3).rhythm(2, 500, "V").beat(1999, "V")), "v_run")

    def test_five_fast_v_are_tachycardia_three_non_sustained_slow_ones_a_run_two_a_couplet(self):
        def names(n: int, rr_ms: int) -> set[str]:
            return {edge[0] for edge in edges_of(normal(5).rhythm(n, rr_ms, "V").rhythm(4, 800))}

        vt, short = "ventricular_tachycardia", "non_sustained_ventricular_tachycardia"
        assert names(1, 500) == set()
        assert names(2, 500) == {"couplet"}
        assert names(3, 500) == {short, "v_run"}
        assert names(4, 700) == {"v_run"}
        assert names(5, 500) == {vt, short, "v_run"}
        assert names(62, 500) == {vt, short, "v_run", f"sustained_{vt}", "frequent_vebs"}

    def test_thirty_seconds_of_tachycardia_are_sustained_from_its_onset_and_end_with_it(self):
        edges = edges_of(normal(5).rhythm(70, 500, "V").rhythm(5, 800))
        assert ("sustained_ventricular_tachycardia", "onset", 4500, decided(34_500)) in edges
        times = [times_of(edges, f"{how}ventricular_tachycardia") for how in ("", "sustained_")]
        assert times[0] == times[1] == [("onset", 4500), ("end", 39_000)]


class TestTechnical:
    @pytest.mark.parametrize(
        ("kind", "name", "limit_ms"),
        [
            (STUCK, "lead_off", 2000),
            (FLAT, "flat_line", 2000),
            (SATURATED, "saturation", 3000),
            (MISSING, "signal_gap", 2000),
            (NOISY, "noise", 5000),
        ],
    )
    def test_begins_with_the_first_bad_tick_and_ends_with_the_first_good_one(
        self, kind, name, limit_ms
    ):
        script = normal(12).spoil(1000, 1000 + limit_ms, kind)
        assert edges_of(script) == [
            (name, "onset", 1000, 1000 + limit_ms),
            (name, "end", 1000 + limit_ms, 2000 + limit_ms),
        ]
        shorter = normal(12).spoil(1000, 800 + limit_ms, kind)
        assert edges_of(shorter) == []

    def test_one_good_tick_breaks_lead_off_before_it_began_but_not_after(self):
        broken = normal(12).spoil(1000, 2800, STUCK).spoil(3000, 4800, STUCK)
        assert edges_of(broken) == []
        held = normal(12).spoil(1000, 3200, STUCK).spoil(3400, 4800, STUCK)
        assert [e[:3] for e in edges_of(held)] == [
            ("lead_off", "onset", 1000),
            ("lead_off", "end", 4800),
        ]

    def test_noise_bridges_short_good_stretches(self):
        flickers = normal(14)
        for start in range(1000, 7000, 1000):
            flickers.spoil(start, start + 200, NOISY)
        assert edges_of(flickers)[0] == ("noise", "onset", 1000, 6200)
        for tick in list(flickers.bad):
            if tick * TICK_MS == 3000:
                del flickers.bad[tick]
        assert edges_of(flickers) == []


class TestReadings:
    def test_heart_rate_is_the_mean_of_the_last_eight_rrs(self):
        episodes, slots = followed(Script().rhythm(5, 2000).rhythm(4, 700).rhythm(4, 900))
        assert episodes.heart_rate_bpm(slots).tolist() == [75.0]

    def test_heart_rate_is_unknown_at_first_when_old_and_zero_in_asystole(self):
        assert np.isnan(followed(normal(2))[0].heart_rate_bpm(np.array([0]))).all()
        assert followed(normal(3))[0].heart_rate_bpm(np.array([0])) == [75.0]
        lost = normal().spoil(8200, 14_400, NOISY)
        assert np.isnan(followed(lost)[0].heart_rate_bpm(np.array([0]))).all()
        episodes, slots = Episodes(Limits(), DELAY_MS, 1), np.array([0])
        for now_ms, beats, quality in ticks_of([normal()], normal().n_ticks(6000)):
            episodes.step(slots, now_ms, beats, quality)
        assert episodes.heart_rate_bpm(slots).tolist() == [0.0]
        assert episodes.rhythm(slots).tolist() == [Rhythm.ASYSTOLE]

    @pytest.mark.parametrize(
        ("script", "rhythm"),
        [
            (normal(), Rhythm.NORMAL),
            (Script().rhythm(12, 1300), Rhythm.BRADYCARDIA),
            (Script().rhythm(12, 400), Rhythm.TACHYCARDIA),
            (Script().rhythm(12, 400, "V"), Rhythm.VT),
            (Script().rhythm(1, 400), Rhythm.UNKNOWN),
        ],
    )
    def test_rhythm_is_the_most_pressing(self, script, rhythm):
        episodes, slots = followed(script)
        assert episodes.rhythm(slots).tolist() == [rhythm]


class TestEvidence:
    def test_an_edge_carries_the_last_beats_oldest_first(self):
        script = normal(25).rhythm(3, 500, "V")
        episodes, slots = Episodes(Limits(), DELAY_MS, 4), np.array([2])
        for now_ms, beats, quality in ticks_of([script], script.n_ticks()):
            edges = episodes.step(slots, now_ms, beats, quality)
            if len(edges):
                break
        assert edges.beat_r_ms[0].tolist() == [b.r_ms for b in script.beats[-20:]]
        assert edges.beat_aami[0].tolist() == [0] * 17 + [2] * 3
        assert edges.quality[0] == np.float32(0.95)
        assert edges.heart_rate_bpm[0] == np.float32(8 * 60_000 / (5 * 800 + 3 * 500))


class TestMisuse:
    def test_ticks_that_do_not_follow_one_another_are_refused(self):
        episodes, slots = Episodes(Limits(), DELAY_MS, 1), np.array([0])
        ticks = ticks_of([normal()], 3)
        episodes.step(slots, *ticks[0])
        for tick in (ticks[0], ticks[2]):
            with pytest.raises(ValueError, match="follow one another"):
                episodes.step(slots, *tick)

    def test_a_beat_not_after_the_one_before_is_refused(self):
        script = normal(2).beat(-10)
        with pytest.raises(ValueError, match="order of time"):
            edges_of(script)

    def test_a_delay_that_cannot_be_is_refused(self):
        with pytest.raises(ValueError, match="decision_delay_ms"):
            Episodes(Limits(), -1)

    def test_a_stream_may_begin_at_any_time(self):
        episodes, slots = Episodes(Limits(), DELAY_MS, 1), np.array([0])
        for tick in ticks_of([Script()], 20, first_tick=10_000):
            assert not len(episodes.step(slots, *tick))


def times_found(edges, condition):
    return any(edge[0] == condition for edge in edges)
