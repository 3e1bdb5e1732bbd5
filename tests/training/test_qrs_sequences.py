"""Stretches for the QRS detector: targets lie on the peaks, a fixed look-ahead behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ingest.errors import InputError
from training.datasets import LabelledSignal
from training.qrs_sequences import Augmentation, QrsSampler, QrsSequences

STRIDE, LOOK_AHEAD = 5, 8
PLAIN = Augmentation(stretch=1.0, inversion=0, noise=0, wander=0, silence=0, other_lead=0)


def spiky(n_s: int = 120) -> LabelledSignal:
    """Return a record with a spike of one sample every 0.8 s."""
    r = np.arange(50, n_s * 125 - 50, 100)
    signal = np.zeros(n_s * 125, np.float32)
    signal[r] = 1000
    return LabelledSignal(
        "a",
        "II",
        0,
        "db/a",
        125,
        signal,
        np.ones(n_s * 5, np.float32),
        r.astype(np.int64) * 8,
        np.zeros(len(r), np.int8),
        np.zeros((0, 2), np.int64),
    )


def draw(
    signals: list[LabelledSignal], how: Augmentation, *, seed: int = 0, look_ahead: int = LOOK_AHEAD
) -> QrsSequences:
    sampler = QrsSampler(signals, 1, STRIDE, look_ahead, how)
    return sampler.draw(np.random.default_rng(seed), 12, 16)


def test_a_seed_says_all(signals: list[LabelledSignal]) -> None:
    one, same, other = (draw(signals, Augmentation(), seed=seed) for seed in (1, 1, 2))
    for name in ("signal", "target", "weight"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert not np.array_equal(one.signal, other.signal)
    assert one.signal.shape == (12, 2000)
    assert one.target.shape == one.weight.shape == (12, 400)
    assert np.isfinite(one.signal).all()


@pytest.mark.parametrize("stretch", [1.0, 1.3])
@pytest.mark.parametrize("look_ahead", [0, 8])
def test_the_frame_of_each_peak_is_marked_a_look_ahead_later(
    stretch: float, look_ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import augment

    monkeypatch.setattr(augment, "motion", lambda x, rng, *, fs: x)
    drawn = draw([spiky()], replace(PLAIN, stretch=stretch), look_ahead=look_ahead)

    for signal, target in zip(drawn.signal, drawn.target, strict=True):
        frames = signal.reshape(-1, STRIDE).max(axis=1)
        peaks = np.flatnonzero(frames > 0.3 * frames.max())
        marked = np.flatnonzero(target > 0.5)
        for peak in peaks[(peaks > 1) & (peaks < 400 - look_ahead - 2)]:
            assert np.abs(marked - (peak + look_ahead)).min() <= 1
        for mark in marked[marked > look_ahead + 1]:
            assert np.abs(peaks - (mark - look_ahead)).min() <= 1


def test_what_the_look_ahead_has_not_heard_teaches_nothing() -> None:
    drawn = draw([spiky()], PLAIN)
    assert not drawn.weight[:, :LOOK_AHEAD].any()
    assert drawn.weight[:, LOOK_AHEAD:].all()


def test_silence_takes_its_peaks_away() -> None:
    drawn = draw([spiky()], replace(PLAIN, silence=1.0))
    for target, weight in zip(drawn.target, drawn.weight, strict=True):
        edges = np.flatnonzero(np.diff((weight > 0).astype(int)))
        assert len(edges) >= 2, "no edge of the silence is left out"
        marked = np.flatnonzero(target > 0.5)
        assert np.diff(marked, prepend=0, append=400).max() >= 75


def test_flutter_teaches_nothing() -> None:
    spans = np.array([[20_000, 100_000]], np.int64)
    drawn = draw([replace(spiky(), flutter_ms=spans)], PLAIN)
    assert (drawn.weight[:, LOOK_AHEAD:] == 0).any()
    open_end = np.array([[0, np.iinfo(np.int64).max]], np.int64)
    assert not draw([replace(spiky(), flutter_ms=open_end)], PLAIN).weight.any()


def test_other_leads_are_taken_as_often_as_asked() -> None:
    upside_down = replace(spiky(), signal_uv=-spiky().signal_uv, lead="V1", lead_index=1)
    for share in (0.0, 1.0):
        drawn = draw([spiky(), upside_down], replace(PLAIN, other_lead=share))
        negative = -drawn.signal.min(axis=1) > drawn.signal.max(axis=1)
        assert negative.mean() == share


def test_a_record_that_is_too_short_is_named() -> None:
    with pytest.raises(InputError, match="record a is too short for sequences of 16 s"):
        draw([spiky(17)], replace(PLAIN, stretch=1.25))


def test_a_lead_that_is_off_is_flat_and_holds_no_beat() -> None:
    plain = draw([spiky()], PLAIN)
    drawn = draw([spiky()], replace(PLAIN, dropout=1.0))
    assert drawn.target.sum() < plain.target.sum() - 12 * 2
    steps = np.abs(np.diff(drawn.signal, axis=1)) < 1e-6
    flat = np.array([max(map(len, "".join("01"[int(s)] for s in row).split("0"))) for row in steps])
    clean = np.abs(np.diff(plain.signal, axis=1)) < 1e-6
    longest = max(max(map(len, "".join("01"[int(s)] for s in row).split("0"))) for row in clean)
    assert (flat > longest).all()


@pytest.mark.parametrize("largest", [1.0, 4.0])
def test_largest_gain_is_as_asked(largest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    from training import augment

    factors: list[float] = []
    honest = augment.gain

    def gain(x: np.ndarray, *arguments, **keywords) -> np.ndarray:
        changed = honest(x, *arguments, **keywords)
        factors.extend(np.abs(changed).max(axis=1) / np.abs(x).max(axis=1))
        return changed

    monkeypatch.setattr(augment, "gain", gain)
    draw([spiky()], replace(PLAIN, gain=largest))
    assert 1 / largest - 1e-6 <= min(factors) <= max(factors) <= largest + 1e-6
    assert max(factors) / min(factors) >= largest**0.8 - 1e-6


def test_fast_squeezes_time_so_that_rates_of_tachycardia_are_seen() -> None:
    fast = draw([spiky()], replace(PLAIN, fast=1.0, fastest=2.0))
    beats = (fast.target > 0.5).sum(axis=1) / 16
    assert beats.min() >= 1.25 * 0.85
    assert beats.max() > 1.25 * 1.5


def test_a_record_must_be_long_enough_for_the_fastest() -> None:
    with pytest.raises(InputError, match=r"stretched by up to 8"):
        draw([spiky()], replace(PLAIN, fast=0.1, fastest=8.0))


def test_weak_qrs_lets_the_wave_after_it_stand_out_and_keeps_the_target() -> None:
    record = spiky()
    record.signal_uv[(record.r_ms // 8)[:, None] + np.arange(30, 36)] = 400
    plain = draw([record], PLAIN)
    weak = draw([record], replace(PLAIN, weak_qrs=1.0, weakest=0.2))

    def share_of_waves(drawn: QrsSequences) -> float:
        return float(np.mean(drawn.signal > 0.6 * drawn.signal.max(axis=1, keepdims=True)))

    assert share_of_waves(plain) < 0.02
    assert share_of_waves(weak) > 0.02
    assert (weak.target.max(axis=1) > 0.5).all()
