"""Recurrent cells over beats: vanilla RNN, LSTM and GRU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from training.architectures.cores.base import Core, State


class RnnCore(Core):
    """Vanilla RNN with tanh (Elman 1990), ``h = tanh(W x + U h + b)``; parameters as :class:`Core`.

    :mod:`training.architectures.numpy_rnn` is the same in NumPy, with its gradient.
    """

    state_names = ("h",)

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__(n_in, hidden)
        self.cell = nn.RNN(n_in, hidden)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take the next beats; see :meth:`Core.forward`.

        A single beat, as exported, is written out: ONNX Runtime's RNN rounds a row
        differently by its place in the batch, its products and Tanh do not.
        """
        if len(x) == 1:
            w, u, b, b_h = self.cell.all_weights[0]
            h = torch.tanh(linear(x[0], w, b) + linear(state[0], u, b_h))
            return h[None], (h,)
        out, h = self.cell(x, state[0].unsqueeze(0))
        return out, (h.squeeze(0),)


class GruCore(Core):
    """Gated recurrent unit (Cho et al. 2014), reset after the product; parameters as :class:`Core`.

    The reset gate acts on the product with the state, as in cuDNN, torch and
    ONNX's ``linear_before_reset``, not on the state as in the paper.
    """

    state_names = ("h",)

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__(n_in, hidden)
        self.cell = nn.GRU(n_in, hidden)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take the next beats; see :meth:`Core.forward`."""
        out, h = self.cell(x, state[0].unsqueeze(0))
        return out, (h.squeeze(0),)


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
