"""A user's own windowed classifiers, in event time, with and without state."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from inference import model
from inference.pipeline import Pipeline
from inference.session import StreamSession
from inference.windows import Windows
from ingest.sequence_types import End
from ingest.simulator import sinus
from tests.inference.contract import StageCase, check_all
from tests.inference.onnx_models import counting, largest
from tests.inference.patients import Told, chunk, cut, patient, random_pushes, score, told, ward


@pytest.fixture
def own(tmp_path: Path) -> list[Path]:
    """Overlapping windows at 125 Hz, and windows with state at 250 Hz."""
    overlapping = largest(tmp_path / "a.onnx", name="overlapping")
    stateful = counting(
        tmp_path / "b.onnx", name="stateful", fs="250", length="750", stride="750", units="uV"
    )
    return [overlapping, stateful]


def spans(found: Told, name: str) -> list[tuple[int, int]]:
    return [(begin_ms, end_ms) for begin_ms, end_ms, *_ in found[f"p windows {name}"]]


def test_windows_lie_where_the_models_metadata_says(own):
    record = patient((sinus(11.0),))
    found = score(Pipeline(windows=own), [[chunk(record.samples, begins=True)]])

    assert spans(found, "overlapping") == [(at, at + 2000) for at in range(0, 9000, 1000)]
    assert spans(found, "stateful") == [(0, 3000), (3000, 6000), (6000, 9000)]


def test_windows_of_a_stream_that_begins_later_end_at_multiples_of_the_hop(own):
    record = patient((sinus(11.0),))
    found = score(Pipeline(windows=own), [[chunk(record.samples, 1100, begins=True)]])

    assert spans(found, "overlapping")[0] == (5000, 7000)  # 4.4 s is where it begins
    assert spans(found, "stateful")[0] == (6000, 9000)


def test_a_model_sees_its_window_and_unit(own):
    samples = np.zeros((1, 2500), np.int16)
    samples[0, 1340:1360] = 400  # 2 mV at 5.4 s
    found = score(Pipeline(windows=own), [[chunk(samples, begins=True)]])
    by_end = {end_ms: (label, p) for _, end_ms, label, p in found["p windows overlapping"]}

    assert by_end[5000][0] == "low"
    assert by_end[6000][1] == pytest.approx(0.5, abs=0.06)
    assert by_end[8000][0] == "low"


def test_carried_state_goes_from_window_to_window_and_not_to_the_next_session(own):
    samples = patient((sinus(11.0),)).samples
    n = samples.shape[1]
    first = [chunk(samples, begins=True), End("p", "a", n)]
    again = [chunk(samples, session="b", begins=True)]
    found = score(Pipeline(windows=own), [first, again])
    chance = [p if label == "high" else 1 - p for *_, label, p in found["p windows stateful"]]

    assert chance == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.01, 0.02, 0.03], abs=1e-6)


def test_thresholds_decide_which_class_is_told(tmp_path):
    path = largest(tmp_path / "own.onnx", thresholds='{"low": 0.99, "high": 0.2}')
    samples = np.zeros((1, 2500), np.int16)
    samples[0, 1340:1360] = 400
    found = score(Pipeline(windows=[path]), [[chunk(samples, begins=True)]])
    labels = {end_ms: label for _, end_ms, label, _ in found["p windows tiny"]}

    assert labels[4000] == "low"
    assert labels[6000] == "high"


def test_beats_and_alarms_do_not_depend_on_windowed_models_beside_them(own):
    tape = ward()[0]
    found = score(Pipeline(windows=own), [tape.items])
    without = score(Pipeline(), [tape.items])

    assert {k: v for k, v in found.items() if "windows" not in k} == without


def test_any_cut_and_any_batch_mates_give_the_same_windows(own):
    expected: Told = {}
    for tape in ward():
        told([Pipeline(windows=own).push(tape.items)], into=expected)

    for seed in (0, 1):
        pushes = random_pushes(ward(), np.random.default_rng(seed))
        assert score(Pipeline(windows=own), pushes) == expected


def test_streams_take_their_windows_along(own):
    tape = ward()[1]
    pieces = list(cut(tape.items, repeat(700)))
    first, second = Pipeline(windows=own), Pipeline(windows=own)
    found = told([first.push(pieces[:3])])
    second.restore(first.snapshot(["vf"]))
    told([second.push(pieces[3:])], into=found)

    assert found == score(Pipeline(windows=own), [tape.items])


@pytest.mark.parametrize("which", [0, 1])
def test_windows_keep_the_contract_of_stages(own, which):
    info = model.load(own[which])[1]
    n = info.fs // 5
    rng = np.random.default_rng(0)
    inputs = [
        (np.arange(5) * 3 + tick, rng.normal(0, 1, (5, n)).astype(np.float32)) for tick in range(40)
    ]

    def step(stage: Windows, slots: np.ndarray, taken: tuple) -> list[list]:
        scores = stage.step(slots, *taken)
        of_row = dict(zip(scores.rows.tolist(), range(len(scores.rows)), strict=True))
        return [
            [scores.probs[of_row[i]].tolist(), int(scores.best[of_row[i]])] if i in of_row else []
            for i in range(len(slots))
        ]

    def make(n_slots: int) -> Windows:
        return Windows(StreamSession(own[which], "window", n_slots), n_slots)

    check_all(StageCase(make, step, inputs, 5))
