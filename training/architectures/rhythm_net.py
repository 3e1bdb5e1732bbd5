"""A small causal net that tells the rhythm tick by tick: VT, VF, asystole, or another.

Two convolutions look at the shape, an LSTM that is stepped once a tick of
200 ms at how it goes on. Everything it remembers goes in and comes out as
``state_*`` tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

STRIDE = 25
"""Samples a tick: 200 ms at 125 Hz."""
FINE_TAPS, COARSE_TAPS, COARSE_STRIDE = 9, 10, 5
N_CLASSES = 4
"""Another rhythm, VT, VF, asystole. Four: see ADR 0003 on the width of what is added up."""

State = tuple[Tensor, Tensor, Tensor, Tensor]
"""Past signal (batch, 1, 8), past fine (batch, fine, 5), LSTM h and c (batch, hidden)."""


@dataclass(frozen=True, slots=True)
class RhythmSize:
    """How large a net is."""

    fine: int = 8
    """Channels of the first convolution, at the sampling rate."""
    coarse: int = 24
    """Channels of the second convolution, 25 a second."""
    tick: int = 32
    """Width of the embedding of a tick."""
    hidden: int = 48
    """LSTM units."""
    dropout: float = 0.2
    """Dropout about the LSTM while training."""


class RhythmNet(nn.Module):
    """Probability of each rhythm, tick by tick.

    Parameters
    ----------
    size : RhythmSize
        How large.
    """

    def __init__(self, size: RhythmSize = RhythmSize()) -> None:
        super().__init__()
        self.size = size
        self.fine = nn.Conv1d(1, size.fine, FINE_TAPS)
        self.coarse = nn.Conv1d(size.fine, size.coarse, COARSE_TAPS, stride=COARSE_STRIDE)
        self.tick = nn.Linear(size.coarse * STRIDE // COARSE_STRIDE, size.tick)
        self.lstm = nn.LSTM(size.tick, size.hidden)
        self.drop = nn.Dropout(size.dropout)
        self.head = nn.Linear(size.hidden, N_CLASSES)

    def initial_state(self, batch: int) -> State:
        """State of streams of which nothing was heard."""
        s, zeros = self.size, partial(torch.zeros, device=self.head.bias.device)
        return (
            zeros(batch, 1, FINE_TAPS - 1),
            zeros(batch, s.fine, COARSE_TAPS - COARSE_STRIDE),
            zeros(batch, s.hidden),
            zeros(batch, s.hidden),
        )

    def logits(self, signal: Tensor, state: State) -> tuple[Tensor, State]:
        """Score ticks.

        Parameters
        ----------
        signal : Tensor of shape (batch, 1, n_ticks * STRIDE)
            Signal over its amplitude scale.
        state : State
            What the call before returned.

        Returns
        -------
        logits : Tensor of shape (batch, n_ticks, N_CLASSES)
        state : State
        """
        past, past_fine, h, c = state
        joined = torch.cat([past, signal], dim=2)
        fine = torch.cat([past_fine, torch.relu(self.fine(joined))], dim=2)
        coarse = torch.relu(self.coarse(fine)).unflatten(2, (-1, STRIDE // COARSE_STRIDE))
        tick = torch.relu(self.tick(coarse.permute(2, 0, 1, 3).flatten(2)))
        out, (h1, c1) = self.lstm(self.drop(tick), (h[None], c[None]))
        keep = joined[:, :, -(FINE_TAPS - 1) :], fine[:, :, -(COARSE_TAPS - COARSE_STRIDE) :]
        return self.head(self.drop(out)).transpose(0, 1), (*keep, h1[0], c1[0])

    def forward(
        self, signal: Tensor, past: Tensor, past_fine: Tensor, h: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Score ticks, as exported: probabilities (batch, n_ticks, N_CLASSES), then the states."""
        logits, state = self.logits(signal, (past, past_fine, h, c))
        return torch.softmax(logits, dim=2), *state
