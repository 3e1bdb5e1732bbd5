"""Rhythm that is put into sequences: labelled as what it is, and only where it can be told."""

from __future__ import annotations

import numpy as np
import pytest

from inference.ticks import N, S, V
from training.synthesis import (
    Beats,
    add_geminy,
    add_premature_atrial,
    add_premature_ventricular,
    wide_beat,
)
from training.synthesis.rhythms import RHYTHMS

BEFORE, LENGTH, FS = 35, 85, 125


def sinus(n: int = 160, *, jitter: float = 0.0, seed: int = 0) -> Beats:
    """Return a sinus rhythm of 0.8 s on a level line."""
    rng = np.random.default_rng(seed)
    rr_s = 0.8 * (1 + jitter * rng.standard_normal(n))
    at = np.cumsum(np.rint(rr_s * FS)).astype(np.int64) + 100
    return Beats(
        np.zeros((1, n, LENGTH), np.float32),
        rr_s,
        np.full(n, N, np.int8),
        np.zeros((1, int(at[-1]) + 200), np.float32),
        at,
        BEFORE,
        FS,
    )


def test_no_atrial_beat_is_made_that_the_wavering_of_the_rhythm_would_hide() -> None:
    n_made = 0
    for seed in range(60):
        beats = sinus(jitter=0.03, seed=seed)
        before = beats.rr_s.copy()
        usual = np.median(np.abs(np.diff(before))) / np.median(before)
        add_premature_atrial(np.random.default_rng(seed), beats, 0.1)
        made = np.flatnonzero(beats.aami == S)
        n_made += len(made)
        firsts = made[beats.aami[made - 1] == N]
        assert (beats.rr_s[firsts] <= before[firsts] * (1 - 3 * usual) + 1e-9).all()
    assert n_made > 100


def test_a_rhythm_that_wavers_by_more_gets_no_atrial_beats() -> None:
    for seed in range(20):
        beats = sinus(jitter=0.25, seed=seed)
        add_premature_atrial(np.random.default_rng(seed), beats, 0.3)
        assert (beats.aami == N).all()


def test_a_focus_keeps_its_coupling_interval() -> None:
    spreads = []
    for seed in range(60):
        beats = sinus(seed=seed)
        add_premature_atrial(np.random.default_rng(seed), beats, 0.1)
        made = np.flatnonzero(beats.aami == S)
        firsts = made[beats.aami[made - 1] == N]
        if len(firsts) > 3:
            spreads.append(np.std(beats.rr_s[firsts]) / 0.8)
    assert len(spreads) > 20
    assert max(spreads) < 0.06


def test_some_ventricular_beats_leave_the_sinus_rhythm_as_it_was() -> None:
    interpolated, compensated = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        beats = sinus(seed=seed)
        add_premature_ventricular(rng, beats, 0.1, wide_beat(rng, LENGTH, BEFORE, 1))
        for i in np.flatnonzero(beats.aami == V):
            if beats.aami[i - 1] == N and beats.aami[i + 1] == N:
                both = beats.rr_s[i] + beats.rr_s[i + 1]
                interpolated += both < 0.8 * 1.2
                compensated += both > 0.8 * 1.6
    assert interpolated > 20
    assert compensated > interpolated


@pytest.mark.parametrize("rhythm", RHYTHMS, ids=lambda rhythm: rhythm.__name__)
def test_a_changed_rhythm_stays_normal_and_in_order(rhythm) -> None:  # type: ignore[no-untyped-def]
    changed = 0
    for seed in range(20):
        beats = sinus(seed=seed)
        rhythm(np.random.default_rng(seed), beats)
        assert (beats.aami == N).all()
        assert (beats.rr_s > 0.1).all()
        changed += bool((np.abs(beats.rr_s - 0.8) > 0.005).any())
    assert changed > 15


@pytest.mark.parametrize("n", [1, 2, 5, 21])
def test_short_sequences_are_no_harm(n: int) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        beats = sinus(n, seed=seed)
        for rhythm in RHYTHMS:
            rhythm(rng, beats)
        add_premature_atrial(rng, beats, 0.5)
        add_premature_ventricular(rng, beats, 0.5, wide_beat(rng, LENGTH, BEFORE, 1))
        assert np.isfinite(beats.rr_s).all()
        assert np.isfinite(beats.windows).all()


def test_early_beats_by_turns_are_regular_and_little_early() -> None:
    n_made = 0
    for seed in range(40):
        beats = sinus(seed=seed)
        add_geminy(np.random.default_rng(seed), beats)
        made = np.flatnonzero(beats.aami == S)
        n_made += len(made)
        assert set(np.diff(made)) in ({2}, {3})
        assert (beats.rr_s[made] > 0.7 * 0.8).all()
        assert (beats.rr_s[made] < 0.97 * 0.8).all()
        assert np.std(beats.rr_s[made]) < 0.02
        after = beats.rr_s[made + 1]
        assert (np.abs(after - 0.8) < 0.05).all() or (after > 0.8).all()
    assert n_made > 600


def test_a_rhythm_that_wavers_gets_no_beats_by_turns() -> None:
    for seed in range(20):
        beats = sinus(jitter=0.1, seed=seed)
        add_geminy(np.random.default_rng(seed), beats)
        assert (beats.aami == N).all()
