"""What holds a fit back: gradients clipped by norm or value, and penalties on the weights.

Weights are the parameters with two axes or more; biases are never penalised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn

Clip = Literal["norm", "value", "none"]
"""``norm`` scales all gradients together, ``value`` cuts each element, ``none`` lets them be."""


def weights(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Name the weights of a model: its parameters without the biases."""
    return ((name, part) for name, part in model.named_parameters() if part.dim() > 1)


def clip_gradients(parameters: Iterable[Tensor], how: Clip, limit: float) -> float:
    """Bound the gradients in place and say what share of them was out of bounds.

    Parameters
    ----------
    parameters : iterable of Tensor
        Those without a gradient are passed over.
    how : {"norm", "value", "none"}
        ``norm``: all gradients are scaled to a joint 2-norm of ``limit`` where it is larger
        (Pascanu et al., ICML 2013). ``value``: each element is cut to ``limit`` either way.
    limit : float
        The bound; not looked at for ``none``.

    Returns
    -------
    float
        For ``norm`` the share of this step, 1 or 0; for ``value`` the share of elements cut.

    Examples
    --------
    >>> w = torch.zeros(4, requires_grad=True)
    >>> w.grad = torch.tensor([3.0, -0.5, 0.0, -4.0])
    >>> clip_gradients([w], "value", 1.0), w.grad.tolist()
    (0.5, [1.0, -0.5, 0.0, -1.0])
    >>> clip_gradients([w], "norm", 9.0)
    0.0
    """
    with_gradient = [part for part in parameters if part.grad is not None]
    if how == "none" or not with_gradient:
        return 0.0
    if how == "norm":
        norm = nn.utils.clip_grad_norm_(with_gradient, limit)
        return float(not norm <= limit)  # a norm that is not finite is beyond any bound
    gradients = [part.grad for part in with_gradient if part.grad is not None]
    n_beyond = sum(int((gradient.abs() > limit).sum()) for gradient in gradients)
    nn.utils.clip_grad_value_(with_gradient, limit)
    return n_beyond / sum(gradient.numel() for gradient in gradients)


@torch.no_grad()
def add_l2_gradient(model: nn.Module, l2: float) -> None:
    """Add the gradient of ``l2 / 2`` times the squared norm of the weights.

    Under Adam this is another thing than weight decay: Adam divides this gradient by its own
    size as it does the loss's, so weights with large gradients are shrunk less (Loshchilov and
    Hutter, ICLR 2019, who decouple the decay from it: the key ``weight_decay``).
    """
    for _, weight in weights(model):
        if weight.grad is not None:
            weight.grad.add_(weight, alpha=l2)


@torch.no_grad()
def soft_threshold(parameters: Iterable[Tensor], amount: float) -> None:
    """Draw each element towards zero by ``amount`` and leave it at zero where it gets there.

    The proximal step of ``amount`` times the 1-norm (ISTA; Beck and Teboulle, SIAM J. Imaging
    Sciences 2(1), 2009). Unlike a step along the 1-norm's gradient it gives zeros that are zeros.

    Examples
    --------
    >>> w = torch.tensor([0.5, -0.25, 0.1])
    >>> soft_threshold([w], 0.25)
    >>> w.tolist()
    [0.25, 0.0, 0.0]
    """
    for part in parameters:
        kept = (part.abs() - amount).clamp(min=0)
        part.copy_(torch.where(kept > 0, part.sign() * kept, 0.0))


def zero_share(model: nn.Module) -> float:
    """Share of a model's weights that are exactly zero."""
    parts = [weight for _, weight in weights(model)]
    return sum(int((part == 0).sum()) for part in parts) / max(sum(p.numel() for p in parts), 1)
