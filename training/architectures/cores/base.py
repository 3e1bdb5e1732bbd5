"""What a recurrent core is: a sequence of beats in, a sequence out, its state carried."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""Tensors of shape (batch, ...), one for each name in ``state_names``."""


class Core(nn.Module):
    """Turns beats into hidden values, each from the beats so far.

    ``core(x, state) -> (out, state)``; any cutting of a sequence into pieces,
    the state carried, gives what the whole sequence gives.

    Parameters
    ----------
    n_in : int
        Width of what is seen of a beat.
    hidden : int
        Width of what comes out.
    """

    state_names: ClassVar[tuple[str, ...]]
    """Names of the parts of the state, in order."""

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__()
        self.n_in, self.hidden = n_in, hidden

    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the parts of the state, without the batch; zeros for a new stream."""
        return tuple((self.hidden,) for _ in self.state_names)

    def initial_state(self, batch: int) -> State:
        """State of streams of which nothing was heard, where the parameters are."""
        device = next(self.parameters()).device
        return tuple(torch.zeros(batch, *shape, device=device) for shape in self.state_shapes())

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take the next beats.

        Parameters
        ----------
        x : Tensor of shape (n_beats, batch, n_in)
        state : State
            What the call before returned.

        Returns
        -------
        out : Tensor of shape (n_beats, batch, hidden)
        state : State
        """
        raise NotImplementedError
