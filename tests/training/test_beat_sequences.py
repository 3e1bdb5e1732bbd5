"""Sequences of beats: in order, of one patient, and what is put in is labelled as what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.ticks import F, N, Q, S, V
from ingest.errors import InputError
from training.beat_sequences import IGNORE, BeatSampler, BeatSequences, Synthesis, cut_windows
from training.datasets import LabelledSignal

BEFORE, AFTER = 35, 50
NOTHING = Synthesis(premature_atrial=0, premature_ventricular=0, rhythm=0, tilt=0)


def labelled(
    name: str, aami: NDArray[np.int8], rr_ms: int = 800, amplitude: float = 1.0
) -> LabelledSignal:
    """Return a record of a level line with beats at even intervals."""
    n_samples = len(aami) * rr_ms // 8 + 250
    n_samples -= n_samples % 25
    return LabelledSignal(
        name,
        "II",
        0,
        f"db/{name}",
        125,
        np.full(n_samples, amplitude, np.float32),
        np.ones(n_samples // 25, np.float32),
        np.arange(1, len(aami) + 1, dtype=np.int64) * rr_ms,
        aami,
        np.zeros((0, 2), np.int64),
    )


def plain(name: str = "a", n: int = 400, **keywords: float) -> LabelledSignal:
    return labelled(name, np.zeros(n, np.int8), **keywords)  # type: ignore[arg-type]


def ventricular() -> LabelledSignal:
    """Return a record of large ventricular beats alone, whence shapes may be borrowed."""
    record = labelled("v", np.full(40, V, np.int8))
    return replace(record, signal_uv=3 * np.sin(np.arange(len(record.signal_uv)) / 10))


def draw(
    signals: list[LabelledSignal], synthesis: Synthesis, *, seed: int = 0, batch: int = 24
) -> BeatSequences:
    sampler = BeatSampler(signals, BEFORE, AFTER, synthesis)
    return sampler.draw(np.random.default_rng(seed), batch, 100)


def test_a_seed_says_all(signals: list[LabelledSignal]) -> None:
    one, same, other = (draw(signals, Synthesis(), seed=seed) for seed in (1, 1, 2))
    for name in ("windows", "rr_s", "aami"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert not np.array_equal(one.windows, other.windows)


def test_sequences_have_their_shape_and_are_padded_with_what_teaches_nothing(
    signals: list[LabelledSignal],
) -> None:
    drawn = draw(signals, Synthesis())
    n_beats = max(len(signal.r_ms) for signal in signals)
    assert n_beats < 100
    assert drawn.windows.shape == (24, 100, BEFORE + AFTER)
    assert (drawn.windows.dtype, drawn.rr_s.dtype, drawn.aami.dtype) == (
        np.float32,
        np.float32,
        np.int8,
    )
    assert (drawn.aami[:, n_beats:] == IGNORE).all()
    assert not drawn.rr_s[:, n_beats:].any()
    assert not drawn.windows[:, n_beats:].any()


def test_a_sequence_is_a_stretch_of_one_patient_in_the_order_of_time() -> None:
    rising = np.arange(100, dtype=np.int64)
    one = replace(plain("a", 100), r_ms=(rising * 1000 + rising**2))
    other = plain("b", 100, rr_ms=400)

    drawn = BeatSampler([one, other], BEFORE, AFTER, NOTHING).draw(np.random.default_rng(0), 40, 30)

    assert not drawn.rr_s[:, 0].any()
    for rr_s in drawn.rr_s[:, 1:]:
        of_other = np.allclose(rr_s, 0.4)
        of_one = np.allclose(np.diff(rr_s), 0.002, atol=1e-5) and rr_s[0] >= 1.0
        assert of_one != of_other


def test_fusion_and_unknown_beats_teach_nothing() -> None:
    classes = np.resize(np.array([N, S, V, F, Q], np.int8), 100)
    drawn = draw([labelled("a", classes)], NOTHING)
    expected = np.resize(np.array([N, S, V, IGNORE, IGNORE]), 100)
    assert (drawn.aami == expected).all()


def test_an_interval_of_more_than_3_s_is_unknown() -> None:
    gap = plain(n=100)
    gap = replace(gap, r_ms=gap.r_ms + np.where(np.arange(100) >= 50, 5000, 0))
    assert (draw([gap], NOTHING).rr_s[:, 50] == 0).all()


def test_nothing_asked_for_nothing_put_in() -> None:
    drawn = draw([plain()], NOTHING)
    assert (drawn.aami == N).all()
    np.testing.assert_allclose(drawn.rr_s[:, 1:], 0.8, rtol=1e-5)


def runs_of(aami: NDArray[np.int8], code: int) -> list[tuple[int, int]]:
    """Return (first, end) of each run of one class."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], aami == code, [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


@pytest.mark.parametrize(
    ("synthesis", "code", "latest", "least_pause"),
    [
        (replace(NOTHING, premature_atrial=1.0), S, 0.94, 0.95 * 0.8),
        (replace(NOTHING, premature_ventricular=1.0), V, 0.95 * 1.05, (2 - 0.95) * 0.9),
    ],
    ids=["atrial", "ventricular"],
)
def test_premature_beats_are_early_labelled_and_followed_by_a_pause(
    synthesis: Synthesis, code: int, latest: float, least_pause: float
) -> None:
    drawn = draw([plain()] * 20 + [ventricular()], synthesis)
    n_found = 0
    for rr_s, aami in zip(drawn.rr_s, drawn.aami, strict=True):
        if aami[0] == V:  # the record of ventricular beats itself
            continue
        found = runs_of(aami, code)
        n_found += len(found)
        changed = np.abs(rr_s - 0.8) > 1e-5
        changed[0] = False
        for first, end in found:
            assert (rr_s[first:end] <= 0.8 * latest + 1e-6).all()
            assert (rr_s[first:end] >= 0.8 * 0.42 * 0.8).all()
            interpolated = (
                code == V and end == first + 1 and rr_s[first : end + 1].sum() >= 0.8 - 1e-6
            )
            assert rr_s[end] >= 0.8 * least_pause - 1e-6 or interpolated
            assert aami[end] == N
            changed[first : end + 1] = False
        assert not changed.any()
    assert n_found > 50


def test_the_window_of_a_ventricular_beat_is_not_the_patients_own() -> None:
    drawn = draw([plain()] * 20 + [ventricular()], replace(NOTHING, premature_ventricular=1.0))
    spread = np.ptp(drawn.windows, axis=2)
    assert np.median(spread[drawn.aami == V]) > 3 * np.median(spread[drawn.aami == N])


def test_without_ventricular_beats_to_borrow_sequences_are_drawn_all_the_same() -> None:
    assert draw([plain()], Synthesis()).windows.shape[0] == 24


def test_a_changed_rhythm_changes_no_label() -> None:
    drawn = draw([plain()], replace(NOTHING, rhythm=1.0))
    assert (drawn.aami == N).all()
    assert (np.abs(drawn.rr_s[:, 1:] - 0.8) > 0.02).any(axis=1).mean() > 0.8
    assert (drawn.rr_s[:, 1:] > 0).all()


def test_a_window_at_the_ends_of_the_signal_holds_its_last_sample() -> None:
    x = np.arange(100, dtype=np.float32)
    windows = cut_windows(x, np.array([2, 98]), 5, 5)
    assert windows[0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]
    assert windows[1].tolist() == [93, 94, 95, 96, 97, 98, 99, 99, 99, 99]


def test_leads_drawn_together_are_of_one_record_and_go_by_one_clock(
    signals: list[LabelledSignal],
) -> None:
    sampler = BeatSampler(signals, BEFORE, AFTER, NOTHING, n_leads=2)
    drawn = sampler.draw(np.random.default_rng(0), 24, 40)
    assert drawn.windows.shape == (24, 2, 40, BEFORE + AFTER)
    assert drawn.rr_s.shape == drawn.aami.shape == (24, 40)
    first, second = (drawn.windows[:, i, 1:30].reshape(24, -1) for i in (0, 1))
    alike = [abs(np.corrcoef(a, b)[0, 1]) for a, b in zip(first, second, strict=True)]
    assert min(alike) > 0.95  # the second lead is the first upside down


def in_two_leads(record: LabelledSignal) -> list[LabelledSignal]:
    return [replace(record, lead_index=i, lead=f"lead {i}") for i in (0, 1)]


@pytest.mark.parametrize("code", [S, V])
def test_what_is_put_in_is_put_into_all_leads_at_once_in_a_shape_of_each(code: int) -> None:
    share = {"premature_atrial": float(code == S), "premature_ventricular": float(code == V)}
    sampler = BeatSampler(
        [*in_two_leads(plain()), *in_two_leads(ventricular())],
        BEFORE,
        AFTER,
        replace(NOTHING, drawn_ventricular=1.0, **share),
        n_leads=2,
    )
    drawn = sampler.draw(np.random.default_rng(0), 48, 100)
    of_patient = drawn.aami[:, 0] == N
    windows = drawn.windows[of_patient].swapaxes(1, 2)[drawn.aami[of_patient] == code]
    level = np.median(windows, axis=2, keepdims=True)
    seen = np.abs(windows - level).max(axis=2) > 0.15 if code == V else None
    assert len(windows) > 50
    assert seen is None or seen.mean() > 0.9
    same = np.isclose(windows[:, 0] - level[:, 0], windows[:, 1] - level[:, 1], atol=0.02)
    assert (
        same.all(axis=1).mean() < 0.2
    )  # a beat whose P wave and conduction are usual is early only


def test_ventricular_shapes_are_borrowed_with_all_their_leads() -> None:
    lender = ventricular()
    flat = np.zeros_like(lender.signal_uv)
    lenders = [lender, replace(lender, lead_index=1, signal_uv=flat)]
    synthesis = replace(NOTHING, premature_ventricular=1.0, drawn_ventricular=0.0)
    sampler = BeatSampler([*in_two_leads(plain()), *lenders], BEFORE, AFTER, synthesis, n_leads=2)
    drawn = sampler.draw(np.random.default_rng(0), 24, 100)
    of_patient = drawn.aami[:, 0] == N
    borrowed = drawn.windows.swapaxes(1, 2)[of_patient][drawn.aami[of_patient] == V]
    spread = np.ptp(borrowed, axis=2)
    assert len(borrowed) > 20
    assert (spread[:, 0] > 5 * spread[:, 1]).all()


def test_a_record_without_its_second_lead_is_named() -> None:
    with pytest.raises(InputError, match="record a gives 1 of 2 leads"):
        BeatSampler([plain()], BEFORE, AFTER, NOTHING, n_leads=2)


def still(**keys: float) -> Synthesis:
    """Nothing is put in but for ``keys``; not even gain is changed."""
    return replace(NOTHING, gain=0, inversion=0, **keys)


def bumpy() -> LabelledSignal:
    """Return a record with a triangle of height 1 at each beat."""
    record = plain()
    at = record.r_ms * 125 // 1000
    signal = np.zeros(len(record.signal_uv), np.float32)
    signal[at[:, None] + np.arange(-9, 10)] = 1 - np.abs(np.arange(-9, 10)) / 10
    return replace(record, signal_uv=signal)


def test_what_is_not_asked_for_changes_nothing() -> None:
    off = draw([bumpy()], NOTHING)
    on = draw([bumpy()], replace(NOTHING, noise_db_low=-20, stretch=1.0, dropout=0.0))
    np.testing.assert_array_equal(off.windows, on.windows)


@pytest.mark.parametrize(("key", "least"), [("noise", 0.02), ("wander", 0.05)])
def test_noise_and_wander_are_put_on_the_share_asked_for(key: str, least: float) -> None:
    clean = draw([bumpy()], still())
    keys = {key: 0.5, "noise_db_low": 6.0, "noise_db_high": 6.0}
    drawn = draw([bumpy()], still(**keys), batch=200)
    np.testing.assert_allclose(np.median(drawn.rr_s), 0.8, rtol=1e-6)
    quiet = drawn.windows[:, :, :20]  # before the P wave there is nothing in this signal
    touched = np.median(np.abs(quiet), axis=(1, 2)) > least
    assert 0.35 < touched.mean() < 0.65
    assert np.median(np.abs(clean.windows[:, :, :20])) < least


def test_stretched_time_changes_intervals_and_widths_together() -> None:
    drawn = draw([bumpy()], still(stretch=1.5), batch=100)
    rr_s = np.median(drawn.rr_s, axis=1)
    widths = (drawn.windows > 0.5).sum(axis=2).mean(axis=1)
    assert rr_s.min() < 0.6
    assert rr_s.max() > 1.1
    assert np.corrcoef(rr_s, widths)[0, 1] > 0.95
    peak = drawn.windows.argmax(axis=2)
    assert (np.abs(peak - BEFORE) <= 2).mean() > 0.95, "peaks lie where they are said to be"


def test_beats_of_a_lead_that_is_off_are_lost_and_the_interval_tells() -> None:
    drawn = draw([bumpy()], still(dropout=1.0), batch=50)
    for rr_s, aami in zip(drawn.rr_s, drawn.aami, strict=True):
        n = int((aami == N).sum())
        assert 80 < n < 100
        assert (aami[n:] == IGNORE).all()
        odd = np.flatnonzero(~np.isclose(rr_s[1:n], 0.8))
        assert len(odd) <= 1
        for gap in rr_s[1:n][odd]:
            assert gap == 0 or 1.5 < gap <= 3.0


def test_inversion_turns_the_share_asked_for() -> None:
    for share in (0.0, 1.0):
        drawn = draw([bumpy()], replace(still(), inversion=share))
        assert ((drawn.windows[:, :, BEFORE] < 0) == (share == 1.0)).all()


def test_gain_spreads_as_asked() -> None:
    drawn = draw([bumpy()], replace(still(), gain=0.4), batch=300)
    height = np.log(drawn.windows.max(axis=(1, 2)))
    assert 0.34 < height.std() < 0.46
