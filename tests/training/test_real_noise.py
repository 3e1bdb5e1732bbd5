"""Real noise mixed into training stretches: as loud as asked, in all of it or a part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.datasets import LabelledSignal, digest
from training.fit import fit
from training.noise_bank import NoiseSegment, level
from training.qrs_sequences import Augmentation, QrsSampler
from training.real_noise import RealNoise, qrs_power

FS = 125


@pytest.fixture(scope="module")
def segments() -> list[NoiseSegment]:
    """Eight stretches of white noise of four people."""
    rng = np.random.default_rng(0)
    return [
        NoiseSegment(f"db/{i % 4}", 8.0 * i, rng.standard_normal(8 * FS).astype(np.float32))
        for i in range(8)
    ]


def test_the_noise_has_the_snr_asked_for_where_it_is_on(segments: list[NoiseSegment]) -> None:
    noise, rng = RealNoise(segments, FS, 0), np.random.default_rng(1)
    power, shares = 1000.0**2 / 8, []
    for _ in range(60):
        stretch = np.zeros(24 * FS, np.float32)
        noise.add(rng, stretch, power, 6.0)
        on = stretch.reshape(-1, FS).std(axis=1) > 50
        shares.append(on.mean())
        if on.all():
            snr_db = 10 * np.log10(power / level(stretch, FS) ** 2)
            assert snr_db == pytest.approx(6.0, abs=0.1)

    assert 0.3 < np.mean(np.array(shares) == 1) < 0.75
    assert min(shares) < 0.5


def test_a_seed_says_all_of_it(segments: list[NoiseSegment]) -> None:
    def added(seed: int) -> np.ndarray:
        stretch = np.zeros(24 * FS, np.float32)
        RealNoise(segments, FS, 0).add(np.random.default_rng(seed), stretch, 1e5, 6.0)
        return stretch

    np.testing.assert_array_equal(added(1), added(1))
    assert not np.array_equal(added(1), added(2))


def test_the_power_is_that_of_the_qrs_not_of_its_baseline(signals: list[LabelledSignal]) -> None:
    one = signals[0]
    twice = replace(one, signal_uv=2 * one.signal_uv + np.float32(500))
    assert qrs_power(one) > 0
    assert qrs_power(twice) == pytest.approx(4 * qrs_power(one), rel=1e-3)
    assert qrs_power(replace(one, r_ms=np.zeros(0, np.int64))) == 0


def test_real_noise_is_mixed_in_at_the_share_asked_for(
    signals: list[LabelledSignal], segments: list[NoiseSegment]
) -> None:
    first = [s for s in signals if s.first]

    def roughness(share: float) -> np.ndarray:
        how = Augmentation(noise=0, wander=0, silence=0, real_noise=share, real_noise_db_high=3.0)
        sampler = QrsSampler(first, len(first), 5, 8, how, RealNoise(segments, FS, 0))
        drawn = sampler.draw(np.random.default_rng(0), 100, 16).signal
        return np.median(np.abs(np.diff(drawn)), axis=1)

    quiet = roughness(0.0).max()
    assert (roughness(0.5) > quiet).mean() == pytest.approx(0.5, abs=0.2)
    assert (roughness(1.0) > quiet).mean() > 0.7


def test_real_noise_without_any_is_refused(signals: list[LabelledSignal]) -> None:
    with pytest.raises(InputError, match="real_noise"):
        QrsSampler(signals, 1, 5, 8, Augmentation(real_noise=0.5))


def test_the_noise_is_part_of_the_data_that_a_model_is_made_from(
    signals: list[LabelledSignal], segments: list[NoiseSegment]
) -> None:
    assert digest(signals, []) == digest(signals)
    assert len({digest(signals, part) for part in ([], segments, segments[:-1])}) == 3


def test_a_run_takes_its_noise_from_the_part_that_may_be_learned_from(
    data: Path, tmp_path: Path, segments: list[NoiseSegment], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def load(folder: Path, part: str, fs: int) -> list[NoiseSegment]:
        asked.append((folder, part, fs))
        return segments

    monkeypatch.setattr("training.fit.load_noise", load)
    with_noise = fit(
        tiny_config("qrs", enrichment={"real_noise": 0.5}), data, tmp_path / "a", progress=False
    )
    without = fit(tiny_config("qrs"), data, tmp_path / "b", progress=False)

    assert asked == [(data, "training", FS)]
    assert with_noise.summary["noise_patients"] == [f"db/{i}" for i in range(4)]
    assert without.summary["noise_patients"] == []
    assert with_noise.summary["data_digest"] != without.summary["data_digest"]
