"""The beat classifier meta-learned by config, and few-shot adaptation compared fairly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference import model
from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.architectures.recall import LENGTH, N_FEATURES
from training.config import load_config
from training.datasets import LabelledSignal
from training.fit import fit
from training.meta import compare
from training.meta.compare import Shot, scores, shoot
from training.meta.task import MetaBeatTask

torch.set_num_threads(1)


def batch(n: int, size: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    shape = torch.randn(n, size, 2, LENGTH, generator=generator)
    features = torch.randn(n, size, N_FEATURES, generator=generator)
    return shape, features, torch.randint(0, 3, (n, size), generator=generator)


@pytest.mark.parametrize("method", ["maml", "fomaml", "reptile"])
def test_every_method_gives_every_weight_a_gradient(method: str) -> None:
    torch.manual_seed(0)
    config = tiny_config(
        "meta-beat", fit={"length": 20}, meta={"method": method, "support": 8, "inner_steps": 2}
    )
    task = MetaBeatTask(config, [], [])
    task.log = lambda *_, **__: None  # type: ignore[method-assign]
    task.model.eval()
    task.training_step(batch(20, 2), 0).backward()
    for name, value in task.model.named_parameters():
        assert value.grad is not None, name
        assert value.grad.abs().sum() > 0, name


def test_the_support_s_loss_does_not_see_the_query() -> None:
    task = MetaBeatTask(tiny_config("meta-beat"), [], [])
    task.model.eval()
    shape, features, aami = batch(16, 2)
    parameters = dict(task.model.named_parameters())
    one = task.loss_of((shape, features, aami), slice(0, 8))(parameters)
    other = task.loss_of(
        (shape, features, torch.where(torch.arange(16)[:, None] < 8, aami, 0)), slice(0, 8)
    )
    assert one.item() == other(parameters).item()


@pytest.mark.train
def test_a_meta_run_is_exported_like_any_other(data: Path, tmp_path: Path) -> None:
    config = tiny_config("meta-beat", meta={"support": 8}, fit={"epochs": 1, "steps": 2})
    run = fit(config, data, tmp_path / "run", progress=False)
    _, info = model.load(run.model)
    assert info.kind == "beat"


def test_adapting_follows_the_labels(
    signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "START_MS", 40_000)
    monkeypatch.setattr(compare, "PIECE", 16)
    torch.manual_seed(1)
    task = MetaBeatTask(tiny_config("meta-beat"), [], [])
    before = {name: p.clone() for name, p in task.model.named_parameters()}
    none, many = shoot(task.model, signals[0], [Shot(0, 0.0), Shot(60, 0.3)])
    assert len(none.aami) == (signals[0].r_ms >= 40_000).sum()
    right = [(one.called == one.aami).mean() for one in (none, many)]
    assert right[1] > 0.7
    assert right[1] >= right[0]
    assert not np.array_equal(none.called, many.called) or right[0] > 0.7
    for name, value in task.model.named_parameters():
        assert torch.equal(value, before[name])
    assert scores([many])[0] >= 0


def test_a_support_as_long_as_the_sequence_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "meta.toml"
    path.write_text(
        'task = "meta-beat"\nname = "m"\nversion = "1.0.0"\n'
        "[fit]\nlength = 64\n[meta]\nsupport = 64"
    )
    with pytest.raises(InputError, match=r"meta\.support must be below fit\.length, 64"):
        load_config(path)
