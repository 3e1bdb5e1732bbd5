"""Precision and devices: what a machine lacks is named; steps keep to the device of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.session import StreamSession
from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.config import FitConfig, load_config
from training.datasets import LabelledSignal
from training.fit import TASKS, fit
from training.hardware import trainer_options

GPUS = torch.cuda.device_count() if torch.cuda.is_available() else 0
HEAD = 'task = "beat"\nname = "x"\nversion = "1.0.0"\n'


def test_a_run_is_on_the_processor_with_32_bits_and_the_same_bits_again() -> None:
    options = trainer_options(FitConfig())
    assert (options["accelerator"], options["devices"], options["strategy"]) == ("cpu", 1, "auto")
    assert (options["precision"], options["deterministic"]) == ("32-true", True)


def test_several_devices_learn_by_ddp() -> None:
    options = trainer_options(FitConfig(devices=2))
    assert (options["devices"], options["strategy"]) == (2, "ddp_spawn")


def test_a_machine_without_a_gpu_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"'gpu', but torch finds no CUDA device .* here: 'cpu'"):
        trainer_options(FitConfig(accelerator="gpu"))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"devices": 3}, "fit.devices is 3; this machine has 2 GPUs"),
        ({"precision": "bf16-mixed"}, "'bf16-mixed', which this GPU has not; allowed: 32, '16-"),
    ],
)
def test_what_the_gpus_cannot_do_is_told(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], named: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    with pytest.raises(InputError, match=named):
        trainer_options(FitConfig(accelerator="gpu", **fields))
    allowed = trainer_options(FitConfig(accelerator="gpu", devices=2, precision="16-mixed"))
    assert (allowed["deterministic"], allowed["precision"]) == (False, "16-mixed")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('precision = "16-mixed"', "fit.precision is '16-mixed', which needs a GPU"),
        ("precision = 64", "fit.precision: Input should be 32, 'bf16-mixed' or '16-mixed'"),
        ('accelerator = "tpu"', "fit.accelerator: Input should be 'cpu' or 'gpu'"),
        ("devices = 0", "fit.devices: "),
    ],
)
def test_each_fault_of_hardware_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(f"{HEAD}[fit]\n{text}\n")
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert named in str(caught.value)


@pytest.mark.parametrize("task", ["qrs", "beat"])
def test_a_step_makes_nothing_beside_the_device_of_its_model(
    signals: list[LabelledSignal], task: str
) -> None:
    """The device ``meta`` refuses what stands on another one, as a GPU does."""
    learner = TASKS[task](tiny_config(task), signals, [])
    learner.log = learner.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
    batch = next(iter(learner.train_dataloader()))
    learner.to("meta")

    loss = learner.training_step(tuple(part.to("meta") for part in batch), 0)

    assert loss.device.type == "meta"
    loss.backward()
    assert all(p.grad is not None for p in learner.model.parameters())
    with pytest.raises(RuntimeError, match="device"):
        learner.training_step(batch, 0)


JUDGED = {"data": {"validation": ("bea",)}, "fit": {"patience": 3}}


def run_on(data: Path, folder: Path, task: str, **hardware: Any) -> dict[str, Any]:
    """Run small, check that the model serves, return what the run says of itself."""
    tables = {**JUDGED, "fit": JUDGED["fit"] | hardware}
    run = fit(tiny_config(task, **tables), data, folder, progress=False)
    session = StreamSession(run.model, task, 4)
    signal = np.zeros((4, 1, session.info.length or 50), np.float32)
    probs = session.step(np.arange(4), signal, np.full((4, 1), 0.8, np.float32))
    assert np.isfinite(probs).all()
    assert run.summary["epochs"] == 2
    assert (folder / "best.ckpt").exists()
    return run.summary


@pytest.mark.train
@pytest.mark.parametrize("task", ["qrs", "beat"])
def test_a_run_in_mixed_precision_gives_a_model_that_serves(
    data: Path, tmp_path: Path, task: str
) -> None:
    mixed = run_on(data, tmp_path / "mixed", task, precision="bf16-mixed")
    plain = run_on(data, tmp_path / "plain", task)
    loss = {"qrs": "loss_epoch", "beat": "loss_v_epoch"}[task]
    near, exact = mixed["scores"][loss], plain["scores"][loss]
    assert near != exact
    assert near == pytest.approx(exact, rel=0.1)


def test_each_of_several_processes_draws_for_itself(
    signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = TASKS["qrs"](tiny_config("qrs", fit={"seed": 5}), signals, [])
    assert learner.own_config == learner.config
    monkeypatch.setattr(type(learner), "global_rank", 1)
    assert learner.own_config.fit.seed != 5
    assert learner.own_config.with_seed(5) == learner.config


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_learn_together(data: Path, tmp_path: Path) -> None:
    summary = run_on(data, tmp_path / "two", "qrs", devices=2)
    assert np.isfinite(summary["scores"]["loss_epoch"])


@pytest.mark.gpu
@pytest.mark.train
@pytest.mark.skipif(not GPUS, reason="torch finds no CUDA device")
@pytest.mark.parametrize("precision", [32, "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("task", ["qrs", "beat"])
def test_a_run_on_a_gpu_gives_a_model_that_serves(
    data: Path, tmp_path: Path, task: str, precision: int | str
) -> None:
    run_on(data, tmp_path / "run", task, accelerator="gpu", precision=precision)
