"""Tells atrial fibrillation beat by beat, from how irregular the rhythm is and what precedes a QRS.

Intervals that begin or end at a beat of another shape are left out of the
rhythm, as ectopic beats make any rhythm irregular.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.architectures import rhythm as rhythm_memory
from training.architectures.cores import State, make_core
from training.architectures.recall import FIT_QRS, recall
from training.architectures.rhythm import N_RHYTHM

ALIKE = 0.7
"""Correlation of a QRS with the usual one below which the beat is taken for an ectopic one."""


@dataclass(frozen=True, slots=True)
class AtrialSize:
    """How large a detector is."""

    core: str = "lstm"
    """Recurrent core, one of ``CORES``."""
    hidden: int = 24
    """Its units."""
    dropout: float = 0.2
    """Dropout before the core while training."""


class AtrialDetector(nn.Module):
    """Probability of atrial fibrillation at a beat, the state carried from beat to beat.

    Parameters
    ----------
    size : AtrialSize
        How large.
    """

    def __init__(self, size: AtrialSize = AtrialSize()) -> None:
        super().__init__()
        self.size = size
        self.core = make_core(size.core, N_RHYTHM, size.hidden, context=32, heads=4)
        self.drop = nn.Dropout(size.dropout)
        self.head = nn.Linear(size.hidden, 1)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the parts of the state."""
        return (*self.core.state_names, "rhythm")

    def initial_state(self, batch: int) -> State:
        """State of streams of which nothing was heard."""
        rhythm = torch.zeros(batch, rhythm_memory.STATE, device=self.head.bias.device)
        return (*self.core.initial_state(batch), rhythm)

    def logits(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """Score beats in order.

        Parameters
        ----------
        features : Tensor of shape (n_beats, batch, N_FEATURES)
            From :func:`training.architectures.recall.recall`.
        state : State

        Returns
        -------
        logits : Tensor of shape (n_beats, batch)
        state : State
        """
        ectopic = (features[..., FIT_QRS] < ALIKE).to(features.dtype)
        rhythm, after = rhythm_memory.follow(features, ectopic, state[-1])
        out, core = self.core(self.drop(rhythm), state[:-1])
        return self.head(out).squeeze(2), (*core, after)

    def forward(self, signal: Tensor, rr_s: Tensor, memory: Tensor, *state: Tensor) -> State:
        """Score one beat a stream, as exported: probabilities (batch, 2), then the states."""
        _, features, memory = recall(signal[:, 0], rr_s, memory)
        ectopic = (features[:, FIT_QRS : FIT_QRS + 1] < ALIKE).to(features.dtype)
        rhythm, after = rhythm_memory.follow_one(features, ectopic, state[-1])
        out, core = self.core(rhythm[None], state[:-1])
        p = torch.sigmoid(self.head(out)[0])
        return torch.cat([1 - p, p], dim=1), memory, *core, after
