"""A beat classifier over two leads: one lead's weights on each, and a small learned fusion.

Each lead has a memory and a state of its own, so a lead may be any lead, come
late, go off and return. A lead that is all zeros is one that is not heard: its
memory and state stand still, and the other lead alone decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.cores import State
from training.architectures.recall import LENGTH, MEMORY, N_FEATURES, mean, recall
from training.architectures.size import Values, read_size

N_LEADS = 2
SOFT_LOGIT = 3.0
"""Logits go into the fusion as their tanh over this: how sure a lead is, bounded."""
UNHEARD = -10.0
"""Logit of both decisions where no lead is heard: N."""
N_EVIDENCE = N_FEATURES + 3
"""What the fusion sees of a lead: the features, the roughness of the beat, both logits."""


@dataclass(frozen=True, slots=True)
class TwoLeadSize(BeatSize):
    """How large a two-lead classifier is: that of each lead, and the fusion."""

    fusion: int = 12
    """Width of the fusion."""

    @classmethod
    def of(cls, values: Values) -> TwoLeadSize:
        """Read a size from a configuration; errors as :func:`read_size`."""
        return read_size(cls, values)


class Fusion(nn.Module):
    """Weighs what two leads say by how far each is to be trusted; symmetric in the leads.

    Parameters
    ----------
    n_in : int
        Width of what is seen of a lead.
    hidden : int
        Width within.
    """

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__()
        self.see = nn.Linear(n_in, hidden)
        self.trust = nn.Linear(hidden, 2, bias=False)
        self.correct = nn.Linear(hidden, 2)
        self.agree = nn.Parameter(torch.zeros(2))
        nn.init.zeros_(self.trust.weight)  # at first the mean of both leads
        nn.init.zeros_(self.correct.weight)
        nn.init.zeros_(self.correct.bias)

    def forward(self, logits: Tensor, evidence: Tensor, heard: Tensor) -> Tensor:
        """Join two leads.

        Parameters
        ----------
        logits : Tensor of shape (..., 2 leads, 2)
            What each lead says of V, and of S if not V.
        evidence : Tensor of shape (..., 2 leads, n_in)
            What is known of each lead.
        heard : Tensor of shape (..., 2 leads, 1)
            1 where the lead is heard, else 0.

        Returns
        -------
        Tensor of shape (..., 2)
            Where one lead is heard, its own logits to the last bit.
        """
        first, second = heard[..., 0, :], heard[..., 1, :]
        both = first * second
        seen = torch.relu(self.see(evidence))
        trust = self.trust(seen)
        share = torch.sigmoid(trust[..., 0, :] - trust[..., 1, :])
        share = both * share + (first - both)
        rest = both * (1 - share) + (second - both)
        mixed = share * logits[..., 0, :] + rest * logits[..., 1, :]
        correction = self.correct(seen[..., 0, :] + seen[..., 1, :])
        silent = (1 - first) * (1 - second)
        joined: Tensor = mixed + both * (self.agree * mixed + correction) + UNHEARD * silent
        return joined


class TwoLeadClassifier(nn.Module):
    """Class probabilities (N, S, V) of a beat seen in two leads.

    Parameters
    ----------
    size : TwoLeadSize
        How large.
    """

    def __init__(self, size: TwoLeadSize = TwoLeadSize()) -> None:
        super().__init__()
        self.size = size
        self.lead = BeatClassifier(size)
        self.fusion = Fusion(N_EVIDENCE, size.fusion)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the parts of the state, each of shape (batch, 2 leads, ...)."""
        return self.lead.state_names

    def initial_state(self, batch: int) -> State:
        """State of the cores of streams of which nothing was heard."""
        parts = self.lead.initial_state(batch * N_LEADS)
        return tuple(part.reshape(batch, N_LEADS, *part.shape[1:]) for part in parts)

    def logits(
        self, shape: Tensor, features: Tensor, heard: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Score whole sequences from their beginning.

        Parameters
        ----------
        shape : Tensor of shape (n_beats, batch, 2 leads, 2, LENGTH)
        features : Tensor of shape (n_beats, batch, 2 leads, N_FEATURES)
            What each lead gave for the beats in which it is heard, in order and without the
            others between: see :func:`packed`.
        heard : Tensor of shape (n_beats, batch, 2 leads), bool

        Returns
        -------
        v, s : Tensors of shape (n_beats, batch)
            Logits of "ventricular" and of "supraventricular, if not ventricular".
        each : Tensor of shape (n_beats, batch, 2 leads, 2)
            The same of each lead by itself; where it is not heard they mean nothing.
        """
        n, batch = heard.shape[:2]
        rows = shape.reshape(n, batch * N_LEADS, *shape.shape[3:])
        seen = features.reshape(n, batch * N_LEADS, -1)
        v, s, _ = self.lead.logits(rows, seen, self.lead.initial_state(batch * N_LEADS))
        told = torch.stack([v, s], dim=2).reshape(n, batch, N_LEADS, 2)
        evidence = _evidence(shape[:, :, :, 0], features, told)
        place = packed(heard).argsort(dim=0)[..., None]
        told = told.gather(0, place.expand_as(told))
        evidence = evidence.gather(0, place.expand_as(evidence))
        fused = self.fusion(told, evidence, heard[..., None].to(told.dtype))
        return fused[..., 0], fused[..., 1], told

    def forward(self, signal: Tensor, rr_s: Tensor, memory: Tensor, *state: Tensor) -> State:
        """Score one beat a stream, as exported: probabilities (batch, 3), then the states."""
        rows = signal.reshape(-1, LENGTH)
        heard = rows.abs().amax(1, keepdim=True) > 0
        before = memory.reshape(-1, MEMORY)
        shape, features, after = recall(rows, torch.cat([rr_s, rr_s], 1).reshape(-1, 1), before)
        old = tuple(part.reshape(-1, *part.shape[2:]) for part in state)
        v, s, new = self.lead.logits(shape[None], features[None], old)
        told = torch.cat([v[0, :, None], s[0, :, None]], dim=1)
        evidence = _evidence(shape[:, 0], features, told)
        fused = self.fusion(
            told.reshape(-1, N_LEADS, 2),
            evidence.reshape(-1, N_LEADS, N_EVIDENCE),
            heard.to(told.dtype).reshape(-1, N_LEADS, 1),
        )
        p_v, p_s = torch.sigmoid(fused[:, 0]), torch.sigmoid(fused[:, 1])
        probs = torch.stack([(1 - p_v) * (1 - p_s), (1 - p_v) * p_s, p_v], dim=1)
        carried = zip((after, *new), (before, *old), strict=True)
        return probs, *(_held(heard, ours, theirs) for ours, theirs in carried)


def packed(heard: Tensor) -> Tensor:
    """Order beats so that those in which a lead is heard come first, each kind in its order.

    A lead's memory and state stand still over beats in which it is not heard, so
    they go as if these had not been.

    Parameters
    ----------
    heard : Tensor of shape (n_beats, ...), bool

    Returns
    -------
    Tensor of shape (n_beats, ...), int64
        Indices along the first axis.
    """
    return (~heard).to(torch.int8).argsort(dim=0, stable=True)


def _evidence(beat: Tensor, features: Tensor, logits: Tensor) -> Tensor:
    """Put together what the fusion sees of each lead, shape (..., N_EVIDENCE)."""
    bend = (beat[..., 2:] - 2 * beat[..., 1:-1] + beat[..., :-2]).abs()
    return torch.cat([features, 10 * mean(bend), torch.tanh(logits / SOFT_LOGIT)], dim=-1)


def _held(heard: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Take the new where the lead is heard; shape (batch, 2 leads, ...)."""
    chosen = torch.where(heard.reshape(-1, *[1] * (new.dim() - 1)), new, old)
    return chosen.reshape(-1, N_LEADS, *new.shape[1:])
