import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.conditions import CONDITIONS, SUSPENDED, Code
from inference.episodes import Episodes
from inference.limits import Limits
from inference.ticks import TICK_MS
from inference.time_to_alarm import time_to_alarm_s
from tests.inference.contract import StageCase, check_all
from tests.inference.reference_episodes import ReferenceStream
from tests.inference.streams import DELAY_MS, GOOD, Script, edges_of, scripts, ticks_of

SHORT = Limits(
    asystole_s=3.0,
    pause_s=2.0,
    extreme_tachycardia_beats=9,
    bradycardia_beats=5,
    tachycardia_beats=5,
    vt_beats=4,
    vt_end_beats=2,
    vt_sustained_s=10.0,
    sv_run_beats=4,
    r_on_t_share=0.5,
    bigeminy_cycles=2,
    trigeminy_cycles=2,
    vebs_per_min=5,
    missed_beat_share=1.5,
    irregular_beats=9,
    irregular_share=0.3,
    burden_end_s=5.0,
    v_run_max_rr_s=1.3,
    stale_s=5.0,
    noise_s=2.0,
    technical_clear_s=0.6,
    suspend_s=10,
    resume_s=3,
)
delays_ms = st.sampled_from([680, 800, 1000])


def edge_rows(stage, slots, inputs):
    edges = stage.step(slots, *inputs)
    rows = [[] for _ in slots]
    for i, row in enumerate(edges.row):
        rows[row].append(
            (
                int(edges.code[i]),
                bool(edges.onset[i]),
                int(edges.at_ms[i]),
                edges.heart_rate_bpm[i].tobytes(),
                edges.quality[i].tobytes(),
                edges.beat_r_ms[i].tobytes(),
                edges.beat_aami[i].tobytes(),
                edges.beat_confidence[i].tobytes(),
            )
        )
    rates = [rate.tobytes() for rate in stage.heart_rate_bpm(slots)]
    return list(zip(rows, rates, stage.rhythm(slots).tolist(), strict=True))


@settings(max_examples=12, deadline=None)
@given(st.lists(scripts(), min_size=1, max_size=4), st.integers(0, 99))
def test_episodes_keep_the_contract_of_stages(streams, seed):
    n_ticks = min(max(script.n_ticks() for script in streams), 250)
    ticks = ticks_of(streams, n_ticks)
    check_all(
        StageCase(lambda n: Episodes(SHORT, DELAY_MS, n), edge_rows, ticks, len(streams)), seed
    )


@settings(max_examples=60, deadline=None)
@given(scripts(), st.sampled_from([Limits(), SHORT]), delays_ms)
def test_edges_are_those_of_the_slow_reference(script, limits, delay_ms):
    reference = ReferenceStream(limits, delay_ms)
    arrivals = script.arrivals()
    expected = []
    for tick in range(script.n_ticks(6000)):
        now_ms = (tick + 1) * TICK_MS
        edges = reference.tick(now_ms, arrivals.get(tick), script.bad.get(tick, GOOD))
        expected += [(*edge, now_ms) for edge in edges]
    assert edges_of(script, limits, tail_ms=6000, delay_ms=delay_ms) == expected


@settings(max_examples=40, deadline=None)
@given(scripts(), st.integers(400, 680))
def test_how_soon_beats_are_decided_does_not_move_an_edge_of_a_readable_stream(script, latency_ms):
    def edges(late_ms):
        beats = [(b.r_ms, b.rr_ms, b.aami, b.confidence, late_ms) for b in script.beats]
        made = Script([type(script.beats[0])(*beat) for beat in beats] if beats else [])
        return sorted(edge[:3] for edge in edges_of(made, SHORT, tail_ms=6000))

    assert edges(latency_ms) == edges(DELAY_MS)


@settings(max_examples=20, deadline=None)
@given(scripts(), st.sampled_from([Limits(), SHORT]))
def test_time_to_alarm_stays_within_its_bound_and_edges_alternate(script, limits):
    open_since, called_from_ms = {}, 0  # what held while calling was suspended is told behind it
    for name, what, at_ms, decided_ms in edges_of(script, limits, tail_ms=6000):
        code = Code[name.upper()]
        assert at_ms <= decided_ms
        if what == "onset":
            assert name not in open_since
            open_since[name] = at_ms
            from_ms = max(at_ms, called_from_ms if code in SUSPENDED else 0)
            assert decided_ms - from_ms <= 1000 * time_to_alarm_s(code, limits, DELAY_MS)
        else:
            assert at_ms >= open_since.pop(name)
            called_from_ms = at_ms if name == "arrhythmia_suspended" else called_from_ms


def test_close_ends_all_that_is_open_and_nothing_else():
    script = Script().rhythm(30, 400)
    episodes = Episodes(Limits(), DELAY_MS, n_slots=2)
    slots = np.array([1, 0])
    ticks = ticks_of([script, Script().rhythm(15, 800)], script.n_ticks(0) + 3)
    for now_ms, beats, quality in ticks:
        episodes.step(slots, now_ms, beats, quality)
    edges = episodes.close(slots, np.array([99_000, 99_000]))
    assert [CONDITIONS[c].name for c in edges.code] == ["extreme_tachycardia", "tachycardia"]
    assert not edges.onset.any()
    assert edges.row.tolist() == [0, 0]
    assert edges.at_ms.tolist() == [99_000, 99_000]
    assert len(episodes.close(slots, np.array([99_000, 99_000]))) == 0
