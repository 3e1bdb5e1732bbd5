"""Which beats a core with attention looked at, and what it says without them."""

from __future__ import annotations

import torch
from torch import Tensor

from ingest.errors import InputError
from training.architectures.beat import BeatClassifier
from training.architectures.cores.attention import AttentionCore
from training.architectures.recall import recall
from training.interpret.moments import Moments


def attention_of(model: BeatClassifier) -> AttentionCore:
    """Give the attention core of the V branch.

    Raises
    ------
    ingest.errors.InputError
        If the model has another core.
    """
    if not isinstance(model.core_v, AttentionCore):
        raise InputError(
            f"the model's core is {model.size.core!r}; attention weights want core = 'attention'"
        )
    return model.core_v


@torch.no_grad()
def looked_at(model: BeatClassifier, at: Moments) -> tuple[Tensor, Tensor]:
    """Attention weights over the beats before each beat.

    Returns
    -------
    weights : Tensor of shape (n, context - 1)
        Oldest first; with the beat's own, which is not among them, they add up to 1.
    known : Tensor of shape (n, context - 1), bool
        There was a beat.
    """
    core = attention_of(model)
    n_parts = len(core.state_names)
    shape, features, _ = recall(at.beat, at.rr_s, at.memory)
    seen_v, _ = model.encode(shape[None], features[None])
    _, weights, _ = core.attend(seen_v, at.state[:n_parts])
    known = at.state[core.state_names.index("known")] > 0
    return weights[0, :, :-1], known


def logit_without(model: BeatClassifier, at: Moments, gone: Tensor) -> Tensor:
    """V logits when some of the beats before are not looked at.

    Parameters
    ----------
    gone : Tensor of shape (n, context - 1), bool
        Beats that are hidden from the attention; the recurrent state has still heard them.
    """
    place = attention_of(model).state_names.index("known")
    state = list(at.state)
    state[place] = state[place] * (~gone).to(state[place].dtype)
    hidden = Moments(at.beat, at.usual, at.rr_s, at.memory, tuple(state))
    return hidden.logits(model, at.beat)[0]
