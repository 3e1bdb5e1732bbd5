"""Augmentation: seeded, of the same shape, as strong as asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from training import augment

FS = 125.0
AUGMENTATIONS = {
    "gain": augment.gain,
    "inversion": augment.inversion,
    "noise": augment.noise,
    "wander": partial(augment.wander, fs=FS),
    "motion": partial(augment.motion, fs=FS),
    "pops": partial(augment.pops, fs=FS, share=0.5),
}


def spikes(batch: int, n: int = 4000) -> np.ndarray:
    """Spikes of 1000 uV up and down, wide enough to stand in the 99th percentile."""
    one = np.select([np.arange(n) % 100 < 3, np.arange(n) % 100 < 6], [1000, -1000], 0)
    return np.tile(one.astype(np.float32), (batch, 1))


@pytest.mark.parametrize("change", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_a_seed_says_all_and_the_input_stays(change: Callable[..., np.ndarray]) -> None:
    x = spikes(8)
    first = change(x, np.random.default_rng(1))
    assert (first.shape, first.dtype) == (x.shape, np.float32)
    np.testing.assert_array_equal(first, change(x, np.random.default_rng(1)))
    assert not np.array_equal(first, change(x, np.random.default_rng(2)))
    np.testing.assert_array_equal(x, spikes(8))


@pytest.mark.parametrize("snr_db", [0.0, 12.0, 24.0])
def test_noise_has_the_snr_asked_for(snr_db: float) -> None:
    x = spikes(512)
    noisy = augment.noise(x, np.random.default_rng(0), share=1.0, snr_db=(snr_db, snr_db))

    signal_power = 2000.0**2 / 8
    found = 10 * np.log10(signal_power / np.mean((noisy - x) ** 2))

    assert found == pytest.approx(snr_db, abs=0.5)


def test_shares_are_shares_of_the_signals() -> None:
    x = spikes(400)
    for change in (augment.noise, partial(augment.wander, fs=FS)):
        touched = (change(x, np.random.default_rng(0), share=0.3) != x).any(axis=1)
        assert touched.mean() == pytest.approx(0.3, abs=0.08)
    turned = augment.inversion(x, np.random.default_rng(0), share=0.3)[:, 0] < 0
    assert turned.mean() == pytest.approx(0.3, abs=0.08)


def test_gain_stays_between_its_limits() -> None:
    peaks = augment.gain(spikes(400), np.random.default_rng(0), low=0.5, high=2.0).max(axis=1)
    assert 500 <= peaks.min() < 600
    assert 1700 < peaks.max() <= 2000


def test_motion_is_no_larger_than_twice_the_qrs_a_bump() -> None:
    one = augment.motion(spikes(200), np.random.default_rng(0), fs=FS, rate_hz=0.005)
    added = np.abs(one - spikes(200)).max(axis=1)
    assert (added > 0).any()
    assert np.percentile(added, 95) <= 4000


@pytest.mark.parametrize("seed", range(4))
def test_scaled_time_takes_the_beats_along(seed: int) -> None:
    x = np.zeros((2, 3000), np.float32)
    at = np.arange(100, 2900, 90)
    x[:, at[:, None] + np.arange(-6, 7)] = 1000 - 100 * np.abs(np.arange(-6, 7))
    scaled, moved, factor = augment.time_scale(x, at, np.random.default_rng(seed), largest=1.4)
    assert 1 / 1.4 <= factor <= 1.4
    assert scaled.shape[0] == 2
    assert abs(scaled.shape[1] - 3000 * factor) <= 2
    np.testing.assert_allclose(np.diff(moved) / np.diff(at), factor, atol=0.02)
    assert (scaled[:, moved] > 800).all()
    same, still, one = augment.time_scale(x, at, np.random.default_rng(seed), largest=1.0)
    np.testing.assert_array_equal(same, x)
    np.testing.assert_array_equal(still, at)
    assert one == 1


def test_weak_qrs_shrinks_the_complex_and_nothing_else() -> None:
    x = 200 * np.sin(np.arange(1000) / 40).astype(np.float32)
    x[495:506] += 1000 * np.hanning(11).astype(np.float32)
    weak = augment.weak_qrs(x, np.array([500.0, 3.0]), fs=FS, factor=0.2)

    far = np.abs(np.arange(1000) - 500) > 10
    np.testing.assert_array_equal(weak[far], x[far])
    assert weak[500] - x[490] == pytest.approx(0.2 * (x[500] - x[490]), abs=60)


def test_pops_jump_and_die_away_in_the_share_asked_for() -> None:
    x = spikes(300)
    popped = augment.pops(x, np.random.default_rng(0), fs=FS, share=0.4, rate_hz=0.2) - x

    touched = popped.any(axis=1)
    assert touched.mean() == pytest.approx(0.4, abs=0.08)
    assert (np.abs(popped[touched]).max(axis=1) > 1000).all()
    size = np.abs(popped[touched])
    assert (size.mean(axis=1) < 0.25 * size.max(axis=1)).all()
