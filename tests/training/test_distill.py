"""Distillation: the teacher is heard as it is served, and a student comes to say what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.architectures.beat import BeatClassifier, BeatSize
from training.beat_sequences import BeatSequences
from training.beat_task import BeatTask, recall_sequences
from training.config import DistillConfig
from training.datasets import LabelledSignal
from training.distill import Teacher, soft_losses
from training.qrs_task import QrsTask


def teaching(kind: str, path: Path, seed: int = 3, **tables: dict) -> BeatTask | QrsTask:
    """Export a model of random weights; return the task that it was made by."""
    torch.manual_seed(seed)
    task = {"beat": BeatTask, "qrs": QrsTask}[kind](tiny_config(kind, **tables), [], [])
    for weights in task.model.parameters():
        weights.data.mul_(2)
    task.model.eval()
    task.write(path, "none")
    return task


def taught_config(kind: str, path: Path, **distill: float):
    config = tiny_config(kind)
    table = DistillConfig(teacher=str(path), **distill)
    return config.model_copy(update={"distill": table})


def drawn(seed: int = 0, n: int = 12) -> BeatSequences:
    rng = np.random.default_rng(seed)
    windows = rng.standard_normal((5, n, 85)).astype(np.float32)
    rr_s = rng.uniform(0.4, 1.2, (5, n)).astype(np.float32)
    nobody = np.zeros(5, np.int64)
    return BeatSequences(windows, rr_s, np.zeros((5, n), np.int8), nobody)


def test_a_beat_teacher_is_heard_as_torch_hears_it(tmp_path: Path) -> None:
    task = teaching("beat", tmp_path / "t.onnx")
    some = drawn()
    teacher = Teacher([tmp_path / "t.onnx"], task.spec(""))
    shape, features = recall_sequences(torch.from_numpy(some.windows), torch.from_numpy(some.rr_s))
    with torch.no_grad():
        v, s, _ = task.model.logits(shape, features, task.model.initial_state(5))
    for _ in range(2):  # each time from the beginning
        taught = teacher.beats(some.windows, some.rr_s)
        torch.testing.assert_close(taught, torch.stack([v, s], dim=2), atol=2e-3, rtol=1e-3)


def test_a_qrs_teacher_is_heard_as_torch_hears_it(tmp_path: Path) -> None:
    task = teaching("qrs", tmp_path / "t.onnx")
    signal = np.random.default_rng(0).standard_normal((3, 250)).astype(np.float32)
    with torch.no_grad():
        own, _ = task.model.logits(torch.from_numpy(signal)[:, None], task.model.initial_state(3))
    taught = Teacher([tmp_path / "t.onnx"], task.spec("")).frames(signal)
    torch.testing.assert_close(taught, own, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", ["beat", "qrs"])
def test_several_teachers_are_heard_as_the_mean_of_their_logits(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / "one.onnx", tmp_path / "other.onnx"]
    tasks = [teaching(kind, path, seed=i) for i, path in enumerate(paths)]
    spec = tasks[0].spec("")
    some, signal = drawn(), np.random.default_rng(0).standard_normal((3, 250)).astype(np.float32)

    def heard(*teachers: Path) -> torch.Tensor:
        teacher = Teacher(teachers, spec)
        return teacher.frames(signal) if kind == "qrs" else teacher.beats(some.windows, some.rr_s)

    one, other = heard(paths[0]), heard(paths[1])
    assert (one - other).abs().max() > 0.1
    torch.testing.assert_close(heard(*paths), (one + other) / 2)


def test_a_configuration_names_one_teacher_or_several() -> None:
    assert DistillConfig(teacher="beat").teachers == ("beat",)
    several = DistillConfig.model_validate({"teacher": ["beat", "runs/beat-1/beat.onnx"]})
    assert several.teachers == ("beat", "runs/beat-1/beat.onnx")


def test_the_soft_loss_is_that_of_labels_where_the_teacher_is_sure_and_cold() -> None:
    logits = torch.linspace(-3, 3, 7)
    labels = (torch.arange(7) % 2).float()
    taught = (labels * 2 - 1) * 50
    expected = binary_cross_entropy_with_logits(logits, labels, reduction="none")
    torch.testing.assert_close(soft_losses(logits, taught, 1.0), expected)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_soft_loss_pulls_towards_the_teacher_and_rests_there(temperature: float) -> None:
    taught = torch.tensor([-2.0, 0.3, 4.0])
    logits = taught.clone().requires_grad_()
    soft_losses(logits, taught, temperature).sum().backward()
    torch.testing.assert_close(logits.grad, torch.zeros(3), atol=1e-5, rtol=0)
    above = (taught + 1).requires_grad_()
    soft_losses(above, taught, temperature).sum().backward()
    assert (above.grad > 0).all()


def test_without_a_teacher_or_with_none_of_its_share_the_loss_is_that_of_labels(
    tmp_path: Path,
) -> None:
    teaching("beat", tmp_path / "t.onnx")
    v, s, taught = torch.randn(6, 4), torch.randn(6, 4), torch.randn(6, 4, 2)
    aami = torch.randint(-1, 3, (6, 4))
    plain = BeatTask(tiny_config("beat"), [], []).losses(v, s, aami)
    little = BeatTask(taught_config("beat", tmp_path / "t.onnx", weight=1e-9), [], [])
    torch.testing.assert_close(little.losses(v, s, aami, taught), plain)


@pytest.mark.train
def test_a_student_taught_comes_to_say_what_its_teacher_says(
    tmp_path: Path, signals: list[LabelledSignal]
) -> None:
    teaching("beat", tmp_path / "t.onnx")
    config = taught_config("beat", tmp_path / "t.onnx", weight=1.0, temperature=1.0)
    torch.manual_seed(0)
    task = BeatTask(config, signals, [])
    task.log = task.log_dict = lambda *_, **__: None  # there is no trainer
    optimizer = torch.optim.Adam(task.model.parameters(), lr=2e-2)
    shape, features, aami, taught = next(iter(task.train_dataloader()))
    state = task.model.initial_state(aami.shape[1])

    def distance() -> float:
        with torch.no_grad():
            return float(
                (task.model.logits(shape, features, state)[0] - taught[..., 0]).abs().mean()
            )

    before = distance()
    for _ in range(50):
        loss = task.training_step((shape, features, aami, taught), 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert distance() < 0.5 * before


def test_a_qrs_student_is_taught_in_the_share_that_is_asked_for(
    tmp_path: Path, signals: list[LabelledSignal]
) -> None:
    teaching("qrs", tmp_path / "t.onnx")
    losses = {}
    for weight in (1e-9, 0.4, 1.0):
        config = taught_config("qrs", tmp_path / "t.onnx", weight=weight, temperature=2.0)
        torch.manual_seed(0)
        task = QrsTask(config, signals, [])
        task.log = lambda *_, **__: None  # there is no trainer
        signal, target, weights, taught = batch = next(iter(task.train_dataloader()))
        with torch.no_grad():
            losses[weight] = float(task.training_step(batch, 0))
            own, _ = task.model.logits(signal, task.model.initial_state(len(signal)))
    expected = float((soft_losses(own, taught, 2.0) * weights).mean())
    assert losses[1.0] == pytest.approx(expected, rel=1e-5)
    mixed = 0.6 * losses[1e-9] + 0.4 * losses[1.0]
    assert losses[0.4] == pytest.approx(mixed, rel=1e-5)
    assert target.shape == taught.shape


@pytest.mark.parametrize(
    ("teacher", "student", "named"),
    [
        ("qrs", "beat", "metadata 'kind' is 'qrs'"),
        ("nobody", "beat", "no built-in model 'nobody'"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused(teacher: str, student: str, named: str) -> None:
    spec = BeatTask(tiny_config(student), [], []).spec("")
    with pytest.raises(InputError, match=named):
        Teacher(["beat", teacher], spec)


def test_a_teacher_of_another_form_is_named_with_what_is_wanted(tmp_path: Path) -> None:
    from dataclasses import replace

    spec = replace(BeatTask(tiny_config("beat"), [], []).spec(""), length=90)
    with pytest.raises(InputError, match=r"distill.teacher: model beat.onnx has length 85.*90"):
        Teacher(["beat"], spec)


def test_a_student_may_be_of_any_size() -> None:
    small = BeatClassifier(BeatSize(channels=3, embedding=8, hidden_v=10, hidden_s=8))
    large = BeatClassifier(BeatSize())
    count = [sum(p.numel() for p in net.parameters()) for net in (small, large)]
    assert count[0] < count[1] / 4
