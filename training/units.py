"""Recurrent units as groups of weights, and a model without some of its units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ingest.errors import InputError
from training.architectures.beat import BeatClassifier
from training.architectures.qrs import FrameNet


@dataclass(frozen=True, slots=True, eq=False)
class UnitGroup:
    """A recurrent layer whose units can be removed one by one."""

    layer: nn.RNNBase
    """RNN, LSTM or GRU of one layer."""
    reader: nn.Linear
    """What its output goes into, first of all that goes into it."""
    size: str
    """Field of the model's size that says how many units there are."""

    @property
    def n_units(self) -> int:
        """Units that there are."""
        return int(self.layer.hidden_size)

    def rows(self) -> tuple[Tensor, ...]:
        """Return what goes into units: tensors of shape (n_gates * n_units, ...)."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return tuple(getattr(self.layer, f"{kind}_l0") for kind in kinds)

    def columns(self) -> tuple[Tensor, ...]:
        """Return what units go into: tensors of shape (..., n_units or more)."""
        return getattr(self.layer, "weight_hh_l0"), self.reader.weight  # noqa: B009

    def importance(self) -> Tensor:
        """2-norm of all that belongs to each unit, shape (n_units,) (Wen et al., ICLR 2018)."""
        n = self.n_units
        into = [part.detach().reshape(-1, n, part[0].numel()) for part in self.rows()]
        out = [part.detach()[:, :n] for part in self.columns()]
        squares = [(part**2).sum((0, 2)) for part in into] + [(part**2).sum(0) for part in out]
        return torch.stack(squares).sum(0).sqrt()

    @torch.no_grad()
    def silence(self, kept: Tensor) -> None:
        """Set all weights and biases of the units that are not kept to zero: their output is 0.

        An LSTM's cell is then fed ``tanh(0)``, a GRU's candidate is ``tanh(0)``, so from a zero
        state neither ever leaves it.

        Parameters
        ----------
        kept : Tensor of shape (n_units,), bool
        """
        n = self.n_units
        for part in self.rows():
            part.view(-1, n, part[0].numel()).mul_(kept[:, None])
        for part in self.columns():
            part[:, :n].mul_(kept)


def unit_groups(model: nn.Module) -> tuple[UnitGroup, ...]:
    """Find the recurrent layers of a model whose units can be removed.

    Raises
    ------
    ingest.errors.InputError
        If the model has other recurrent parts.
    """
    if isinstance(model, FrameNet):
        return (UnitGroup(model.lstm, model.head, "hidden"),)
    if isinstance(model, BeatClassifier):
        cells = [getattr(core, "cell", None) for core in (model.core_v, model.core_s)]
        if all(isinstance(cell, nn.RNNBase) for cell in cells):
            v, s = cells
            return (
                UnitGroup(v, model.head_v, "hidden_v"),  # type: ignore[arg-type]
                UnitGroup(s, model.head_s, "hidden_s"),  # type: ignore[arg-type]
            )
    raise InputError("pruning.units: units can be removed of the cores rnn, lstm and gru alone")


def without_units(model: nn.Module, kept: Sequence[Tensor]) -> nn.Module:
    """Make the same model without some of its units: smaller, the outputs those of the silenced.

    Parameters
    ----------
    model : nn.Module
        One that :func:`unit_groups` knows.
    kept : sequence of Tensors of shape (n_units,), bool
        For each of its groups.
    """
    groups = unit_groups(model)
    sizes = {group.size: int(keep.sum()) for group, keep in zip(groups, kept, strict=True)}
    smaller = type(model)(replace(model.size, **sizes))  # type: ignore[type-var]
    names = {id(part): name for name, part in model.named_parameters()}
    weights = {name: part.detach() for name, part in model.state_dict().items()}
    for group, keep in zip(groups, kept, strict=True):
        for part in group.rows():
            every_gate = keep.repeat(len(part) // group.n_units)
            weights[names[id(part)]] = weights[names[id(part)]][every_gate]
        for part in group.columns():
            others = torch.ones(part.shape[1] - group.n_units, dtype=torch.bool)
            name = names[id(part)]
            weights[name] = weights[name][:, torch.cat([keep, others])]
    smaller.load_state_dict(weights)
    return smaller.train(model.training)
