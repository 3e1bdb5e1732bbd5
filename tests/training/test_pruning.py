"""Pruning: the schedule, masks that last, and units that are really gone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from deploy.services.verify import why_not_batch_invariant
from inference.session import StreamSession
from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.qrs import STRIDE, QrsDetector, QrsSize
from training.architectures.recall import LENGTH, N_FEATURES
from training.beat_task import BeatTask
from training.config import PruningConfig
from training.fit import fit
from training.pruning import Pruner, sparsity_at
from training.regularise import weights
from training.speed import step_times_us
from training.units import unit_groups, without_units

SMALL = {"channels": 4, "embedding": 4, "hidden_v": 12, "hidden_s": 8}


def test_the_schedule_is_cubic_and_never_turns_back() -> None:
    shares = [sparsity_at(p, 0.9, 0.25, 0.75) for p in np.linspace(0, 1, 101)]
    assert shares[:26] == [0.0] * 26
    assert shares[75:] == [0.9] * 26
    assert all(a <= b for a, b in pairwise(shares))
    assert sparsity_at(0.5, 0.9, 0.25, 0.75) == pytest.approx(0.9 * (1 - 0.5**3))


def model(core: str = "lstm") -> BeatClassifier:
    torch.manual_seed(0)
    return BeatClassifier(BeatSize.of({**SMALL, "core": core})).eval()


def train(net: nn.Module, pruner: Pruner, steps: range) -> None:
    """Step AdamW along random gradients, pruning after each step."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(steps.start)
    for step in steps:
        for part in net.parameters():
            part.grad = torch.randn(part.shape, generator=generator)
        optimizer.step()
        pruner.after_step(step + 1)


def zeros(net: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach() == 0 for name, weight in weights(net)}


def test_pruned_weights_are_the_smallest_of_each_and_stay_zero() -> None:
    net = model()
    before = {name: weight.detach().clone().abs() for name, weight in weights(net)}
    pruner = Pruner(net, PruningConfig(weights=0.5, begin=0.0, end=0.01, every=1), 20)
    pruner.after_step(1)
    first = zeros(net)
    for name, gone in first.items():
        assert int(gone.sum()) == int(0.5 * gone.numel())
        assert before[name][gone].max() <= before[name][~gone].min()
    train(net, pruner, range(1, 20))
    for name, gone in zeros(net).items():
        assert torch.equal(gone, first[name])


def test_masks_go_with_a_checkpoint() -> None:
    config = PruningConfig(weights=0.8, units=0.5, begin=0.0, end=0.5, every=2)
    net = model()
    pruner = Pruner(net, config, 20)
    train(net, pruner, range(12))
    saved = {name: part.clone() for name, part in pruner.state_dict().items()}
    other = model()
    other.load_state_dict(net.state_dict())
    resumed = Pruner(other, config, 20)
    assert not all(torch.equal(saved[name], part) for name, part in resumed.state_dict().items())
    resumed.load_state_dict(saved)
    train(net, pruner, range(12, 20))
    train(other, resumed, range(12, 20))
    for one, same in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, same)
    share = np.mean([float(gone.float().mean()) for gone in zeros(other).values()])
    assert share == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("core", ["rnn", "gru", "lstm"])
def test_without_its_silenced_units_a_classifier_says_the_same(core: str) -> None:
    net = model(core)
    for group in unit_groups(net):
        nn.init.normal_(group.layer.bias_hh_l0)  # type: ignore[arg-type]
    kept = [torch.tensor([True, False] * 6), torch.tensor([False] * 4 + [True] * 4)]
    smaller = without_units(net, kept)
    for group, keep in zip(unit_groups(net), kept, strict=True):
        group.silence(keep)
    shape, features = torch.randn(30, 3, 2, LENGTH), torch.randn(30, 3, N_FEATURES)
    with torch.no_grad():
        expected = net.logits(shape, features, net.initial_state(3))
        found = smaller.logits(shape, features, smaller.initial_state(3))  # type: ignore[operator]
    for there, here in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(there, here, rtol=0, atol=1e-6)
    assert sum(p.numel() for p in smaller.parameters()) < sum(p.numel() for p in net.parameters())


def test_without_its_silenced_units_a_detector_says_the_same() -> None:
    torch.manual_seed(0)
    net, kept = QrsDetector(QrsSize(2, 3, 8)).eval(), torch.tensor([True, False, False, True] * 2)
    smaller = without_units(net, [kept])
    unit_groups(net)[0].silence(kept)
    signal = torch.randn(2, 1, 60 * STRIDE)
    assert isinstance(smaller, QrsDetector)
    with torch.no_grad():
        expected, _ = net.logits(signal, net.initial_state(2))
        found, _ = smaller.logits(signal, smaller.initial_state(2))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert smaller.lstm.hidden_size == 4


def test_the_unit_that_matters_least_goes_first() -> None:
    net = model()
    group = unit_groups(net)[0]
    with torch.no_grad():
        for part in group.rows():
            part.view(-1, 12, part[0].numel())[:, [1, 5, 6, 10]] *= 0.01
        for part in group.columns():
            part[:, [1, 5, 6, 10]] *= 0.01
    pruner = Pruner(net, PruningConfig(units=0.33, begin=0.0, end=0.01, every=1), 10)
    pruner.after_step(1)
    kept = pruner.get_buffer("units_0")
    assert (~kept).nonzero().flatten().tolist() == [1, 5, 6, 10]


def test_cores_without_units_of_their_own_are_refused() -> None:
    task = tiny_config("beat", architecture={"core": "attention"}, pruning={"units": 0.5})
    with pytest.raises(InputError, match=r"pruning\.units: units can be removed of the cores rnn"):
        BeatTask(task, [], [])


@pytest.mark.train
def test_a_run_removes_units_and_exports_a_smaller_model(data: Path, tmp_path: Path) -> None:
    whole = fit(tiny_config("beat", architecture=SMALL), data, tmp_path / "whole", progress=False)
    pruning = {"units": 0.5, "weights": 0.5, "every": 1}
    config = tiny_config("beat", architecture=SMALL, pruning=pruning)
    run = fit(config, data, tmp_path / "pruned", progress=False)
    session = StreamSession(run.model, "beat", 2)
    assert session.state["state_h_v"].shape == (2, 8)  # 6 of 12, to fours
    assert session.state["state_h_s"].shape == (2, 4)
    assert run.model.stat().st_size < whole.model.stat().st_size
    assert int(run.summary["parameters"]) < int(whole.summary["parameters"])  # type: ignore[call-overload]
    parts = [numpy_helper.to_array(part) for part in onnx.load(run.model).graph.initializer]
    assert sum(int((part == 0).sum()) for part in parts if part.ndim > 1) > 200
    assert why_not_batch_invariant(run.model) is None
    assert len(step_times_us([whole.model, run.model], 4, rounds=3)) == 2
