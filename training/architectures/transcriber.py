"""Beat strings straight from the signal, trained without any beat's time (CTC).

Each frame of 40 ms gives a distribution over "nothing new" and the classes;
what is left when repeats and blanks are taken out is the string of beats
(Graves et al., ICML 2006).
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.architectures.qrs import FrameNet, QrsSize

SYMBOLS = ("blank", "N", "S", "V")
"""What a frame may say; the blank first. Four: see ADR 0003 on the width of what is added up."""


class Transcriber(FrameNet):
    """Distribution over :data:`SYMBOLS`, frame by frame.

    Parameters
    ----------
    size : QrsSize
        How large.
    """

    def __init__(self, size: QrsSize = QrsSize(hidden=64)) -> None:
        super().__init__(size, n_outputs=len(SYMBOLS))

    def forward(
        self, signal: Tensor, past: Tensor, past_fine: Tensor, h: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Score frames, as exported: probabilities (batch, n_frames, 4), then the states."""
        state = (past, past_fine, h.unsqueeze(0), c.unsqueeze(0))
        logits, (past, past_fine, h, c) = self.frames(signal, state)
        probs = torch.softmax(logits.transpose(0, 1), dim=2)
        return probs, past, past_fine, h.squeeze(0), c.squeeze(0)
