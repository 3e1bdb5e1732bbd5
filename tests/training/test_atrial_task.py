"""The detector of atrial fibrillation: labelled by stretches, learned from few, carried by beat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deploy.services.verify import why_not_batch_invariant
from inference.session import StreamSession
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.simulator import Ectopy, Script, atrial_fibrillation, simulate, sinus, with_ectopy
from tests.training.databases import tiny_config
from training.atrial import LeftOut, folds, of_strips, of_time
from training.atrial_sequences import AtrialSampler, AtrialSynthesis, by_beat
from training.atrial_task import WARM_UP_BEATS, AtrialTask
from training.beat_task import beats_of
from training.datasets import LabelledSignal, condition
from training.rhythm_spans import SpanRhythm

FS = 125


def patient(seed: int, *, fibrillates: bool) -> LabelledSignal:
    """Simulate three minutes of sinus rhythm with premature beats, the second half in AF or not."""
    name = f"p{seed}"
    calm = with_ectopy(sinus(90.0, 62.0 + 3 * seed), Ectopy("V", probability=0.08))
    rest = atrial_fibrillation(90.0, 80.0 + 5 * seed) if fibrillates else sinus(90.0, 75.0)
    record = simulate(Script(name, (calm, rest)), 250.0, 180.0, seed)
    signal, scale = condition(Recording(name, 250.0, record.leads, record.samples), 0, FS)
    second = SpanRhythm.AF if fibrillates else SpanRhythm.OTHER
    spans = np.array([[0, 90_000, SpanRhythm.OTHER], [90_000, 180_000, second]])
    r_ms = record.truth.r_peaks * 1000 // 250
    return LabelledSignal(
        name, "II", 0, name, FS, signal, scale, r_ms, record.truth.aami.astype(np.int8),
        np.zeros((0, 2), np.int64), rhythm_ms=spans,
    )  # fmt: skip


@pytest.fixture(scope="module")
def signals() -> list[LabelledSignal]:
    return [patient(seed, fibrillates=seed % 2 == 0) for seed in range(4)]


@pytest.fixture(scope="module")
def task(signals: list[LabelledSignal]) -> AtrialTask:
    """Train on four patients, two of whom fibrillate."""
    from training.quiet import fitted

    torch.set_num_threads(1)
    config = tiny_config(
        "atrial",
        fit={"epochs": 1, "steps": 70, "batch": 16, "length": 60, "learning_rate": 2e-2},
        architecture={"hidden": 12},
    )
    return fitted(lambda: AtrialTask(config, signals, []), config.fit)


@pytest.mark.train
def test_it_tells_fibrillation_of_patients_never_seen_from_ectopy(task: AtrialTask) -> None:
    ill, well = patient(8, fibrillates=True), patient(9, fibrillates=False)
    p, labels = task.probabilities(ill), by_beat(ill)
    begin = int(np.flatnonzero(labels == 1)[0])
    assert np.median(p[begin + 16 :]) > 0.7
    assert np.median(p[WARM_UP_BEATS:begin]) < 0.3
    assert (task.probabilities(well)[WARM_UP_BEATS:] > 0.5).mean() < 0.1


@pytest.mark.train
def test_the_exported_model_says_the_same_beat_by_beat(task: AtrialTask, tmp_path: Path) -> None:
    path = tmp_path / "atrial.onnx"
    task.write(path, "digest")
    session, unseen = StreamSession(path, "beat-rhythm", 1), patient(8, fibrillates=True)
    windows, rr_s = beats_of(unseen)
    told = [
        session.step(np.array([0]), windows[i : i + 1, None], rr_s[i : i + 1, None])[0, 1]
        for i in range(len(rr_s))
    ]
    np.testing.assert_allclose(told, task.probabilities(unseen), atol=1e-4)
    assert why_not_batch_invariant(path) is None


def test_beats_are_labelled_by_the_stretch_that_they_lie_in() -> None:
    signal = replace(
        patient(1, fibrillates=False),
        rhythm_ms=np.array([[0, 60_000, 0], [60_000, 90_000, 4], [90_000, 120_000, 5]]),
    )
    labels, seconds = by_beat(signal), signal.r_ms / 1000
    assert set(labels[seconds < 60]) == {0}
    assert set(labels[(seconds >= 60) & (seconds < 90)]) == {1}
    assert set(labels[seconds >= 90]) == {-1}


def test_sequences_fibrillate_as_often_as_they_are_told_to(signals: list[LabelledSignal]) -> None:
    def share(**how: float) -> float:
        sampler = AtrialSampler(signals, AtrialSynthesis(**how))
        _, rr_s, labels = sampler.draw(np.random.default_rng(0), 120, 40)
        assert rr_s.min() >= 0
        assert rr_s.max() <= 3
        return float((labels == 1).any(axis=1).mean())

    assert share(fibrillating=0.0, fibrillation=0.0) == 0
    assert share(fibrillating=0.0, fibrillation=1.0) > 0.9
    assert 0.2 < share(fibrillating=0.5, fibrillation=0.0) < 0.6


def test_signals_of_one_kind_alone_are_refused(signals: list[LabelledSignal]) -> None:
    with pytest.raises(InputError, match="with and without atrial fibrillation"):
        AtrialSampler([signals[1]])


def test_each_fold_leaves_its_share_of_those_who_fibrillate_out(
    signals: list[LabelledSignal],
) -> None:
    dealt = folds(signals, 2)
    assert sorted(len(fold & {"p0", "p2"}) for fold in dealt) == [1, 1]
    assert set.union(*dealt) == {"p0", "p1", "p2", "p3"}


def test_time_and_strips_are_counted_as_by_hand() -> None:
    def left(patient: str, p: list[float], truth: list[int]) -> LeftOut:
        n = 20 // len(p)
        rr_ms = np.full(n * len(p), 1000)
        return LeftOut(patient, np.repeat(p, n), np.repeat(truth, n).astype(np.int8), rr_ms)

    of_hour = [left("mitdb/1", [0.9, 0.9, 0.1, 0.1], [1, 0, 1, -1])]
    assert of_time(of_hour, 0.5) == "duration Se 50.0, +P 50.0 of 0.2 min, 1 records"
    strips = [
        left("cinc2017/a", [0.9], [1]),
        left("cinc2017/b", [0.1], [1]),
        left("cinc2017/c", [0.8], [0]),
        left("cinc2017/d", [0.2], [-1]),
    ]
    assert of_strips(strips, 0.5) == "F1 of A 50.0 (1 of 2 strips, 1 of 1 false)"
