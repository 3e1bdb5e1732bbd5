"""Fold models compared on those they left out: whose model, which beats, which thresholds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.ticks import N, S, V
from ingest.errors import InputError
from training import left_out
from training.architectures.beat import BeatClassifier, BeatSize
from training.datasets import LabelledSignal
from training.left_out import Told, compare, f1_of, tell


def write_index(folder: Path, index: dict[str, list[str]]) -> Path:
    folder.mkdir()
    (folder / "folds.json").write_text(json.dumps(index), "utf-8")
    return folder


def constant(v: float, s: float) -> BeatClassifier:
    """A model that says the same of each beat."""
    torch.manual_seed(0)
    model = BeatClassifier(BeatSize(hidden_v=4, hidden_s=4)).eval()
    for head, logit in ((model.head_v, v), (model.head_s, s)):
        head.weight.data.zero_()
        head.bias.data.fill_(logit)
    return model


def test_beats_behind_the_first_minutes_are_called_by_the_shipped_thresholds(
    signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_out, "LEARNING_MS", 20_000)
    logit_of_045 = float(np.log(0.45 / 0.55))
    models = [constant(logit_of_045, 9), constant(-9, 0.1), constant(-9, -0.1)]
    told = tell(models, signals[0])
    assert len(told.aami) == (signals[0].r_ms >= 20_000).sum() < len(signals[0].r_ms)
    assert [set(called.tolist()) for called in told.called] == [{V}, {S}, {N}]


def test_records_are_pooled_beat_by_beat() -> None:
    told = [
        Told("a", np.array([V, V, N]), (np.array([V, N, N]),)),
        Told("b", np.array([N, V]), (np.array([V, V]),)),
    ]
    assert f1_of(told, 0, V) == pytest.approx(100 * 2 * 2 / (3 + 3))


def test_each_patient_is_told_by_the_model_that_left_them_out(
    tmp_path: Path, signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    index = {"fold0.onnx": ["mitdb/101"], "fold1.onnx": ["mitdb/106", "mitdb/201"]}
    one, other = (write_index(tmp_path / name, index) for name in "ab")
    monkeypatch.setattr(left_out, "DS1", ("101", "106", "201"))
    monkeypatch.setattr(left_out, "LEARNING_MS", 0)
    monkeypatch.setattr(
        left_out, "load", lambda _, names, fs: [replace(signals[0], name=n) for n in names]
    )
    says = {"a/fold0.onnx": V, "a/fold1.onnx": N, "b/fold0.onnx": S, "b/fold1.onnx": V}
    logits = {V: (9, 0), S: (-9, 9), N: (-9, -9)}
    monkeypatch.setattr(
        left_out, "open_fold", lambda p: constant(*logits[says[f"{p.parent.name}/{p.name}"]])
    )
    told = compare([one, other], tmp_path)
    assert [each.name for each in told] == ["101", "106", "201"]
    first = [[int(called[0]) for called in each.called] for each in told]
    assert first == [[V, S], [N, V], [N, V]]


def test_folders_of_other_folds_and_records_nobody_left_out_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = write_index(tmp_path / "a", {"fold0.onnx": []})
    other = write_index(tmp_path / "b", {"fold0.onnx": ["mitdb/101"]})
    with pytest.raises(InputError, match="leave out other patients"):
        compare([one, other], tmp_path)
    monkeypatch.setattr(left_out, "open_fold", lambda path: None)
    with pytest.raises(InputError, match="leave out 0 of DS1's 22"):
        compare([one], tmp_path)
