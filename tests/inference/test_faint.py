"""Peaks too small for beats: P waves of a standstill are none, small QRS complexes are beats."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest

from inference.faint import LEAST_BEATS, P_WAVE_UV, Faint
from inference.peaks import Peaks
from inference.pipeline import Pipeline
from inference.results import Results
from ingest.sequence_types import End
from ingest.simulator import Ectopy, asystole, lead_off, sinus, with_ectopy
from tests.inference.contract import StageCase, check_all, together
from tests.inference.patients import chunk, patient
from tests.inference.test_beats import in_blocks

FS, BEFORE, LENGTH = 125, 25, 60
SHAPE = np.bartlett(9).astype(np.float32)


def judge(
    stage: Faint, slots: np.ndarray, size_uv: np.ndarray, heard: np.ndarray
) -> list[list[bool]]:
    """What is said of one peak a tick of so many uV, 0 for none; shape (n_rows, n_ticks)."""
    row, tick = np.nonzero(size_uv)
    if not len(row):
        stage.pass_by(slots, heard[:, None])
        return [[] for _ in slots]
    windows = np.zeros((len(row), 1, LENGTH), np.float32)
    windows[:, 0, BEFORE - 4 : BEFORE + 5] = SHAPE
    kept = stage.judge(
        slots,
        Peaks(row, tick, tick * 200),
        windows,
        size_uv[:, None].astype(np.float32),
        heard[:, None],
    )
    return [kept[row == k].tolist() for k in range(len(slots))]


def said(*size_uv: float, off: tuple[int, ...] = ()) -> list[bool]:
    """What is said of the peaks of one stream, a peak a tick; in some ticks the lead is off."""
    heard = np.ones((1, len(size_uv)), np.bool_)
    heard[0, list(off)] = False
    return judge(Faint(FS, BEFORE, LENGTH, 1), np.array([0]), np.array([size_uv]), heard)[0]


def test_the_stage_keeps_the_contract_of_stages() -> None:
    rng = np.random.default_rng(3)
    tall, any_size = (
        np.array([0.0, 900.0, 1200.0]),
        np.array([0.0, 0.0, 100.0, 180.0, 240.0, 900.0]),
    )
    inputs = [
        (
            np.zeros(6, np.int64),
            rng.choice(tall if tick % 60 < 30 else any_size, 6),
            rng.random(6) < 0.99,
        )
        for tick in range(180)
    ]

    def step(stage: Faint, slots: np.ndarray, taken: tuple[np.ndarray, ...]) -> list[list[bool]]:
        _, size_uv, heard = taken
        return judge(stage, slots, size_uv, heard)

    def case(blocks: list[Any]) -> StageCase:
        return StageCase(lambda n: Faint(FS, BEFORE, LENGTH, n), step, blocks, 6)

    check_all(case(in_blocks(inputs, rng)))
    of_ticks = together(case([(t[0], t[1][:, None], t[2][:, None]) for t in inputs]))
    of_blocks = together(case(in_blocks(inputs, rng)))
    rows = [list(chain(*row)) for row in of_ticks]
    assert [list(chain(*row)) for row in of_blocks] == rows
    assert 0 < sum(not kept for row in rows for kept in row) < sum(map(len, rows))


def test_what_is_small_beside_the_usual_is_no_beat_however_long_it_lasts() -> None:
    assert said(*[1200.0] * 9, *[180.0] * 200, 1100.0) == [True] * 9 + [False] * 200 + [True]


@pytest.mark.parametrize(
    "sizes",
    [
        [1200.0] * (LEAST_BEATS - 1) + [180.0] * 20,  # too few to know
        [500.0] * 20 + [180.0] * 20,  # more than a quarter of the usual
        [4000.0] * 20 + [P_WAVE_UV] * 20,  # no P wave is so tall
        [2500.0, 240.0] * 40,  # bigeminy of tall ectopic beats
        [180.0] * 20,  # a stream of low voltage
        [240.0] * 20 + [2500.0] * 20 + [240.0] * 20,  # a run of tall ones
    ],
)
def test_small_beats_stay_where_they_may_be_beats(sizes: list[float]) -> None:
    assert all(said(*sizes))


def test_an_electrode_put_on_elsewhere_is_learned_anew() -> None:
    before, behind = [1200.0] * 10, [180.0] * 20
    assert all(said(*before, *behind, off=(10,)))
    assert all(said(*before, 0.0, *behind, off=(10,)))
    assert not any(said(*[1200.0] * 20, *behind, off=(3,))[20:])


def alarms(results: Results, condition: str) -> list[str]:
    """What became of the alarms of one condition."""
    return [
        change.transition.kind.value
        for change in results.alarms
        if change.transition.condition.name == condition
    ]


@pytest.mark.parametrize("p_rate_bpm", [40.0, 60.0, 75.0, 100.0, 130.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_standstill_with_p_waves_is_asystole_until_a_qrs_comes(
    p_rate_bpm: float, seed: int
) -> None:
    script = (sinus(20.0, 70.0), asystole(30.0, p_rate_bpm=p_rate_bpm), sinus(20.0, 66.0))
    record = patient(script, 250.0, seed)
    n = record.samples.shape[1]
    results = Pipeline().push([chunk(record.samples, begins=True), End("p", "a", n)])
    (episode,) = [e for e in record.truth.episodes if e.kind == "asystole"]
    beats = [beat.sample for beat in results.beats()]
    assert not [r for r in beats if episode.onset_sample + 50 < r < episode.offset_sample - 50]
    told = alarms(results, "asystole")
    assert told[0] == "raised"
    assert told.count("raised") == 1


def test_beats_between_tall_ectopic_ones_and_behind_a_lead_off_stay() -> None:
    script = (
        with_ectopy(sinus(40.0, 74.0), Ectopy(every=1, prematurity=0.58)),
        lead_off(6.0),
        sinus(30.0, 74.0),
    )
    record = patient(script, 250.0, 4)
    n = record.samples.shape[1]
    results = Pipeline().push([chunk(record.samples, begins=True), End("p", "a", n)])
    beats = np.array([beat.sample for beat in results.beats()])
    off = np.abs(beats[:, None] - record.truth.r_peaks).min(axis=0) / 250.0
    assert (off <= 0.15).mean() >= 0.97
