"""Pulses are found where they are, at any rate and sampling frequency, however the signal comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.pulse_leads import PulseKind, choose_pulse_leads
from inference.pulse_train import STRONG, PulseTrain
from ingest.frames import MISSING_ADU, Lead
from ingest.simulator.pulses import DELAY_S, PLETH, PRESSURE
from ingest.wfdb_replay import open_recording
from tests.inference.pulse_leads import Watched, samples, watch


def matched(found_s: np.ndarray, beats_s: np.ndarray, lead: Lead) -> tuple[int, int, int]:
    """Beats found, beats, and pulses, each beat's pulse within 120 ms of its place."""
    wanted = beats_s + DELAY_S[lead] + 0.15
    near = np.abs(found_s[:, None] - wanted).min(axis=0) <= 0.12
    return int(near.sum()), len(wanted), len(found_s)


def train_of(watched: Watched, now_ms: int, kind: PulseKind = PulseKind.PPG) -> PulseTrain:
    state = watched.finder.state
    names = ("pulse_ms", "strength", "off", "level")
    next_tick = int(watched.signal.state["next_tick"][0])
    return PulseTrain.of_state(kind, now_ms, next_tick, {name: state[name][0] for name in names})


@pytest.mark.parametrize("lead", [PLETH, PRESSURE], ids=["ppg", "pressure"])
@given(
    rate_bpm=st.floats(28.0, 190.0),
    fs=st.sampled_from([62.5, 100.0, 125.0, 250.0, 257.3, 500.0]),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=12, deadline=None)
def test_every_pulse_is_found_and_nothing_else(lead, rate_bpm, fs, seed):
    rng = np.random.default_rng(seed)
    rr_s = 60 / rate_bpm * (1 + rng.uniform(-0.05, 0.05, 200))
    beats_s = 0.5 + np.cumsum(rr_s)
    beats_s = beats_s[beats_s < 29.0]
    found_s = watch(samples(beats_s, fs, 30.0, lead, seed), fs, lead).times_s()

    late, found_late = (
        beats_s[beats_s > 6.0],
        found_s[found_s > beats_s[beats_s > 6.0][0] + DELAY_S[lead]],
    )
    assert matched(found_late, late, lead) == (len(late), len(late), len(late))


def test_weak_pulses_of_early_beats_are_found_too():
    beats_s = np.array([k * 1.6 + d for k in range(20) for d in (0.0, 0.55)])
    found_s = watch(samples(beats_s, 125.0, 33.0), 125.0).times_s()

    assert matched(found_s, beats_s[4:], PLETH)[0] == len(beats_s) - 4


@given(
    lengths=st.lists(st.integers(1, 700), min_size=1, max_size=6),
    seed=st.integers(0, 2**16),
    fs=st.sampled_from([62.5, 125.0, 257.3]),
)
@settings(max_examples=15, deadline=None)
def test_any_cut_gives_the_same_bit_for_bit(lengths, seed, fs):
    rng = np.random.default_rng(seed)
    adu = samples(np.cumsum(rng.uniform(0.4, 1.4, 25)), fs, 20.0, PLETH, seed)
    adu[rng.random(len(adu)) < 0.01] = MISSING_ADU
    adu[len(adu) // 2 : len(adu) // 2 + 200] = MISSING_ADU
    whole = watch(adu, fs, chunk_s=30.0)
    cut = Watched(fs, adu[:1])
    at, k = 0, 0
    while at < len(adu):
        cut.push(adu[None, at : at + lengths[k % len(lengths)]])
        at, k = at + lengths[k % len(lengths)], k + 1

    assert cut.found == whole.found
    for name in ("off", "level", "usual", "steady"):
        assert np.array_equal(cut.finder.state[name], whole.finder.state[name])


def test_streams_beside_one_another_do_not_touch():
    rng = np.random.default_rng(5)
    rows = [samples(np.cumsum(rng.uniform(0.5, 1.2, 30)), 125.0, 20.0, seed=k) for k in range(4)]
    together = watch(np.stack(rows), 125.0, chunk_s=1.0)

    assert together.found == [watch(row, 125.0).found[0] for row in rows]


def test_noise_behind_the_last_pulse_is_weak():
    beats_s = np.arange(0.5, 20.0, 0.8)
    watched = watch(samples(beats_s, 125.0, 40.0), 125.0)
    behind = [strength for ms, strength in watched.found[0] if ms > 21_000]

    assert all(strength < STRONG[0] for strength in behind)
    assert not train_of(watched, 39_000).between(22_000, 39_000).only_strong().at_ms.size


def test_a_lead_that_is_missing_flat_or_open_to_the_air_is_off():
    beats_s = np.arange(0.5, 30.0, 0.8)
    adu = samples(beats_s, 125.0, 30.0)
    flat, missing = adu.copy(), adu.copy()
    flat[20 * 125 :], missing[20 * 125 :] = flat[20 * 125], MISSING_ADU
    open_line = samples(beats_s, 125.0, 30.0, PRESSURE)
    open_line[20 * 125 :] = samples(beats_s, 125.0, 10.0, PRESSURE)[: 10 * 125] // 100

    assert train_of(watch(adu, 125.0), 29_000).readable(24_000)
    for gone in (flat, missing):
        train = train_of(watch(gone, 125.0), 29_000)
        assert train.readable(19_000) is False
        assert train_of(watch(gone, 125.0), 20_000).readable(16_000)
    assert not train_of(watch(open_line, 125.0, PRESSURE), 29_000, PulseKind.PRESSURE).readable(
        24_000
    )


def test_a_train_knows_nothing_of_what_came_later():
    adu = samples(np.arange(0.5, 30.0, 0.7), 125.0, 30.0)
    whole, upto = watch(adu, 125.0, chunk_s=5.0), watch(adu[: 25 * 125 + 40], 125.0, chunk_s=5.0)
    now_ms = 25_000
    late, then = train_of(whole, now_ms), train_of(upto, now_ms)

    assert late.at_ms.tolist() == then.at_ms.tolist()
    assert len(late.at_ms) > 10
    assert late.strength.tolist() == then.strength.tolist()
    assert (late.off.tolist(), late.level) == (then.off.tolist(), then.level)


def test_venous_pressure_and_electrical_signals_carry_no_pulses():
    leads = (Lead("CVP", "mmHg"), Lead("PAP", "mmHg"), Lead("PLETH", "mV"), Lead("II", "mV"))

    assert choose_pulse_leads(leads) == ()


@pytest.mark.data
def test_pulses_of_bidmc_come_as_often_as_its_monitor_says(data_dir):
    """Median pulse rate of the bedside monitor's numerics, over records of 8 min."""
    import wfdb

    for name in ("bidmc01", "bidmc09", "bidmc13", "bidmc24", "bidmc30"):
        recording = open_recording(data_dir / "bidmc" / name)
        numerics = wfdb.rdrecord(str(data_dir / "bidmc" / f"{name}n"))
        named = [each.strip(" ,") for each in numerics.sig_name]
        monitor_bpm = np.nanmedian(numerics.p_signal[:, named.index("PULSE")])
        for row in choose_pulse_leads(recording.leads):
            adu = np.asarray(recording.samples[row])
            found_s = watch(adu, recording.fs, recording.leads[row]).times_s()
            assert 60 / np.median(np.diff(found_s)) == pytest.approx(monitor_bpm, abs=2.5)
