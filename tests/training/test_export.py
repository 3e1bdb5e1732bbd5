"""Export: the file says what it is, is the model that was fitted, or is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from inference import model as models
from inference.session import StreamSession
from tests.training.databases import tiny_config
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.qrs import STRIDE, QrsDetector, QrsSize
from training.architectures.recall import LENGTH
from training.beat_task import BeatTask
from training.export import ExportSpec, export
from training.qrs_task import QrsTask

DIGEST = "ab" * 32
SPEC = ExportSpec(
    name="mine",
    version="3.2.1",
    kind="qrs",
    fs=125,
    classes=("R",),
    thresholds={"R": 0.4},
    data_digest=DIGEST,
    look_ahead_s=0.32,
    stride=STRIDE,
)


def export_qrs(path: Path, detector: QrsDetector, spec: ExportSpec = SPEC) -> float:
    past, fine, h, c = detector.initial_state(2)
    inputs = {
        "signal": torch.zeros(2, 1, STRIDE * 4),
        "state_signal": past,
        "state_fine": fine,
        "state_h": h[0],
        "state_c": c[0],
    }
    return export(detector, inputs, spec, path, free_time=True)


def test_metadata_comes_back_as_it_went_in(tmp_path: Path) -> None:
    export_qrs(tmp_path / "m.onnx", QrsDetector(QrsSize(2, 3, 4)))

    _, info = models.load(tmp_path / "m.onnx")

    for key in ("name", "version", "kind", "fs", "classes", "stride", "length", "before"):
        assert getattr(info, key) == getattr(SPEC, key)
    assert (info.leads, info.units, info.look_ahead_s) == (("any",), "scale", 0.32)
    assert (dict(info.thresholds), info.data_digest) == ({"R": 0.4}, DIGEST)


def test_the_same_model_is_the_same_file_wherever_it_is_written(tmp_path: Path) -> None:
    detector = QrsDetector(QrsSize(2, 3, 4))
    for name in ("one.onnx", "other.onnx"):
        export_qrs(tmp_path / name, detector)
    content = (tmp_path / "one.onnx").read_bytes()
    assert content == (tmp_path / "other.onnx").read_bytes()
    assert str(Path.cwd()).encode() not in content


class Moody(QrsDetector):
    """Gives other probabilities each time it is asked."""

    n_calls = 0

    def forward(
        self, signal: Tensor, past: Tensor, past_fine: Tensor, h: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        self.n_calls += 1
        probs, *state = super().forward(signal, past, past_fine, h, c)
        return (probs * (1 - 0.01 * (self.n_calls > 1)), *state)  # type: ignore[return-value]


def test_a_file_that_is_another_model_is_refused_and_removed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"m\.onnx: ONNX differs from torch by .* > 1e-05"):
        export_qrs(tmp_path / "m.onnx", Moody(QrsSize(2, 3, 4)))
    assert not (tmp_path / "m.onnx").exists()


def test_what_is_not_a_number_is_no_parity(tmp_path: Path) -> None:
    detector = QrsDetector(QrsSize(2, 3, 4))
    with torch.no_grad():
        detector.head.bias.fill_(float("nan"))
    with pytest.raises(ValueError, match="differs from torch by nan"):
        export_qrs(tmp_path / "m.onnx", detector)


def test_the_exported_detector_goes_with_torch_for_minutes(tmp_path: Path) -> None:
    torch.manual_seed(1)
    task = QrsTask(tiny_config("qrs", architecture={"fine": 8, "coarse": 24, "hidden": 32}), [], [])
    task.write(tmp_path / "m.onnx", DIGEST)
    session = StreamSession(tmp_path / "m.onnx", "qrs", 3)
    state = task.model.initial_state(3)
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(600):  # ticks of 0.2 s
        signal = rng.standard_normal((3, 1, 25)).astype(np.float32)
        with torch.no_grad():
            logits, state = task.model.logits(torch.from_numpy(signal), state)
        probs = session.step(np.arange(3), signal)
        worst = max(worst, float(np.abs(probs - torch.sigmoid(logits).numpy()).max()))
    assert worst < 1e-5


def test_the_exported_classifier_goes_with_torch_for_minutes(tmp_path: Path) -> None:
    torch.manual_seed(1)
    task = BeatTask(tiny_config("beat"), [], [])
    task.model = BeatClassifier(BeatSize()).eval()
    task.write(tmp_path / "m.onnx", DIGEST)
    session = StreamSession(tmp_path / "m.onnx", "beat", 3)
    memory = torch.zeros(3, session.state["state_memory"].shape[1])
    state = [memory, *task.model.initial_state(3)]
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(200):
        signal = rng.standard_normal((3, 1, LENGTH)).astype(np.float32)
        rr_s = rng.uniform(0.3, 1.5, (3, 1)).astype(np.float32) * (rng.random((3, 1)) > 0.1)
        rr_s = rr_s.astype(np.float32)
        with torch.no_grad():
            probs, *state = task.model(torch.from_numpy(signal), torch.from_numpy(rr_s), *state)
        there = session.step(np.arange(3), signal, rr_s)
        worst = max(worst, float(np.abs(there - probs.numpy()).max()))
    assert worst < 1e-4


def test_thresholds_that_are_not_told_are_a_half(tmp_path: Path) -> None:
    config = tiny_config("beat").model_copy(update={"thresholds": {"S": 0.2}})
    BeatTask(config, [], []).write(tmp_path / "m.onnx", DIGEST)
    _, info = models.load(tmp_path / "m.onnx")
    assert dict(info.thresholds) == {"S": 0.2, "V": 0.5}
    assert replace(info, digest="").classes == ("N", "S", "V")
