"""A beat classifier stepped once a beat: N, S or V, from the beats so far.

Two branches, as a premature atrial beat and a ventricular one betray
themselves differently: V by the shape of the QRS and its residual to the
patient's usual beat, S by timing and by what precedes the QRS. Each branch has
a recurrent core over beats, whose state is carried from beat to beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ingest.errors import InputError
from training.architectures import rhythm as rhythm_memory
from training.architectures.cores import State, make_core
from training.architectures.recall import ATRIAL, LENGTH, N_FEATURES, recall
from training.architectures.rhythm import N_RHYTHM
from training.architectures.size import Values, read_size

ENCODERS = ("cnn", "features")
"""``cnn``: convolutions over the beat and its residual, and the features; or these alone."""
ATRIAL_EMBEDDING = 8
"""Width of the embedding of what precedes the QRS."""


@dataclass(frozen=True, slots=True)
class BeatSize:
    """How large a classifier is."""

    channels: int = 12
    """Channels of the convolutions."""
    embedding: int = 32
    """Width of the shape embedding."""
    hidden_v: int = 32
    """Recurrent units of the V branch."""
    hidden_s: int = 24
    """Recurrent units of the S branch."""
    dropout: float = 0.2
    """Dropout on the embeddings while training."""
    core: str = "lstm"
    """Recurrent core of both branches, one of ``CORES``."""
    core_s: str = ""
    """Core of the S branch, where it is another."""
    rhythm: int = 0
    """1 where the S branch knows the rhythm without ventricular beats, else 0."""
    context: int = 32
    """Beats that a core with attention looks at, the last one among them."""
    heads: int = 4
    """Heads of the Transformer core."""
    encoder: str = "cnn"
    """What a branch sees of a beat, one of ``ENCODERS``."""

    @classmethod
    def of(cls, values: Values) -> BeatSize:
        """Read a size from a configuration; errors as :func:`read_size`."""
        return read_size(cls, values)


class BeatClassifier(nn.Module):
    """Class probabilities (N, S, V) of a beat, the state carried from beat to beat.

    Parameters
    ----------
    size : BeatSize
        How large.
    """

    def __init__(self, size: BeatSize = BeatSize()) -> None:
        super().__init__()
        self.size = size
        n_v = n_s = N_FEATURES
        if size.encoder == "cnn":
            self.shape, self.atrial = _shape_encoder(size), _atrial_encoder(size)
            n_v, n_s = n_v + size.embedding, n_s + ATRIAL_EMBEDDING
        elif size.encoder != "features":
            raise InputError(
                f"architecture.encoder is {size.encoder!r}; allowed: {', '.join(ENCODERS)}"
            )
        if size.rhythm not in (0, 1):
            raise InputError(f"architecture.rhythm is {size.rhythm}; allowed: 0, 1")
        n_s += N_RHYTHM * size.rhythm
        self.core_v = make_core(size.core, n_v, size.hidden_v, size.context, size.heads)
        self.core_s = make_core(
            size.core_s or size.core, n_s, size.hidden_s, size.context, size.heads
        )
        self.head_v = nn.Linear(size.hidden_v + n_v, 1)
        self.head_s = nn.Linear(size.hidden_s + n_s, 1)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the parts of the state: of the V branch, then of the S branch."""
        branches = (("v", self.core_v), ("s", self.core_s))
        cores = [f"{name}_{branch}" for branch, core in branches for name in core.state_names]
        return (*cores, *(["rhythm"] if self.size.rhythm else []))

    def initial_state(self, batch: int) -> State:
        """State of the cores of streams of which nothing was heard."""
        cores = self.core_v.initial_state(batch) + self.core_s.initial_state(batch)
        rhythm = torch.zeros(batch, rhythm_memory.STATE, device=self.head_v.bias.device)
        return (*cores, *([rhythm] if self.size.rhythm else []))

    def encode(self, shape: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Give what each branch sees of beats; parameters as :meth:`logits`.

        Returns
        -------
        v, s : Tensors of shape (n_beats, batch, n_in of the branch's core)
        """
        if self.size.encoder == "features":
            return features, features
        n, batch = shape.shape[:2]
        v, s = self._seen(shape.reshape(n * batch, 2, LENGTH), features.reshape(n * batch, -1))
        return v.reshape(n, batch, -1), s.reshape(n, batch, -1)

    def _seen(self, shape: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Give what each branch sees of beats, one a row."""
        if self.size.encoder == "features":
            return features, features
        v = torch.cat([self.shape(shape), features], dim=1)
        return v, torch.cat([self.atrial(shape[:, :, ATRIAL]), features], dim=1)

    def logits(self, shape: Tensor, features: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Score beats in order.

        Parameters
        ----------
        shape : Tensor of shape (n_beats, batch, 2, LENGTH)
        features : Tensor of shape (n_beats, batch, N_FEATURES)
        state : State
            Tensors of shape (batch, ...), named by ``state_names``.

        Returns
        -------
        v, s : Tensors of shape (n_beats, batch)
            Logits of "ventricular" and of "supraventricular, if not ventricular".
        state : State
        """
        seen_v, seen_s = self.encode(shape, features)
        n_v, n_s = len(self.core_v.state_names), len(self.core_s.state_names)
        out_v, state_v = self.core_v(seen_v, state[:n_v])
        v = self.head_v(torch.cat([out_v, seen_v], dim=2)).squeeze(2)
        remembered: State = ()
        if self.size.rhythm:
            called = (v > 0).to(v.dtype)
            rhythm, after = rhythm_memory.follow(features, called, state[n_v + n_s])
            seen_s, remembered = torch.cat([seen_s, rhythm], dim=2), (after,)
        out_s, state_s = self.core_s(seen_s, state[n_v : n_v + n_s])
        s = self.head_s(torch.cat([out_s, seen_s], dim=2)).squeeze(2)
        return v, s, state_v + state_s + remembered

    def step(self, shape: Tensor, features: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Score one beat a stream, in few operations: what :meth:`logits` gives of one.

        Parameters
        ----------
        shape : Tensor of shape (batch, 2, LENGTH)
        features : Tensor of shape (batch, N_FEATURES)
        state : State

        Returns
        -------
        v, s : Tensors of shape (batch, 1)
        state : State
        """
        seen_v, seen_s = self._seen(shape, features)
        n_v, n_s = len(self.core_v.state_names), len(self.core_s.state_names)
        one_v = seen_v[None]
        out_v, state_v = self.core_v(one_v, state[:n_v])
        v = self.head_v(torch.cat([out_v, one_v], dim=2))[0]
        remembered: State = ()
        if self.size.rhythm:
            called = (v > 0).to(v.dtype)
            rhythm, after = rhythm_memory.follow_one(features, called, state[n_v + n_s])
            seen_s, remembered = torch.cat([seen_s, rhythm], dim=1), (after,)
        one_s = seen_s[None]
        out_s, state_s = self.core_s(one_s, state[n_v : n_v + n_s])
        s = self.head_s(torch.cat([out_s, one_s], dim=2))[0]
        return v, s, state_v + state_s + remembered

    def forward(self, signal: Tensor, rr_s: Tensor, memory: Tensor, *state: Tensor) -> State:
        """Score one beat a stream, as exported: probabilities (batch, 3), then the states."""
        shape, features, memory = recall(signal[:, 0], rr_s, memory)
        v, s, state = self.step(shape, features, state)
        p_v, p_s = torch.sigmoid(v), torch.sigmoid(s)
        probs = torch.cat([(1 - p_v) * (1 - p_s), (1 - p_v) * p_s, p_v], dim=1)
        return probs, memory, *state


def _shape_encoder(size: BeatSize) -> nn.Module:
    """Convolutions over the whole beat and its residual."""
    return nn.Sequential(
        nn.Conv1d(2, size.channels, 7, stride=2),
        nn.ReLU(),
        nn.Conv1d(size.channels, 16, 5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 18, size.embedding),
        nn.ReLU(),
        nn.Dropout(size.dropout),
    )


def _atrial_encoder(size: BeatSize) -> nn.Module:
    """Convolutions over what precedes the QRS, and its residual."""
    return nn.Sequential(
        nn.Conv1d(2, 6, 5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6 * 11, ATRIAL_EMBEDDING),
        nn.ReLU(),
        nn.Dropout(size.dropout),
    )
