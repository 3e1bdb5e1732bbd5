"""MAML, its first-order form, and Reptile, on parameters as a mapping of names to Tensors.

Finn, Abbeel and Levine, ICML 2017; Nichol, Achiam and Schulman, arXiv 1803.02999.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

Method = Literal["maml", "fomaml", "reptile"]
"""MAML differentiates through the inner steps; first-order MAML takes them as constants;
Reptile goes towards where they lead, and needs no query."""
Parameters = Mapping[str, Tensor]
"""Parameters of a model by name, as ``torch.func.functional_call`` takes them."""
Loss = Callable[[Parameters], Tensor]
"""Loss of a task with these parameters, a scalar."""


def adapted(
    parameters: Parameters, loss: Loss, rate: float, steps: int, *, differentiable: bool = False
) -> dict[str, Tensor]:
    """Take some steps of plain gradient descent.

    Parameters
    ----------
    parameters : Parameters
        Where to start; not changed.
    loss : callable
        Loss on what is known of the task.
    rate : float
        Learning rate.
    steps : int
    differentiable : bool
        Keep the way back through the steps, for MAML.

    Returns
    -------
    dict of str to Tensor

    Examples
    --------
    >>> start = {"w": torch.tensor(1.0, requires_grad=True)}
    >>> adapted(start, lambda p: p["w"] ** 2, rate=0.1, steps=1)["w"].item()
    0.800000011920929
    """
    now = dict(parameters)
    for _ in range(steps):
        if not differentiable:
            now = {name: value.detach().requires_grad_() for name, value in now.items()}
        slopes: tuple[Tensor | None, ...] = torch.autograd.grad(
            loss(now), list(now.values()), create_graph=differentiable, allow_unused=True
        )
        now = {
            name: value if slope is None else value - rate * slope
            for (name, value), slope in zip(now.items(), slopes, strict=True)
        }
    return now


def meta_loss(
    method: Method, parameters: Parameters, support: Loss, query: Loss, rate: float, steps: int
) -> Tensor:
    """Give a scalar whose gradient is one task's meta-gradient.

    Its value is the query's loss after the inner steps. Its gradient is for MAML that of this
    value, for the first-order form that of the query where the inner steps lead, for Reptile the
    way back from there.

    Parameters
    ----------
    method : Method
    parameters : Parameters
        That require gradients.
    support : callable
        Loss of what the inner steps learn from.
    query : callable
        Loss of what they are judged by; Reptile learns from both.
    rate : float
        Learning rate of the inner steps.
    steps : int
        Inner steps.
    """
    if method == "maml":
        return query(adapted(parameters, support, rate, steps, differentiable=True))
    told = support if method == "fomaml" else lambda p: support(p) + query(p)
    there = adapted(parameters, told, rate, steps)
    there = {name: value.detach().requires_grad_() for name, value in there.items()}
    left = query(there)
    if method == "reptile":
        slopes = {name: (value - there[name]).detach() for name, value in parameters.items()}
    else:
        found: tuple[Tensor | None, ...] = torch.autograd.grad(
            left, list(there.values()), allow_unused=True
        )
        slopes = {
            name: torch.zeros_like(value) if slope is None else slope
            for (name, value), slope in zip(there.items(), found, strict=True)
        }
    way = torch.stack([(value * slopes[name]).sum() for name, value in parameters.items()]).sum()
    return left.detach() + way - way.detach()
