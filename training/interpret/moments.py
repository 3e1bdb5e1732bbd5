"""Beats in their place: what a model is shown, and what it remembers at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.architectures.beat import BeatClassifier
from training.architectures.cores import State
from training.architectures.recall import LENGTH, MEMORY, centred, recall

SEGMENT = 5
"""Samples a segment: 40 ms at 125 Hz."""
N_SEGMENTS = LENGTH // SEGMENT


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Some beats, each with all that came before it summed up in memory and state."""

    beat: Tensor
    """Tensor of shape (n, LENGTH): the beats about their isoelectric line."""
    usual: Tensor
    """Tensor of shape (n, LENGTH): the patient's usual beat at that time."""
    rr_s: Tensor
    """Tensor of shape (n, 1), s."""
    memory: Tensor
    """Tensor of shape (n, MEMORY)."""
    state: State
    """Of the cores, each of shape (n, ...)."""

    def logits(self, model: BeatClassifier, beat: Tensor) -> tuple[Tensor, Tensor]:
        """Score other shapes in the place of the beats; V and S logits of shape (n,)."""
        shape, features, _ = recall(beat, self.rr_s, self.memory)
        v, s, _ = model.logits(shape[None], features[None], self.state)
        return v[0], s[0]

    def part(self, index: Tensor) -> Moments:
        """Give some of the moments, with repeats where the index has them."""
        return Moments(
            self.beat[index],
            self.usual[index],
            self.rr_s[index],
            self.memory[index],
            tuple(part[index] for part in self.state),
        )


@torch.no_grad()
def moments(model: BeatClassifier, windows: Tensor, rr_s: Tensor, chosen: Sequence[int]) -> Moments:
    """Run a model along one record and stop at some beats.

    Parameters
    ----------
    model : BeatClassifier
    windows : Tensor of shape (n_beats, LENGTH)
        Beats over their amplitude scale, in order of time.
    rr_s : Tensor of shape (n_beats, 1), s
    chosen : sequence of int
        Beats to stop at, not the first.
    """
    memory, state = torch.zeros(1, MEMORY), model.initial_state(1)
    wanted, kept = {*chosen}, []
    for i in range(max(chosen) + 1):
        window, rr = windows[i : i + 1], rr_s[i : i + 1]
        if i in wanted:
            kept.append((centred(window), memory[:, :LENGTH], rr, memory, *state))
        shape, features, memory = recall(window, rr, memory)
        _, _, state = model.logits(shape[None], features[None], state)
    beat, usual, rr, memory, *states = (torch.cat(part) for part in zip(*kept, strict=True))
    return Moments(beat, usual, rr, memory, tuple(states))


def by_segment(attribution: Tensor) -> Tensor:
    """Add attributions of samples up to segments.

    Parameters
    ----------
    attribution : Tensor of shape (n, LENGTH)

    Returns
    -------
    Tensor of shape (n, N_SEGMENTS)
    """
    return attribution.reshape(len(attribution), N_SEGMENTS, SEGMENT).sum(dim=2)


def with_segments_usual(beat: Tensor, usual: Tensor, segments: Tensor) -> Tensor:
    """Put the usual beat in the place of some segments.

    Parameters
    ----------
    beat, usual : Tensors of shape (n, LENGTH)
    segments : Tensor of shape (n, N_SEGMENTS), bool
        Which to replace.
    """
    return torch.where(segments.repeat_interleave(SEGMENT, dim=1), usual, beat)


def occlusion(model: BeatClassifier, at: Moments) -> tuple[Tensor, Tensor]:
    """Say how much each segment raises the logits: what they lose where it is as usual.

    Returns
    -------
    v, s : Tensors of shape (n, N_SEGMENTS)
    """
    n = len(at.beat)
    each = torch.arange(n).repeat_interleave(N_SEGMENTS)
    one = torch.eye(N_SEGMENTS, dtype=torch.bool).repeat(n, 1)
    many = at.part(each)
    with torch.no_grad():
        whole = at.logits(model, at.beat)
        without = many.logits(model, with_segments_usual(many.beat, many.usual, one))
    v, s = (a[:, None] - b.reshape(n, N_SEGMENTS) for a, b in zip(whole, without, strict=True))
    return v, s
