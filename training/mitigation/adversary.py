"""An adversary that reads a patient's group off what the heads see, and the gradient reversed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.architectures.beat import BeatClassifier


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * gradients[0], None


def reverse_gradient(x: Tensor, factor: float) -> Tensor:
    """Give ``x``; the gradient that comes back is turned and scaled (Ganin et al. 2016).

    Examples
    --------
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> reverse_gradient(x, 0.5).backward()
    >>> x.grad
    tensor(-0.5000)
    """
    reversed_: Tensor = _Reverse.apply(x, factor)
    return reversed_


def reversal(progress: float) -> float:
    """Factor of the reversed gradient as training goes on (Ganin et al., JMLR 17, 2016, 5.2.2).

    Examples
    --------
    >>> reversal(0.0), round(reversal(1.0), 3)
    (0.0, 1.0)
    """
    return 2 / (1 + math.exp(-10 * progress)) - 1


class Adversary(nn.Module):
    """Tells a patient's group from one beat's evidence; never part of what is exported.

    Parameters
    ----------
    n_evidence : int
        Width of the evidence.
    hidden : int
        Units of the hidden layer.
    n_groups : int
        Groups.
    """

    def __init__(self, n_evidence: int, hidden: int, n_groups: int) -> None:
        super().__init__()
        self.read = nn.Sequential(
            nn.Linear(n_evidence, hidden), nn.ReLU(), nn.Linear(hidden, n_groups)
        )

    def loss(
        self, evidence: Tensor, group: Tensor, counted: Tensor, factor: float
    ) -> tuple[Tensor, float]:
        """Cross-entropy, each group counting the same, behind a reversed gradient.

        Parameters
        ----------
        evidence : Tensor of shape (n_beats, batch, n_evidence)
        group : Tensor of shape (n_beats, batch)
            Group codes.
        counted : Tensor of shape (n_beats, batch), bool
            Beats that count.
        factor : float
            Of the reversed gradient.

        Returns
        -------
        loss : Tensor
            A scalar; 0 where nothing counts.
        accuracy : float
            Balanced accuracy of the adversary on these beats; NaN where nothing counts.
        """
        told = self.read(reverse_gradient(evidence[counted], factor))
        truth = group[counted]
        losses = cross_entropy(told, truth, reduction="none")
        right = (told.argmax(dim=1) == truth).float()
        present = truth.unique()
        if not len(present):
            return told.sum() * 0, math.nan
        mean = torch.stack([losses[truth == code].mean() for code in present]).mean()
        accuracy = torch.stack([right[truth == code].mean() for code in present]).mean()
        return mean, float(accuracy)


def evidence_width(model: BeatClassifier) -> int:
    """Width of what both heads see of a beat."""
    return int(model.head_v.in_features + model.head_s.in_features)


@contextmanager
def evidence_of(model: BeatClassifier) -> Iterator[list[Tensor]]:
    """Note what both heads are given while the model runs.

    Yields
    ------
    list of Tensor
        After a run: what head V saw, then head S, each of shape (n_beats, batch, n).
    """
    seen: list[Tensor] = []
    hooks = [
        head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        for head in (model.head_v, model.head_s)
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
