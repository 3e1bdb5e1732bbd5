"""Multiply-adds are counted as one would by hand."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from inference.model import builtin
from tests.training.databases import tiny_config
from training.architectures.recall import LENGTH
from training.beat_task import BeatTask
from training.survey.cost import macs


def exported(module: nn.Module, example: Tensor, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), (example,), str(path), dynamo=False, opset_version=17)
    return path


class Cell(nn.Module):
    """A recurrent layer that starts at zero."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.cell = kind(6, 5)  # type: ignore[arg-type,call-arg]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.cell(x)[0]
        return out


@pytest.mark.parametrize(
    ("module", "example", "expected"),
    [
        (nn.Linear(7, 3), torch.zeros(1, 7), 7 * 3),
        (nn.Linear(7, 3), torch.zeros(1, 4, 7), 4 * 7 * 3),
        (nn.Conv1d(2, 6, 5, stride=2), torch.zeros(1, 2, 21), 9 * 6 * 2 * 5),
        (nn.Conv1d(4, 6, 3, groups=2), torch.zeros(1, 4, 10), 8 * 6 * 2 * 3),
        (Cell(nn.LSTM), torch.zeros(3, 1, 6), 3 * 4 * 5 * (6 + 5)),
        (Cell(nn.GRU), torch.zeros(3, 1, 6), 3 * 3 * 5 * (6 + 5)),
        (Cell(nn.RNN), torch.zeros(3, 1, 6), 3 * 5 * (6 + 5)),
        (nn.Sequential(nn.Sigmoid(), nn.ReLU()), torch.zeros(1, 9), 0),
    ],
    ids=["linear", "rows", "conv", "groups", "lstm", "gru", "rnn", "none"],
)
def test_an_operation_costs_what_its_formula_says(
    tmp_path: Path, module: nn.Module, example: Tensor, expected: int
) -> None:
    assert macs(exported(module, example, tmp_path / "m.onnx")) == expected


def test_units_cost_what_they_add(tmp_path: Path) -> None:
    cost = {}
    for hidden in (8, 12):
        task = BeatTask(tiny_config("beat", architecture={"hidden_v": hidden}), [], [])
        task.write(tmp_path / "m.onnx", "ab" * 32)
        cost[hidden] = macs(tmp_path / "m.onnx")
    n_in = task.model.core_v.n_in
    by_hand = {hidden: 4 * hidden * (n_in + hidden) + hidden for hidden in cost}
    assert cost[12] - cost[8] == by_hand[12] - by_hand[8]


def test_a_frame_model_costs_by_the_signal_it_is_given() -> None:
    one, two = (macs(builtin("qrs"), n) for n in (LENGTH // 5 * 5, 2 * (LENGTH // 5 * 5)))
    assert 1.9 * one < two <= 2 * one
