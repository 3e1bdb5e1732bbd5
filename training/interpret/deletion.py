"""The deletion test: taking away what an attribution names must tell more than taking any part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Deleted = Callable[[Tensor], Tensor]
"""From parts taken away, (n, n_parts) bool, to the scores that are left, (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Deletion:
    """How much scores change when 1, 2, ... parts are taken away."""

    named: Tensor
    """Tensor of shape (n, n_steps): largest attribution first."""
    random: Tensor
    """Tensor of shape (n, n_steps): in random order, mean over draws."""

    def summary(self) -> dict[str, float]:
        """Give the mean change over steps and rows, and how often the named parts win."""
        named, random = self.named.mean(dim=1), self.random.mean(dim=1)
        return {
            "n": len(named),
            "named": float(named.mean()),
            "random": float(random.mean()),
            "named_wins": float((named > random).float().mean()),
        }


def deletion_test(
    deleted: Deleted,
    attribution: Tensor,
    there: Tensor | None = None,
    *,
    steps: int = 6,
    draws: int = 8,
    seed: int = 0,
) -> Deletion:
    """Take parts away in the order of their attributions, and in random orders.

    Parameters
    ----------
    deleted : callable
        Scores what is left; with nothing taken away it gives the whole score.
    attribution : Tensor of shape (n, n_parts)
        How much each part raised the score.
    there : Tensor of shape (n, n_parts), bool, optional
        Parts that exist; others are never taken.
    steps : int
        Parts taken away at most.
    draws : int
        Random orders.
    seed : int

    Returns
    -------
    Deletion
        Falls of the score: positive where it is less without the parts.
    """
    there = torch.ones_like(attribution, dtype=torch.bool) if there is None else there
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        whole = deleted(torch.zeros_like(there))
        named = _falls(deleted, whole, attribution, there, steps)
        random = torch.stack(
            [
                _falls(
                    deleted,
                    whole,
                    torch.rand(attribution.shape, generator=generator),
                    there,
                    steps,
                )
                for _ in range(draws)
            ]
        )
    return Deletion(named, random.mean(dim=0))


def _falls(deleted: Deleted, whole: Tensor, rank: Tensor, there: Tensor, steps: int) -> Tensor:
    """Take the highest ranks away one after another; falls of shape (n, steps)."""
    order = rank.masked_fill(~there, -torch.inf).argsort(dim=1, descending=True)
    gone = torch.zeros_like(there)
    falls = []
    for step in range(steps):
        gone = gone.scatter(1, order[:, step : step + 1], True) & there
        falls.append(whole - deleted(gone))
    return torch.stack(falls, dim=1)
