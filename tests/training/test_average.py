"""Averaged weights: what is exported is the mean over the last updates, and a cut run keeps it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.databases import tiny_config
from training.beat_task import BeatTask
from training.config import TrainConfig
from training.crossval import _fitted
from training.datasets import LabelledSignal
from training.fit import fit
from training.guard import Split

EPOCHS, STEPS = 2, 3


def averaging(average: float, **fit_table: float) -> TrainConfig:
    table = {"epochs": EPOCHS, "steps": STEPS, "average": average, **fit_table}
    return tiny_config("beat", fit=table)


def weights_after_each_update(
    config: TrainConfig, split: Split, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
    """Fit; return the weights after each update, and those at the end."""
    seen: list[dict[str, Tensor]] = []
    honest = BeatTask.optimizer_step

    def noted(self: BeatTask, *args: object, **kwargs: object) -> None:
        honest(self, *args, **kwargs)
        seen.append({name: p.detach().clone() for name, p in self.model.named_parameters()})

    monkeypatch.setattr(BeatTask, "optimizer_step", noted)
    task = _fitted(config, split)
    return seen, {name: p.detach() for name, p in task.model.named_parameters()}


@pytest.mark.train
@pytest.mark.parametrize(("average", "n_last"), [(0.0, 1), (0.5, 3), (0.33, 2), (0.99, 6)])
def test_the_model_is_the_mean_of_the_weights_after_the_last_updates(
    average: float, n_last: int, signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, final = weights_after_each_update(averaging(average), Split(signals, []), monkeypatch)
    assert len(seen) == EPOCHS * STEPS
    for name, found in final.items():
        mean = torch.stack([weights[name] for weights in seen[-n_last:]]).mean(0)
        torch.testing.assert_close(found, mean, atol=1e-6, rtol=1e-5)


@pytest.mark.train
def test_averaging_does_not_change_what_the_updates_do(
    signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        plain, _ = weights_after_each_update(averaging(0.0), Split(signals, []), patch)
    averaged, _ = weights_after_each_update(averaging(0.5), Split(signals, []), monkeypatch)
    for one, other in zip(plain, averaged, strict=True):
        for name in one:
            assert torch.equal(one[name], other[name])


@pytest.mark.train
def test_a_run_cut_off_while_averaging_ends_as_one_that_was_not(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = averaging(0.9)
    whole = fit(config, data, tmp_path / "whole", progress=False)
    began = BeatTask.on_train_epoch_start

    def cut(self: BeatTask) -> None:
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        began(self)

    with monkeypatch.context() as patch:
        patch.setattr(BeatTask, "on_train_epoch_start", cut)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            fit(config, data, tmp_path / "cut", progress=False)
    assert not (tmp_path / "cut" / "run.json").exists()
    gone_on = fit(config, data, tmp_path / "cut", progress=False)

    saved = [torch.load(run.folder / "last.ckpt")["state_dict"] for run in (whole, gone_on)]
    assert int(saved[0]["averaged.n_averaged"]) == int(saved[1]["averaged.n_averaged"]) == 6
    assert whole.summary["parameters"] == gone_on.summary["parameters"]
    shutil.rmtree(tmp_path / "whole")
