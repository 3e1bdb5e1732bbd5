"""RNN-Transformer hybrid: a recurrent encoder, then self-attention over its last states."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.architectures.cores.base import Core, State
from training.architectures.cores.recurrent import LstmCore
from training.architectures.cores.window import extend, lag, newest_last, softmax, visible
from training.architectures.recall import mean


class TransformerCore(Core):
    """An LSTM under one pre-norm Transformer block (Vaswani et al. 2017), causal and bounded.

    Each beat attends to the last ``context`` beats, itself among them, with a learned bias
    for how long ago each was. As keys and values of a beat are made from its own recurrent
    state alone, what comes out depends on those beats' states and on nothing else.

    Parameters
    ----------
    n_in, hidden : int
        As :class:`Core`; ``hidden`` a multiple of ``heads``.
    context : int
        Beats looked at.
    heads : int
        Attention heads.
    """

    state_names = ("h", "c", "keys", "values", "known")

    def __init__(self, n_in: int, hidden: int, context: int, heads: int) -> None:
        super().__init__(n_in, hidden)
        self.context, self.heads = context, heads
        self.recurrent = LstmCore(n_in, hidden)
        self.before_attention, self.before_mixing = RmsNorm(hidden), RmsNorm(hidden)
        self.project = nn.Linear(hidden, 3 * hidden)
        self.bias = nn.Parameter(torch.zeros(heads, context))
        self.gather = nn.Linear(hidden, hidden)
        self.mix = nn.Sequential(
            nn.Linear(hidden, 2 * hidden), nn.ReLU(), nn.Linear(2 * hidden, hidden)
        )

    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """LSTM's h and c, keys and values of beats before, and 1 where there was a beat."""
        remembered = self.context - 1, self.hidden
        return *self.recurrent.state_shapes(), remembered, remembered, remembered[:1]

    def attend(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Take the next beats, and say which beats each one looked at.

        Parameters
        ----------
        x : Tensor of shape (n_beats, batch, n_in)
        state : State

        Returns
        -------
        out : Tensor of shape (n_beats, batch, hidden)
        weights : Tensor of shape (n_beats, batch, heads, context)
            Add up to 1 in each head; oldest first, the last is the beat's own, 0 before a
            stream's first.
        state : State
        """
        h, c, keys, values, known = state
        states, (h, c) = self.recurrent(x, (h, c))
        now = states.transpose(0, 1)
        query, key, value = self.project(self.before_attention(now)).chunk(3, dim=2)
        all_keys, keys = extend(keys, key)
        all_values, values = extend(values, value)
        heard, known = extend(known, torch.ones_like(now[..., 0]))
        n = int(x.shape[0])
        scores = self._split(query) @ self._split(all_keys).transpose(2, 3)
        scores = scores * (self.heads / self.hidden) ** 0.5 + self._bias(n)
        weights = softmax(scores, visible(heard, n, self.context)[:, None])
        seen = (weights @ self._split(all_values)).transpose(1, 2).flatten(2)
        now = now + self.gather(seen)
        out = now + self.mix(self.before_mixing(now))
        weights = newest_last(weights, self.context).permute(2, 0, 1, 3)
        return out.transpose(0, 1), weights, (h, c, keys, values, known)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take the next beats; see :meth:`Core.forward`."""
        out, _, state = self.attend(x, state)
        return out, state

    def _split(self, x: Tensor) -> Tensor:
        """Share the width out among the heads: (batch, heads, n, hidden / heads)."""
        heads: Tensor = x.unflatten(2, (self.heads, self.hidden // self.heads))
        return heads.transpose(1, 2)

    def _bias(self, n_beats: int) -> Tensor:
        """Bias of each pair by how long ago: (heads, n_beats, context - 1 + n_beats)."""
        ago = lag(n_beats, self.context).clamp(0, self.context - 1)
        return self.bias[:, ago]


class RmsNorm(nn.Module):
    """Scale each row to a root mean square of one (Zhang and Sennrich 2019).

    Without a mean to take away, and by products with ones: see docs/adr/0003.

    Parameters
    ----------
    width : int
        Width of a row.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Scale rows along the last axis."""
        scaled: Tensor = x / (mean(x * x) + 1e-6).sqrt() * self.gain
        return scaled
