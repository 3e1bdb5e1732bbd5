"""What an S branch sees of beats, a V branch that stays as it is having had its word.

So a trial of an S branch costs seconds: what the V branch says, and what rests on
it, is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.architectures.beat import BeatClassifier
from training.architectures.recall import AFTER, ATRIAL, BEFORE
from training.architectures.rhythm import STATE, follow
from training.beat_sequences import BeatSampler, Synthesis
from training.beat_task import recall_record, recall_sequences
from training.datasets import LabelledSignal

SEQUENCES, BEATS = 768, 160
"""Sequences of a pool, and beats of each: as the shipped model's training draws them."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Beats of some sequences, in order; each Tensor is of shape (n_beats, batch, ...)."""

    atrial: Tensor
    """What precedes the QRS, and its residual to the template: (n_beats, batch, 2, 26)."""
    features: Tensor
    """From :func:`training.architectures.recall.recall`."""
    rhythm: Tensor
    """From :func:`training.architectures.rhythm.follow`."""
    v: Tensor
    """Logits of V."""
    aami: Tensor
    """Class codes; below 0 where nothing is told."""

    def columns(self, which: Tensor) -> Seen:
        """Take some of the sequences."""
        return Seen(*(getattr(self, part.name)[:, which] for part in fields(self)))

    def save(self, path: Path) -> None:
        """Keep it; see :func:`kept_or`."""
        torch.save(tuple(getattr(self, part.name) for part in fields(self)), path)


def see(model: BeatClassifier, shape: Tensor, features: Tensor, aami: Tensor) -> Seen:
    """Let the V branch of a model have its word on sequences from their beginning.

    Parameters
    ----------
    model : BeatClassifier
        One with the memory of the rhythm.
    shape, features : Tensors
        From :func:`training.beat_task.recall_sequences`.
    aami : Tensor of shape (n_beats, batch)
        Class codes.
    """
    batch = shape.shape[1]
    with torch.no_grad():
        v, _, _ = model.logits(shape, features, model.initial_state(batch))
        rhythm, _ = follow(features, (v > 0).to(v.dtype), torch.zeros(batch, STATE))
    return Seen(shape[..., ATRIAL].half(), features, rhythm, v, aami)


def seen_record(model: BeatClassifier, signal: LabelledSignal) -> Seen:
    """See a record's reference beats."""
    aami = torch.from_numpy(signal.aami.astype(np.int64))[:, None]
    return see(model, *recall_record(signal), aami)


def seen_pool(
    model: BeatClassifier, signals: Sequence[LabelledSignal], number: int, geminy: float = 0.0
) -> Seen:
    """Draw a pool of training sequences, rhythm put in as for the shipped model, and see it."""
    rng = np.random.default_rng(1000 * number + 7)
    sampler = BeatSampler(signals, BEFORE, AFTER, Synthesis(geminy=geminy))
    drawn = sampler.draw(rng, SEQUENCES, BEATS)
    shape, features = recall_sequences(
        torch.from_numpy(drawn.windows), torch.from_numpy(drawn.rr_s)
    )
    return see(model, shape, features, torch.from_numpy(drawn.aami.T.astype(np.int64)))


def kept_or(path: Path, make: Callable[[], Seen]) -> Seen:
    """Read what was seen before, or see it and keep it."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        make().save(path)
    return Seen(*torch.load(path))
