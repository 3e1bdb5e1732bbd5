"""What a signal is worth: flags on lead-off, saturation, missing samples and noise."""

from __future__ import annotations

import numpy as np
import pytest

from inference.conditioning import Conditioning
from inference.quality import Quality, QualityTicks
from ingest.frames import MISSING_ADU
from ingest.simulator import Segment, bradycardia, lead_off, sinus, with_noise
from tests.inference.contract import StageCase, check_all, row_bytes
from tests.inference.patients import patient

FS = 250.0
PER_TICK = 50


def judged(raw: np.ndarray, gain: float = 0.2) -> QualityTicks:
    """Quality of a whole signal; its arrays have shape (1, n_ticks)."""
    stage = Conditioning(125, 1)
    stage.start(0, fs=FS, first_sample=0, first_adu=int(raw[0, 0]), gain=gain, baseline=0)
    return stage.push(np.array([0]), raw, FS)[0].quality


def of(*segments: Segment) -> np.ndarray:
    return patient(segments, FS).samples.copy()


def test_a_clean_signal_is_readable():
    quality = judged(of(sinus(20.0), bradycardia(10.0)))

    assert not (quality.missing | quality.flat | quality.saturated | quality.noisy).any()
    assert quality.index[0, 10:].min() > 0.5


def test_missing_samples_are_told_from_a_quarter_of_a_tick():
    raw = of(sinus(10.0))
    raw[0, 1000:1100] = MISSING_ADU
    raw[0, 1500:1505] = MISSING_ADU
    missing = judged(raw).missing[0]

    assert np.flatnonzero(missing).tolist() == [20, 21]
    assert judged(raw).index[0, 20:22].tolist() == [0, 0]


@pytest.mark.parametrize("level_mv", [0.0, 1.2])
def test_a_signal_that_does_not_move_for_2_s_is_flat(level_mv):
    quality = judged(of(sinus(6.0), lead_off(6.0, level_mv=level_mv), sinus(6.0)))
    ticks = np.flatnonzero(quality.flat[0])

    assert 38 <= ticks[0] <= 42
    assert 57 <= ticks[-1] <= 60
    assert quality.flat[0, ticks[0] : ticks[-1] + 1].all()
    assert not quality.saturated.any()


@pytest.mark.parametrize("level_mv", [2.5, -99.0])
def test_a_signal_stuck_at_the_rail_is_flat_and_saturated_at_once_and_stays_so(level_mv):
    quality = judged(of(sinus(6.0), lead_off(20.0, level_mv=level_mv), sinus(6.0)))
    ticks = np.flatnonzero(quality.flat[0] & quality.saturated[0])

    assert 30 <= ticks[0] <= 32
    assert 127 <= ticks[-1] <= 130
    assert len(ticks) == ticks[-1] + 1 - ticks[0]


def test_a_signal_that_is_clipped_is_saturated_and_not_flat():
    n = np.arange(2500)
    clipped = np.clip(3000 * np.sin(2 * np.pi * n / 80), -1500, 1500).astype(np.int16)[None]
    quality = judged(clipped)

    assert quality.saturated[0, 10:].mean() > 0.4
    assert not quality.flat.any()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("gain", [0.2, -0.2])
def test_a_signal_at_the_rail_is_saturated_whichever_way_up(sign, gain):
    raw = of(sinus(6.0), sinus(6.0))
    raw[0, 1500:1600] = sign * 32767
    saturated = judged(raw, gain).saturated[0]

    assert np.flatnonzero(saturated).tolist() == [30, 31]


@pytest.mark.parametrize("gain", [0.2, -0.2])
def test_a_dead_input_is_flat_whichever_way_up(gain):
    assert judged(np.full((1, 1500), 5, np.int16), gain).flat[0, 10:].all()


def test_strong_muscle_noise_is_noisy():
    loud = with_noise(sinus(10.0), emg_mv=0.5)
    quality = judged(of(sinus(6.0), loud))

    assert not quality.noisy[0, :28].any()
    assert quality.noisy[0, 38:].mean() > 0.9
    assert quality.index[0, 38:].max() < 0.5


@pytest.mark.parametrize("gain", [1e-4, 1e6])
def test_any_gain_that_is_believed_can_be_judged(gain):
    rng = np.random.default_rng(0)
    quality = judged(rng.integers(-32767, 32767, (1, 2000)).astype(np.int16), gain)

    assert np.isfinite(quality.scale_uv).all()
    assert np.isfinite(quality.index).all()


def test_the_scale_is_about_the_height_of_the_qrs():
    scale_uv = judged(of(sinus(20.0))).scale_uv[0, 15:]

    assert scale_uv.min() > 800
    assert scale_uv.max() < 2500


def test_quality_keeps_the_contract_of_stages():
    rng = np.random.default_rng(4)
    n_rows = 5
    raw = np.concatenate([of(sinus(7.0), lead_off(3.0, level_mv=99.0))] * n_rows)
    raw[1] = -raw[1]
    raw[2] = rng.integers(-32768, 32767, raw.shape[1])
    raw[3] = 7
    inputs = []
    for at in range(0, 40 * PER_TICK, 4 * PER_TICK):
        ticks = raw[:, at : at + 4 * PER_TICK].reshape(n_rows, 4, PER_TICK)
        uv = (ticks[..., ::2] * 5).astype(np.float32)
        inputs.append(
            (
                uv,
                uv.mean(axis=2),
                ticks,
                ticks == MISSING_ADU,
                np.array([5.0, -5.0, 5.0, 1e-3, 5.0]),
            )
        )

    def step(stage: Quality, slots: np.ndarray, taken: tuple) -> list[bytes]:
        return row_bytes(stage.judge(slots, *taken), len(slots))

    check_all(StageCase(Quality, step, inputs, n_rows))
