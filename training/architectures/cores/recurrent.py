"""Recurrent cells over beats."""

from __future__ import annotations

from torch import Tensor, nn

from training.architectures.cores.base import Core, State


class LstmCore(Core):
    """Long short-term memory (Hochreiter and Schmidhuber 1997); parameters as :class:`Core`."""

    state_names = ("h", "c")

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__(n_in, hidden)
        self.cell = nn.LSTM(n_in, hidden)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take the next beats; see :meth:`Core.forward`."""
        h, c = (part.unsqueeze(0) for part in state)
        out, (h, c) = self.cell(x, (h, c))
        return out, (h.squeeze(0), c.squeeze(0))
