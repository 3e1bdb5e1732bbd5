"""Looking back over the last beats: who sees whom, and weights that add up to one."""

from __future__ import annotations

import torch
from torch import Tensor

from training.architectures.recall import total


def extend(past: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
    """Put new beats behind those remembered.

    Parameters
    ----------
    past : Tensor of shape (batch, context - 1, ...)
        What was remembered, oldest first.
    new : Tensor of shape (batch, n_beats, ...)

    Returns
    -------
    joined : Tensor of shape (batch, context - 1 + n_beats, ...)
    past : Tensor of shape (batch, context - 1, ...)
        What is to be remembered.
    """
    joined = torch.cat([past, new], dim=1)
    return joined, joined[:, int(new.shape[1]) :]


def visible(known: Tensor, n_beats: int, context: int) -> Tensor:
    """Tell which beats each beat may look at: itself and the ``context - 1`` before it.

    Parameters
    ----------
    known : Tensor of shape (batch, context - 1 + n_beats)
        1 where there was a beat, 0 before a stream's first.
    n_beats : int
        Beats that look.
    context : int
        Beats looked at.

    Returns
    -------
    Tensor of shape (batch, n_beats, context - 1 + n_beats), bool

    Examples
    --------
    >>> visible(torch.ones(1, 4), n_beats=3, context=2)[0].int()
    tensor([[1, 1, 0, 0],
            [0, 1, 1, 0],
            [0, 0, 1, 1]], dtype=torch.int32)
    """
    ahead = lag(n_beats, context).to(known.device)
    return ((ahead >= 0) & (ahead < context)) & (known > 0)[:, None]


def lag(n_beats: int, context: int) -> Tensor:
    """How many beats ago each was, from each beat that looks; below 0 in the future.

    Returns
    -------
    Tensor of shape (n_beats, context - 1 + n_beats), int64

    Examples
    --------
    >>> lag(2, 3)
    tensor([[ 2,  1,  0, -1],
            [ 3,  2,  1,  0]])
    """
    return torch.arange(n_beats)[:, None] + context - 1 - torch.arange(context - 1 + n_beats)


def softmax(scores: Tensor, allowed: Tensor) -> Tensor:
    """Weights over the last axis, 0 where not allowed, adding up to 1.

    The sum is a product with ones, not ONNX's Softmax: that adds up a row in an order of
    its own, and a row must not depend on its batch-mates (docs/adr/0003).

    Parameters
    ----------
    scores : Tensor of shape (..., n)
    allowed : Tensor of bool, broadcastable to ``scores``
        At least one a row.
    """
    scores = scores.masked_fill(~allowed, -torch.inf)
    weights = torch.exp(scores - scores.amax(dim=-1, keepdim=True)) * allowed.to(scores.dtype)
    return weights / total(weights)


def newest_last(weights: Tensor, context: int) -> Tensor:
    """Cut from each beat's row the beats that it may look at.

    Parameters
    ----------
    weights : Tensor of shape (..., n_beats, context - 1 + n_beats)
    context : int

    Returns
    -------
    Tensor of shape (..., n_beats, context)
        Oldest first; the last is the beat's own.
    """
    n = int(weights.shape[-2])
    rows = torch.arange(n)[:, None]
    return weights[..., rows, rows + torch.arange(context)]
