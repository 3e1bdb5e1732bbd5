"""Group DRO: the loss of the worst groups, sought by weights that follow it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class GroupDro(nn.Module):
    """Weights of cells that grow with their loss.

    Sagawa, Koh, Hashimoto and Liang, "Distributionally robust neural networks", ICLR 2020,
    algorithm 1: exponentiated-gradient ascent on the weights, descent on the weighted loss. A
    cell of which a batch has no beat keeps its weight.

    Parameters
    ----------
    n_patients : sequence of int
        Patients behind each cell: they, not beats, are what a group has few of.
    rate : float
        Step of the weights, eta.
    adjustment : float
        C of the group adjustment C / sqrt(n).
    """

    q: Tensor
    adjustment: Tensor

    def __init__(self, n_patients: Sequence[int], rate: float, adjustment: float = 0.0) -> None:
        super().__init__()
        n = torch.tensor(n_patients, dtype=torch.float32)
        self.rate = rate
        self.register_buffer("q", torch.full((len(n),), 1 / len(n)))
        self.register_buffer("adjustment", adjustment / n.clamp(min=1).sqrt())

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        """Move the weights, then weigh.

        Parameters
        ----------
        losses : Tensor of shape (n_cells,)
            Mean loss of each cell's beats.
        present : Tensor of shape (n_cells,), bool
            Cells of which there are beats.

        Returns
        -------
        Tensor
            Weighted loss, a scalar.
        """
        if self.training:
            with torch.no_grad():
                adjusted = (losses + self.adjustment) * present
                q = self.q * torch.exp(self.rate * adjusted)
                self.q.copy_(q / q.sum())
        return (self.q * losses * present).sum()
