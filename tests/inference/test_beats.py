"""R-peaks and beats: the contract of their stages, and how well they find what is known."""

from __future__ import annotations

import dataclasses
from itertools import chain, pairwise

import numpy as np
import pytest

from inference import model
from inference.beats import Beats
from inference.model import ModelInfo, builtin
from inference.peaks import REFRACTORY_MS, PeakPicker, Peaks
from inference.pipeline import Pipeline
from inference.session import StreamSession
from inference.ticks import TICK_MS, BlockBeats
from ingest.errors import InputError
from ingest.sequence_types import End
from ingest.simulator import Ectopy, bradycardia, sinus, tachycardia, with_ectopy
from tests.inference.contract import StageCase, check_all, together
from tests.inference.patients import chunk, patient

QRS: ModelInfo = model.load(builtin("qrs"))[1]
AFTER_MS = 400
N_FRAMES = 5


def picked(probs: np.ndarray, allowed: bool = True) -> list[int]:
    """R-peaks of one stream in ms, from probabilities by frame."""
    picker = PeakPicker(QRS, AFTER_MS, 1)
    found = []
    for tick in range(len(probs) // N_FRAMES):
        now_ms = np.array([(tick + 1) * TICK_MS])
        part = probs[None, None, tick * N_FRAMES : (tick + 1) * N_FRAMES].astype(np.float32)
        heard = np.full((1, 1, N_FRAMES), allowed)
        found += picker.pick(np.array([0]), now_ms, part, heard).r_ms.tolist()
    return found


def at_frames(n: int, **probability: float) -> np.ndarray:
    """Probabilities that are zero but at the frames named f12 and so on."""
    probs = np.zeros(n)
    for name, p in probability.items():
        probs[int(name[1:])] = p
    return probs


def test_a_peak_is_where_the_probability_says_less_the_look_ahead():
    for frame in range(30, 36):
        expected = (frame + 0.5) * 40 - round(QRS.look_ahead_s * 1000 / 40) * 40
        assert picked(at_frames(100, **{f"f{frame}": 0.9})) == [expected]


def test_the_time_of_a_peak_is_finer_than_a_frame():
    left = picked(at_frames(100, f30=0.9, f29=0.5))[0]
    right = picked(at_frames(100, f30=0.9, f31=0.5))[0]

    assert 0 < right - left < 40


def test_of_neighbouring_peaks_the_larger_one_is_taken():
    assert len(picked(at_frames(100, f30=0.9, f33=0.95))) == 1
    assert len(picked(at_frames(100, f30=0.9, f36=0.9))) == 2
    assert len(picked(at_frames(100, f30=0.9, f31=0.9))) == 1


def test_what_does_not_reach_the_threshold_or_has_no_signal_is_no_peak():
    assert picked(at_frames(100, f30=0.05)) == []
    assert picked(at_frames(100, f30=0.95), allowed=False) == []


def test_no_peak_lies_before_the_stream_and_none_within_refractory_time():
    assert all(r_ms >= 0 for r_ms in picked(np.full(100, 0.99) - np.arange(100) / 1e4))
    rng = np.random.default_rng(2)
    peaks = np.array(picked(rng.random(5000)))

    assert len(peaks) > 300
    assert np.diff(peaks).min() >= REFRACTORY_MS


def test_every_peak_is_decided_within_the_delay_that_is_told():
    picker = PeakPicker(QRS, AFTER_MS, 1)
    rng = np.random.default_rng(3)
    known_to_ms = -(10**9)
    for tick in range(800):
        now_ms = np.array([(tick + 1) * TICK_MS])
        probs = rng.random((1, 1, N_FRAMES)).astype(np.float32)
        heard = np.ones((1, 1, N_FRAMES), bool)
        for r_ms in picker.pick(np.array([0]), now_ms, probs, heard).r_ms:
            assert r_ms >= known_to_ms
            assert r_ms >= now_ms[0] - picker.oldest_ms
            assert r_ms <= now_ms[0] - AFTER_MS
        known_to_ms = int(now_ms[0]) - picker.decision_delay_ms


@pytest.mark.parametrize(
    ("stride", "says"), [(4, "no whole part of a tick"), (1, "no whole part|40 ms or longer")]
)
def test_frames_that_do_not_fit_a_tick_are_refused(stride, says):
    values = {name: getattr(QRS, name) for name in ModelInfo.__slots__}

    with pytest.raises(InputError, match=says):
        PeakPicker(ModelInfo(**values | {"stride": stride}), AFTER_MS)


def of_rows(found: Peaks | BlockBeats, n_rows: int) -> list[list[tuple]]:
    """What each row was given, without what only says where in the call it stood."""
    names = [f.name for f in dataclasses.fields(found) if f.name not in ("row", "tick")]
    rows: list[list[tuple]] = [[] for _ in range(n_rows)]
    for i, row in enumerate(found.row.tolist()):
        rows[row].append(tuple(getattr(found, name)[i].tobytes() for name in names))
    return rows


def in_blocks(inputs: list[tuple], rng: np.random.Generator) -> list[tuple]:
    """Join ticks, some at a time: (end of the first, arrays with an axis of ticks second)."""
    blocks = []
    while inputs:
        n = int(rng.integers(1, 6))
        first_ms = inputs[0][0]
        others = zip(*(tick[1:] for tick in inputs[:n]), strict=True)
        blocks.append((first_ms, *(np.stack(arrays, axis=1) for arrays in others)))
        inputs = inputs[n:]
    return blocks


def test_the_peak_picker_keeps_the_contract_of_stages():
    rng = np.random.default_rng(5)
    inputs = [
        (
            np.full(6, (tick + 1) * TICK_MS) + np.arange(6) * 1000,
            rng.random((6, N_FRAMES)).astype(np.float32),
            rng.random((6, N_FRAMES)) < 0.8,
        )
        for tick in range(30)
    ]

    def step(stage: PeakPicker, slots: np.ndarray, taken: tuple) -> list:
        return of_rows(stage.pick(slots, *taken), len(slots))

    def case(blocks: list) -> StageCase:
        return StageCase(lambda n: PeakPicker(QRS, AFTER_MS, n), step, blocks, 6)

    check_all(case(in_blocks(inputs, rng)))
    of_ticks = together(case([(t[0], t[1][:, None], t[2][:, None]) for t in inputs]))
    of_blocks = together(case(in_blocks(inputs, rng)))
    assert [list(chain(*row)) for row in of_blocks] == [list(chain(*row)) for row in of_ticks]


def make_beats(n_slots: int) -> Beats:
    """Both shipped models."""
    sessions = [StreamSession(builtin(kind), kind, n_slots) for kind in ("qrs", "beat")]
    return Beats(*sessions, n_slots)


def test_beats_keep_the_contract_of_stages():
    seeds = range(6)
    busy = with_ectopy(sinus(9.0, 90.0), Ectopy(probability=0.4))
    signals = np.stack([patient((busy,), 125.0, seed).samples[0] for seed in seeds]) / 200.0
    rng = np.random.default_rng(1)
    inputs = [
        (
            np.full(6, (tick + 1) * TICK_MS),
            signals[:, tick * 25 : (tick + 1) * 25].astype(np.float32),
            rng.random(6) < 0.97,
        )
        for tick in range(40)
    ]

    def step(stage: Beats, slots: np.ndarray, taken: tuple) -> list:
        first_ms, scaled, heard = taken
        scale_uv = np.full(heard[:, None].shape, 1000.0, np.float32)
        found = stage.find(slots, first_ms, scaled[:, None], scale_uv, heard[:, None])
        return of_rows(found, len(slots))

    def case(blocks: list) -> StageCase:
        return StageCase(make_beats, step, blocks, 6)

    check_all(case(in_blocks(inputs, rng)))
    of_ticks = together(case([(t[0], t[1][:, None], t[2][:, None]) for t in inputs]))
    of_blocks = together(case(in_blocks(inputs, rng)))
    assert [list(chain(*row)) for row in of_blocks] == [list(chain(*row)) for row in of_ticks]
    assert sum(len(tick) for row in of_ticks for tick in row) > 50


def test_another_lead_is_begun_as_a_stream_is_but_for_what_is_known_of_shapes():
    one, other = (patient((sinus(20.0, 75.0),), 125.0, seed).samples[0] / 200.0 for seed in (1, 2))
    stage, slot, heard = make_beats(2), np.array([0]), np.ones((1, 1, 50), np.bool_)

    def hear(at: np.ndarray, signal: np.ndarray, first_tick: int) -> BlockBeats:
        ticks = signal[first_tick * 25 : first_tick * 25 + 1250].reshape(1, 1, 50, 25)
        first_ms = np.array([(first_tick + 1) * TICK_MS])
        return stage.find(at, first_ms, ticks.astype(np.float32), np.float32(1000) * heard, heard)

    hear(slot, one, 0)
    stage.begin_anew(slot)
    known = stage.beat.snapshot(slot)
    stage.beat.restore(np.array([1]), known)
    followed, begun = hear(slot, -other, 50), hear(np.array([1]), -other, 50)

    assert any(rows.any() for rows in known.values())
    assert len(begun) > 8
    assert begun.rr_ms[0] == 0
    assert of_rows(followed, 1) == of_rows(begun, 1)


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_known_r_peaks_are_found_in_time(fs, seed):
    slow, fast = bradycardia(20.0, 42.0), tachycardia(20.0, 140.0)
    record = patient((sinus(30.0, 72.0), slow, sinus(20.0, 90.0), fast), fs, seed)
    n = record.samples.shape[1]
    results = Pipeline().push([chunk(record.samples, fs=fs, begins=True), End("p", "a", n)])
    beats = np.array([beat.sample for beat in results.beats()])
    truth = record.truth.r_peaks
    off_s = np.abs(beats[:, None] - truth).min(axis=0) / fs
    wrong_s = np.abs(beats[:, None] - truth).min(axis=1) / fs

    assert (off_s <= 0.15).mean() >= 0.98  # Se, with EC57's window
    assert (wrong_s <= 0.15).mean() >= 0.98  # +P
    assert np.quantile(off_s[off_s <= 0.15], 0.99) <= 0.04


def test_rr_intervals_are_those_between_beats_and_unknown_behind_a_gap():
    record = patient((sinus(20.0, 72.0),))
    samples = record.samples.copy()
    samples[0, 2500:2900] = -32768
    beats = list(Pipeline().push([chunk(samples, begins=True)]).beats())

    assert beats[0].rr_ms == 0
    for before, beat in pairwise(beats):
        across = before.sample < 2700 < beat.sample
        assert beat.rr_ms == (0 if across else beat.r_ms - before.r_ms)
