"""Integrated gradients (Sundararajan, Taly and Yan, ICML 2017)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]
"""Gives one number a row."""


def integrated_gradients(score: Score, x: Tensor, baseline: Tensor, steps: int = 64) -> Tensor:
    r"""Share the difference of a score between an input and a baseline out over the input.

    .. math:: (x_i - b_i) \int_0^1 \partial_i f(b + t (x - b))\, dt

    by the midpoint rule. They add up to ``score(x) - score(baseline)`` (completeness), as
    nearly as the number of steps allows.

    Parameters
    ----------
    score : callable
        From a Tensor of the shape of ``x`` to one of shape (n,); rows must not mix.
    x, baseline : Tensors of shape (n, ...)
    steps : int
        Points on the straight way from the baseline to the input.

    Returns
    -------
    Tensor of the shape of ``x``

    Examples
    --------
    >>> x = torch.tensor([[3.0, 1.0]])
    >>> integrated_gradients(lambda x: (x * x).sum(1), x, torch.zeros(1, 2))
    tensor([[9., 1.]])
    """
    way = x - baseline
    summed = torch.zeros_like(x)
    for step in range(steps):
        at = (baseline + (step + 0.5) / steps * way).detach().requires_grad_()
        (slope,) = torch.autograd.grad(score(at).sum(), at)
        summed += slope
    return way * summed / steps
