"""Attention over the recurrent states of the last beats."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.architectures.cores.base import Core, State
from training.architectures.cores.recurrent import LstmCore
from training.architectures.cores.window import extend, newest_last, softmax, visible


class AttentionCore(Core):
    """An LSTM whose every state looks back at the last ones (Luong et al. 2015, "general").

    ``score = h_now . W h_then``; what comes out is ``tanh(V [context; h_now])``. Causal, and
    bounded: the last ``context`` states, that of the beat itself among them.

    Parameters
    ----------
    n_in, hidden : int
        As :class:`Core`.
    context : int
        Beats looked at.
    """

    state_names = ("h", "c", "past", "known")

    def __init__(self, n_in: int, hidden: int, context: int) -> None:
        super().__init__(n_in, hidden)
        self.context = context
        self.recurrent = LstmCore(n_in, hidden)
        self.score = nn.Linear(hidden, hidden, bias=False)
        self.join = nn.Linear(2 * hidden, hidden)

    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """LSTM's h and c, the states before (oldest first), and 1 where there was a beat."""
        before = self.context - 1
        return *self.recurrent.state_shapes(), (before, self.hidden), (before,)

    def attend(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Take the next beats, and say which beats each one looked at.

        Parameters
        ----------
        x : Tensor of shape (n_beats, batch, n_in)
        state : State

        Returns
        -------
        out : Tensor of shape (n_beats, batch, hidden)
        weights : Tensor of shape (n_beats, batch, context)
            Add up to 1; oldest first, the last is the beat's own, 0 before a stream's first.
        state : State
        """
        h, c, past, known = state
        states, (h, c) = self.recurrent(x, (h, c))
        now = states.transpose(0, 1)
        then, past = extend(past, now)
        heard, known = extend(known, torch.ones_like(now[..., 0]))
        allowed = visible(heard, int(x.shape[0]), self.context)
        scores = self.score(now) @ then.transpose(1, 2) / self.hidden**0.5
        weights = softmax(scores, allowed)
        seen = torch.cat([weights @ then, now], dim=2)
        out = torch.tanh(self.join(seen)).transpose(0, 1)
        return out, newest_last(weights, self.context).transpose(0, 1), (h, c, past, known)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take the next beats; see :meth:`Core.forward`."""
        out, _, state = self.attend(x, state)
        return out, state
