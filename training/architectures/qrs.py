"""A small causal net over frames of 40 ms, and the QRS detector that it is the body of.

Everything it remembers goes in and comes out as ``state_*`` tensors, so that a
chunk of any whole number of frames gives what the whole record would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

STRIDE = 5
"""Samples a frame: 40 ms at 125 Hz."""
FINE_TAPS, COARSE_TAPS = 9, 10


@dataclass(frozen=True, slots=True)
class QrsSize:
    """How large a detector is."""

    fine: int = 8
    """Channels of the first convolution, at the sampling rate."""
    coarse: int = 24
    """Channels of the second convolution, at the frame rate."""
    hidden: int = 32
    """LSTM units."""


State = tuple[Tensor, Tensor, Tensor, Tensor]
"""Past signal (batch, 1, 8), past fine (batch, fine, 5), LSTM h and c (1, batch, hidden)."""


class FrameNet(nn.Module):
    """Signal to frames of 40 ms: two convolutions and an LSTM, causal, its state explicit.

    Parameters
    ----------
    size : QrsSize
        How large.
    n_outputs : int
        Logits a frame.
    """

    def __init__(self, size: QrsSize = QrsSize(), n_outputs: int = 1) -> None:
        super().__init__()
        self.size = size
        self.fine = nn.Conv1d(1, size.fine, FINE_TAPS)
        self.coarse = nn.Conv1d(size.fine, size.coarse, COARSE_TAPS, stride=STRIDE)
        self.lstm = nn.LSTM(size.coarse, size.hidden)
        self.head = nn.Linear(size.hidden, n_outputs)

    def initial_state(self, batch: int) -> State:
        """State of a stream of which nothing was heard, where the parameters are."""
        s, zeros = self.size, partial(torch.zeros, device=self.head.bias.device)
        return (
            zeros(batch, 1, FINE_TAPS - 1),
            zeros(batch, s.fine, COARSE_TAPS - STRIDE),
            zeros(1, batch, s.hidden),
            zeros(1, batch, s.hidden),
        )

    def frames(self, signal: Tensor, state: State) -> tuple[Tensor, State]:
        """Score frames.

        Parameters
        ----------
        signal : Tensor of shape (batch, 1, n_frames * STRIDE)
            Signal over its amplitude scale.
        state : State
            What the call before returned.

        Returns
        -------
        logits : Tensor of shape (n_frames, batch, n_outputs)
        state : State
        """
        past, past_fine, h, c = state
        joined = torch.cat([past, signal], dim=2)
        fine = torch.cat([past_fine, torch.relu(self.fine(joined))], dim=2)
        coarse = torch.relu(self.coarse(fine))
        out, (h, c) = self.lstm(coarse.permute(2, 0, 1), (h, c))
        keep = joined[:, :, -(FINE_TAPS - 1) :], fine[:, :, -(COARSE_TAPS - STRIDE) :]
        return self.head(out), (*keep, h, c)


class QrsDetector(FrameNet):
    """Probability, frame by frame, that an R-peak lay a fixed look-ahead ago.

    Parameters
    ----------
    size : QrsSize
        How large.
    """

    def __init__(self, size: QrsSize = QrsSize()) -> None:
        super().__init__(size, n_outputs=1)

    def logits(self, signal: Tensor, state: State) -> tuple[Tensor, State]:
        """Score frames: logits of shape (batch, n_frames); see :meth:`FrameNet.frames`."""
        out, state = self.frames(signal, state)
        return out.squeeze(2).transpose(0, 1), state

    def forward(
        self, signal: Tensor, past: Tensor, past_fine: Tensor, h: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Score frames, as exported: probabilities (batch, n_frames), then the states."""
        state = (past, past_fine, h.unsqueeze(0), c.unsqueeze(0))
        logits, (past, past_fine, h, c) = self.logits(signal, state)
        return torch.sigmoid(logits), past, past_fine, h.squeeze(0), c.squeeze(0)
