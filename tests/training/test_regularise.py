"""Clipping bounds gradients and tells its share; L1 makes zeros that last; L2 is a penalty."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from tests.training.databases import tiny_config
from training.fit import Run, fit
from training.regularise import (
    add_l2_gradient,
    clip_gradients,
    soft_threshold,
    weights,
    zero_share,
)


def exploding(n_steps: int = 30) -> nn.RNN:
    """Return a recurrent net whose gradient grows by half a step of time, with that gradient."""
    torch.manual_seed(0)
    net = nn.RNN(2, 8, nonlinearity="relu")
    with torch.no_grad():
        net.weight_hh_l0.copy_(1.5 * torch.eye(8))
    net(torch.rand(n_steps, 1, 2))[0][-1].square().sum().backward()
    return net


def gradient(model: nn.Module) -> Tensor:
    return torch.cat(
        [part.grad.reshape(-1) for part in model.parameters() if part.grad is not None]
    )


def test_an_exploding_gradient_is_bounded_by_norm_and_keeps_its_direction() -> None:
    net = exploding()
    before = gradient(net)
    assert before.norm() > 1e6
    assert clip_gradients(net.parameters(), "norm", 1.0) == 1.0
    after = gradient(net)
    assert float(after.norm()) == pytest.approx(1.0, rel=1e-4)
    torch.testing.assert_close(after, before / before.norm(), rtol=1e-4, atol=1e-7)


def test_an_exploding_gradient_is_bounded_by_value_element_by_element() -> None:
    net = exploding()
    before = gradient(net)
    share = clip_gradients(net.parameters(), "value", 0.1)
    after = gradient(net)
    assert after.abs().max() == np.float32(0.1)
    assert share == pytest.approx(float((before.abs() > 0.1).float().mean()))
    assert 0 < share < 1  # some weights see no input
    small = before.abs() <= 0.1
    torch.testing.assert_close(after[small], before[small], rtol=0, atol=0)


def test_without_clipping_it_is_let_be() -> None:
    net = exploding()
    before = gradient(net)
    assert clip_gradients(net.parameters(), "none", 1.0) == 0.0
    torch.testing.assert_close(gradient(net), before, rtol=0, atol=0)


@pytest.mark.parametrize("how", ["norm", "value"])
@pytest.mark.parametrize(("limit", "share"), [(1e-9, 1.0), (1e9, 0.0)])
def test_the_share_is_all_and_nothing_in_the_limits(how: str, limit: float, share: float) -> None:
    part = torch.zeros(50, requires_grad=True)
    part.grad = torch.randn(50, generator=torch.Generator().manual_seed(1)) + 3
    assert clip_gradients([part], how, limit) == share  # type: ignore[arg-type]


def test_a_norm_that_is_no_number_counts_as_clipped() -> None:
    part = torch.zeros(2, requires_grad=True)
    part.grad = torch.tensor([1.0, float("nan")])
    assert clip_gradients([part], "norm", 1.0) == 1.0


def test_proximal_steps_find_the_closed_form_of_a_quadratic() -> None:
    """The minimum of ``(w - a)^2 / 2 + 0.3 |w|`` is ``a``, drawn to zero by 0.3."""
    wanted = torch.tensor([2.0, -1.0, 0.29, -0.1, 0.0, 0.31])
    w = nn.Parameter(torch.ones(6))
    optimizer = torch.optim.SGD([w], lr=0.5)
    for _ in range(80):
        optimizer.zero_grad()
        ((w - wanted) ** 2 / 2).sum().backward()
        optimizer.step()
        soft_threshold([w], 0.5 * 0.3)
    expected = wanted.clone()
    soft_threshold([expected], 0.3)
    torch.testing.assert_close(w.detach(), expected, rtol=0, atol=1e-6)
    assert (w[2:5] == 0).all()


def test_the_l2_gradient_is_that_of_the_penalty_and_spares_biases() -> None:
    torch.manual_seed(0)
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    other.load_state_dict(one.state_dict())
    x = torch.randn(5, 3)
    one(x).square().sum().backward()
    add_l2_gradient(one, 0.7)
    (other(x).square().sum() + 0.35 * other.weight.square().sum()).backward()
    torch.testing.assert_close(gradient(one), gradient(other))


def test_weights_are_what_is_no_bias() -> None:
    assert [name for name, _ in weights(nn.LSTM(2, 3))] == ["weight_ih_l0", "weight_hh_l0"]


def column(run: Run, name: str) -> list[float]:
    with (run.folder / "metrics.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


@pytest.mark.train
def test_a_run_with_l1_logs_its_zeros_and_exports_them(data: Path, tmp_path: Path) -> None:
    steps = {"steps": 16, "learning_rate": 0.01, "l1": 0.8}
    run = fit(tiny_config("beat", fit=steps), data, tmp_path, progress=False)
    shares = column(run, "zero_share")
    assert len(shares) == 2
    assert 0.2 < shares[-1] < 1
    state = torch.load(tmp_path / "last.ckpt")["state_dict"]
    in_torch = {part.numpy().tobytes(): part for part in state.values() if part.dim() > 1}
    exported = [numpy_helper.to_array(part) for part in onnx.load(run.model).graph.initializer]
    kept = [part for part in exported if part.tobytes() in in_torch]
    assert sum(int((part == 0).sum()) for part in kept) > 100
    plain = fit(tiny_config("beat"), data, tmp_path / "plain", progress=False)
    assert not column(plain, "zero_share")


@pytest.mark.train
@pytest.mark.parametrize(
    ("keys", "share"),
    [
        ({"clip_norm": 1e-6}, 1.0),
        ({"clip_norm": 1e6}, 0.0),
        ({"clip": "value", "clip_value": 1e6}, 0.0),
        ({"clip": "none", "clip_norm": 1e-6}, 0.0),
    ],
)
def test_a_run_logs_the_share_that_was_clipped(
    data: Path, tmp_path: Path, keys: dict[str, object], share: float
) -> None:
    run = fit(tiny_config("beat", fit=keys), data, tmp_path, progress=False)
    assert column(run, "clipped_share") == [share, share]


def test_zero_share_counts_weights_alone() -> None:
    layer = nn.Linear(4, 2)
    nn.init.zeros_(layer.bias)
    assert zero_share(layer) == 0
    nn.init.zeros_(layer.weight)
    assert zero_share(layer) == 1
