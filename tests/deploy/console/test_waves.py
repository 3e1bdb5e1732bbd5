"""Waveforms for browsers: nothing is lost that the eye would see, however they are cut."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deploy.console.waves import (
    DETAIL,
    MISSING,
    STEP_UV,
    Thinning,
    Wave,
    pack,
    to_steps,
    unpack,
)
from ingest.frames import Lead

STEPS = st.lists(st.integers(-32768, 32767), max_size=80)


@given(st.lists(STEPS, min_size=1, max_size=4), st.integers(0, 2**40))
def test_what_is_packed_is_read_again(rows: list[list[int]], first: int) -> None:
    n = min(map(len, rows))
    steps = np.array([row[:n] for row in rows], np.int16).reshape(len(rows), n)
    told = {"beats": [[1, 2, "V", 0.5, None]], "vitals": {"0": [72.0, "é", None]}}
    block = pack(DETAIL, 9, told, [Wave(7, first, 250.0, steps)])
    kind, number, back_told, (wave,) = unpack(block)
    assert (kind, number, back_told) == (DETAIL, 9, told)
    assert (wave.index, wave.first, wave.fs) == (7, first, 250.0)
    assert np.array_equal(wave.steps, steps)


@given(STEPS, st.lists(st.integers(1, 9), max_size=40), st.sampled_from([1, 4, 8]))
def test_thinning_does_not_depend_on_the_cut(steps: list[int], cuts: list[int], by: int) -> None:
    whole = np.array(steps, np.int16)
    at_once = Thinning(by).push(0, whole)[1]
    thinning, parts, at = Thinning(by), [], 0
    for length in [*cuts, len(whole)]:
        begin, part = thinning.push(at, whole[at : at + length])
        assert begin == sum(map(len, parts))
        parts.append(part)
        at = min(at + length, len(whole))
    assert np.array_equal(np.concatenate(parts), at_once)


@given(st.lists(st.integers(-3000, 3000), min_size=8, max_size=64))
def test_thinning_keeps_every_peak(steps: list[int]) -> None:
    whole = np.array(steps, np.int16)[: len(steps) // 8 * 8]
    thin = Thinning(8).push(0, whole)[1].reshape(-1, 2)
    bins = whole.reshape(-1, 8)
    assert np.array_equal(thin.max(axis=1), bins.max(axis=1))
    assert np.array_equal(thin.min(axis=1), bins.min(axis=1))


def test_what_is_missing_stays_missing() -> None:
    whole = np.array([MISSING] * 4 + [5, MISSING, 7, 6], np.int16)
    assert Thinning(4).push(0, whole)[1].tolist() == [MISSING, MISSING, 5, 7]


def test_behind_a_jump_thinning_begins_on_a_whole_bin() -> None:
    thinning = Thinning(4)
    thinning.push(0, np.array([1, 2, 3], np.int16))
    begin, thin = thinning.push(10, np.array([9, 9, 5, 6, 7, 8], np.int16))
    assert (begin, thin.tolist()) == (6, [5, 8])


def test_steps_are_calibrated() -> None:
    leads = [Lead("I", "mV", 400.0, 10), Lead("II", "uV", 1.0, 0)]
    steps = to_steps(np.array([[410, 10], [1000, -32768]], np.int16), leads)
    assert steps.tolist() == [[1000 / STEP_UV, 0], [1000 / STEP_UV, MISSING]]
