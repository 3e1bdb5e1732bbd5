"""Conditioning: exact resampling and calibration, and the contract of stages."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.carry import Carry
from inference.conditioning import ConditionedBlock, Conditioning
from inference.resample import TAP_SCALE, rate_plan
from ingest.frames import MISSING_ADU
from ingest.simulator import lead_off, sinus
from tests.inference.contract import StageCase, check_all
from tests.inference.patients import patient, spoiled

FS = [128.0, 250.0, 257.3, 360.0, 500.0]
MODEL_FS = 125


def start(stage: Conditioning, slot: int, fs: float, first_sample: int, first_adu: int) -> None:
    """Begin a stream at 200 adu/mV."""
    stage.start(slot, fs=fs, first_sample=first_sample, first_adu=first_adu, gain=0.2, baseline=12)


def of_rows(blocks: list[ConditionedBlock], slots: np.ndarray) -> list[bytes]:
    """What each slot got, as bytes: first tick, signal and quality of its ticks."""
    got = {int(slot): b"" for slot in slots}
    for block in blocks:
        q = block.quality
        parts = (q.scale_uv, q.missing, q.flat, q.saturated, q.noisy, q.index)
        for i, slot in enumerate(block.slots.tolist()):
            for k in range(block.signal_uv.shape[1]):
                got[slot] += (block.first_tick[i] + k).tobytes() + block.signal_uv[i, k].tobytes()
                got[slot] += b"".join(part[i, k].tobytes() for part in parts)
    return [got[int(slot)] for slot in slots]


def signals(n: int, seed: int = 0) -> list[np.ndarray]:
    """Signals of as many samples: an ECG, one spoiled, noise at full range, flat ones."""
    rng = np.random.default_rng(seed)
    ecg = patient((sinus(20.0), lead_off(10.0)), 500.0).samples[0, :n]
    return [
        ecg,
        spoiled(ecg[None])[0],
        rng.integers(-32768, 32768, n).astype(np.int16),
        np.full(n, 32767, np.int16),
        np.full(n, MISSING_ADU, np.int16),
        np.resize(np.array([-32767, 32767], np.int16), n),
    ]


def run(fs: float, raw: np.ndarray, cuts: list[int], first_sample: int = 0) -> bytes:
    """Push one stream, cut at the given places."""
    stage, slots = Conditioning(MODEL_FS, 1), np.array([0])
    start(stage, 0, fs, first_sample, int(raw[0]))
    got = b""
    for begin, end in pairwise([0, *cuts, len(raw)]):
        got += of_rows(stage.push(slots, raw[None, begin:end], fs), slots)[0]
    return got


@pytest.mark.parametrize("fs", FS)
@pytest.mark.parametrize("first_sample", [0, 2**40 + 77])
def test_conditioning_keeps_the_contract_of_stages(fs, first_sample):
    raws = np.stack(signals(2600))
    n_ticks = 8
    cuts = np.linspace(0, raws.shape[1], n_ticks + 1).astype(int)
    at = first_sample + np.arange(len(raws), dtype=np.int64) * 31
    inputs = [
        (np.full(len(raws), begin == 0), at, raws[:, begin:end]) for begin, end in pairwise(cuts)
    ]

    def step(stage: Conditioning, slots: np.ndarray, taken: tuple) -> list[bytes]:
        begins, first, raw = taken
        for i in np.flatnonzero(begins):
            start(stage, int(slots[i]), fs, int(first[i]), int(raw[i, 0]))
        return of_rows(stage.push(slots, raw, fs), slots)

    check_all(StageCase(lambda n: Conditioning(MODEL_FS, n), step, inputs, len(raws)))


@pytest.mark.parametrize("fs", [257.3, 99.7, 360.0])
def test_rows_that_begin_alike_at_other_parts_of_a_sample_are_as_alone(fs):
    plan, ticks = rate_plan(fs, MODEL_FS), np.arange(0, 60, dtype=np.int64)
    first_sample = plan.start(ticks) + plan.before + 1
    raw = np.stack([signals(900)[1]] * len(ticks))
    together, slots = Conditioning(MODEL_FS, len(ticks)), np.arange(len(ticks))
    for slot in slots.tolist():
        start(together, slot, fs, int(first_sample[slot]), int(raw[slot, 0]))
    found = of_rows(together.push(slots, raw, fs), slots)
    for slot in slots.tolist():
        alone = Conditioning(MODEL_FS, 1)
        start(alone, 0, fs, int(first_sample[slot]), int(raw[slot, 0]))
        given = alone.push(np.array([0]), raw[slot : slot + 1], fs)
        assert of_rows(given, np.array([0]))[0] == found[slot]


@given(
    fs=st.sampled_from([*FS, 50.0, 62.5, 1000.0, 4096.0]),
    which=st.integers(0, 5),
    first_sample=st.sampled_from([0, 1, 333, 2**31 + 1, 2**52]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=40, deadline=None)
def test_any_chunking_gives_the_same(fs, which, first_sample, seed):
    rng = np.random.default_rng(seed)
    raw = signals(3000)[which]
    cuts = np.sort(rng.integers(0, len(raw) + 1, rng.integers(0, 60))).tolist()

    assert run(fs, raw, cuts, first_sample) == run(fs, raw, [], first_sample)


def test_a_prefix_gives_a_prefix():
    raw = signals(4000)[1]
    whole = run(257.3, raw, [])

    for n in (1, 50, 500, 3999):
        assert whole.startswith(run(257.3, raw[:n], []))


def test_a_push_of_nothing_gives_nothing():
    stage, slots = Conditioning(MODEL_FS, 2), np.array([1])
    start(stage, 1, 250.0, 0, 0)

    assert stage.push(slots, np.empty((1, 0), np.int16), 250.0) == []
    assert stage.push(np.empty(0, np.intp), np.empty((0, 50), np.int16), 250.0) == []


def test_streams_of_several_sampling_frequencies_share_a_stage():
    raws = signals(2500)
    stage = Conditioning(MODEL_FS)
    stage.resize(len(FS))
    for slot, fs in enumerate(FS):
        start(stage, slot, fs, slot, int(raws[0][0]))
    got = [b""] * len(FS)
    for begin in range(0, 2500, 125):
        for slot, fs in enumerate(FS):
            blocks = stage.push(np.array([slot]), raws[0][None, begin : begin + 125], fs)
            got[slot] += of_rows(blocks, np.array([slot]))[0]

    assert got == [run(fs, raws[0], [], slot) for slot, fs in enumerate(FS)]


@pytest.mark.parametrize("fs", [50.0, 62.5, 128.0, 257.3, 360.0, 999.999])
@pytest.mark.parametrize("first_tick", [0, 10**9 + 7, 2**43])
def test_whole_ticks_are_those_whose_windows_are_there(fs, first_tick):
    plan = rate_plan(fs, MODEL_FS)
    first = np.array([first_tick])
    for more in range(0, 700, 23):
        end = plan.start(first) + more
        n = int(plan.whole_ticks(first, end)[0])
        ticks = first_tick + np.arange(n + 1)
        ends = plan.start(ticks) + plan.width
        assert (ends[:n] <= end).all()
        assert ends[n] > end


@pytest.mark.parametrize("fs", [62.5, 128.0, 250.0, 257.3, 360.0, 999.999])
def test_ticks_lie_where_exact_arithmetic_puts_them(fs):
    plan = rate_plan(fs, MODEL_FS)
    for tick in (0, 1, 17, 10**6 + 3, 2**43 + 5):
        place = tick * plan.fs / 5
        assert int(plan.start(np.array(tick))) == int(place) - plan.before
        phase = int((place - int(place)) * len(plan.taps))
        assert int(plan.phase(np.array(tick))) == phase
        sample = int(place)
        assert plan.tick_at(sample) == tick


@pytest.mark.parametrize("fs", FS)
def test_a_constant_stays_that_constant_exactly(fs):
    plan = rate_plan(fs, MODEL_FS)

    assert (plan.taps.sum(axis=1) == TAP_SCALE).all()
    assert (plan.taps == np.rint(plan.taps)).all()


def _resampled(fs: float, wave: np.ndarray) -> np.ndarray:
    """Apply the taps to a wave, without what conditioning does besides; adu."""
    plan = rate_plan(fs, MODEL_FS)
    ticks = np.arange(5, int(len(wave) / fs * 5) - 5)
    window = wave[plan.start(ticks)[:, None] + np.arange(plan.width)]
    taps = plan.taps[plan.phase(ticks)]
    return np.einsum("tw,twn->tn", window, taps).reshape(-1) / TAP_SCALE


@pytest.mark.parametrize("fs", [*FS, 1000.0, 999.999])
@pytest.mark.parametrize(("hz", "error"), [(0.5, 0.002), (5.0, 0.005), (15.0, 0.02), (25.0, 0.04)])
def test_a_band_limited_wave_comes_through(fs, hz, error):
    t = np.arange(int(10 * fs)) / fs
    got = _resampled(fs, 10_000 * np.sin(2 * np.pi * hz * t))
    at = 1.0 + np.arange(len(got)) / MODEL_FS

    assert np.abs(got / 10_000 - np.sin(2 * np.pi * hz * at)).max() < error


@pytest.mark.parametrize(("hz", "most"), [(50.0, 0.1), (60.0, 0.01), (80.0, 0.001)])
@pytest.mark.parametrize("fs", [250.0, 257.3, 360.0, 500.0])
def test_mains_hum_and_what_would_fold_over_is_taken_down(fs, hz, most):
    t = np.arange(int(10 * fs)) / fs
    got = _resampled(fs, 10_000 * np.sin(2 * np.pi * hz * t))

    assert np.abs(got).max() / 10_000 < most


def test_the_signal_is_in_microvolts_about_the_baseline():
    fs, t = 250.0, np.arange(5000) / 250.0
    raw = np.rint(700 + 200 * np.sin(2 * np.pi * 6 * t)).astype(np.int16)  # 1 mV
    stage, slots = Conditioning(MODEL_FS, 1), np.array([0])
    start(stage, 0, fs, 0, int(raw[0]))
    signal = stage.push(slots, raw[None], fs)[0].signal_uv.reshape(-1)[500:]

    assert signal.max() == pytest.approx(1000, abs=30)
    assert signal.min() == pytest.approx(-1000, abs=30)


def test_units_are_those_that_models_name():
    stage, slots = Conditioning(MODEL_FS, 1), np.array([0])
    raw = patient((sinus(3.0),)).samples
    start(stage, 0, 250.0, 0, int(raw[0, 0]))
    block = stage.push(slots, raw, 250.0)[0]

    np.testing.assert_allclose(block.in_unit("mV") * 1000, block.in_unit("uV"), rtol=1e-6)
    np.testing.assert_array_equal(
        block.in_unit("scale"), block.signal_uv / block.quality.scale_uv[:, :, None]
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("count"),
        lambda s: s.update(count=s["count"] + 9),
        lambda s: s.update(samples=s["samples"].astype(np.int32)),
        lambda s: s.update(count=np.zeros(3, np.int64)),
    ],
)
def test_a_snapshot_of_carried_samples_that_does_not_fit_is_refused(change):
    carry = Carry(2)
    carry.fill(1, 4, 5)
    snapshot = carry.snapshot(np.array([1]))
    change(snapshot)

    with pytest.raises(ValueError, match="snapshot holds"):
        carry.restore(np.array([0]), snapshot)
