"""Losses of a yes or no a beat or a frame: cross-entropy, focal, and weighed by class.

All are of logits, so that they are finite and have finite gradients however sure a model is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ingest.errors import InputError
from training.config import ObjectiveConfig

SMALLEST = 1e-12
"""Least distance from the target that is raised to a power: 0 would have no gradient."""


@dataclass(frozen=True, slots=True)
class Objective:
    """The loss of one yes or no."""

    positive_weight: float = 1.0
    """Weight of what is to be found, against what is not."""
    gamma: float = 0.0
    """Focus on what is told badly (Lin et al. 2017); 0 is cross-entropy."""

    @classmethod
    def of(
        cls, config: ObjectiveConfig, fixed_weight: float, n_positive: int, n_negative: int
    ) -> Objective:
        """Make the loss that a configuration asks for.

        Parameters
        ----------
        config : ObjectiveConfig
            Table ``[objective]``.
        fixed_weight : float
            The task's own weight of positives, where they are not balanced.
        n_positive, n_negative : int
            Beats or frames of each kind in the training data.
        """
        weight = fixed_weight
        if config.weights == "balanced":
            weight = balanced_weight(n_positive, n_negative, config.beta)
        return cls(weight, config.gamma if config.loss == "focal" else 0.0)

    def losses(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of each element.

        Parameters
        ----------
        logits : Tensor
            Of any shape.
        target : Tensor of that shape
            0 or 1, or in between where it is soft.

        Returns
        -------
        Tensor of that shape
        """
        if logits.dtype in (torch.bfloat16, torch.float16):
            logits = logits.float()  # a loss is a small difference of large numbers
        target = target.to(logits.dtype)
        losses = binary_cross_entropy_with_logits(
            logits, target, reduction="none", pos_weight=logits.new_tensor(self.positive_weight)
        )
        return losses * distance(logits, target) ** self.gamma if self.gamma else losses


def distance(logits: Tensor, target: Tensor) -> Tensor:
    """How far probabilities are from their targets, exact where they are nearly right.

    For targets of 0 and 1 this is focal loss's ``1 - p_t``; for soft ones what Li et al. 2020
    (generalized focal loss) put in its place.
    """
    gap = target * torch.sigmoid(-logits) - (1 - target) * torch.sigmoid(logits)
    return gap.abs().clamp_min(SMALLEST)


def balanced_weight(n_positive: int, n_negative: int, beta: float) -> float:
    """Weight of positives by the effective number of each class (Cui et al. 2019, eq. 4).

    A class of n weighs ``(1 - beta) / (1 - beta ** n)``; given is the ratio of both.

    Parameters
    ----------
    n_positive, n_negative : int
        How many there are of each.
    beta : float
        From 0, which weighs both the same, to below 1, which weighs by their frequency.

    Raises
    ------
    ingest.errors.InputError
        If there is none of a class.

    Examples
    --------
    >>> balanced_weight(10, 1000, 0.0), round(balanced_weight(10, 1000, 0.999999), 1)
    (1.0, 100.0)
    """
    if min(n_positive, n_negative) < 1:
        raise InputError(
            f"objective.weights balanced: {n_positive} positives and {n_negative} negatives in "
            "the training records; allowed: some of both"
        )
    if beta == 0:
        return 1.0
    return math.expm1(n_negative * math.log(beta)) / math.expm1(n_positive * math.log(beta))
