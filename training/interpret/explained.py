"""A beat model that says why: the shipped arithmetic with two outputs more.

``explain_signal`` (batch, 17): how much each 40 ms of the beat raise the logit
of V over what it would be with the patient's usual beat there (occlusion by the
template, in the graph). ``explain_beats`` (batch, 8): how much each of the
beats before raises it over what it would be had the core not heard that beat,
oldest first, 0 where there was none. Probabilities and states are those of the
plain model, bit for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.architectures.beat import BeatClassifier
from training.architectures.cores import State
from training.architectures.recall import LENGTH, centred, recall
from training.interpret.moments import N_SEGMENTS, SEGMENT

BEATS = 8
"""Beats before, each of which is left out once."""
OUTPUTS = ("explain_signal", "explain_beats")
"""Names of the outputs."""


class ExplainedClassifier(nn.Module):
    """A classifier with its explanations; see the module.

    Parameters
    ----------
    model : BeatClassifier
        What is explained.
    """

    def __init__(self, model: BeatClassifier) -> None:
        super().__init__()
        self.model = model

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the parts of the state: the model's, then what the explanation keeps."""
        before = tuple(f"before_{name}" for name in self.model.core_v.state_names)
        return *self.model.state_names, "inputs", "heard", *before

    def initial_state(self, batch: int) -> State:
        """State of streams of which nothing was heard."""
        core = self.model.core_v
        inputs = torch.zeros(batch, BEATS, core.n_in), torch.zeros(batch, BEATS)
        return *self.model.initial_state(batch), *inputs, *core.initial_state(batch)

    def forward(self, signal: Tensor, rr_s: Tensor, memory: Tensor, *state: Tensor) -> State:
        """Score and explain one beat a stream: as :meth:`BeatClassifier.forward`, then why."""
        n_own = len(self.model.state_names)
        own, (inputs, heard, *kept) = state[:n_own], state[n_own:]
        probs, next_memory, *next_own = self.model(signal, rr_s, memory, *own)
        shape, features, _ = recall(signal[:, 0], rr_s, memory)
        seen, _ = self.model.encode(shape[None], features[None])
        v, _, _ = self.model.logits(shape[None], features[None], own)
        of_signal = self._signal(signal[:, 0], rr_s, memory, own, v[0])
        of_beats = self._beats(seen, v[0], inputs, heard, tuple(kept))
        before = self._heard_too(inputs[:, 0], heard[:, 0], tuple(kept))
        inputs = torch.cat([inputs[:, 1:], seen[0][:, None]], dim=1)
        heard = torch.cat([heard[:, 1:], torch.ones_like(heard[:, :1])], dim=1)
        return probs, next_memory, *next_own, inputs, heard, *before, of_signal, of_beats

    def _signal(
        self, window: Tensor, rr_s: Tensor, memory: Tensor, own: State, v: Tensor
    ) -> Tensor:
        """Occlude one segment after another by the template."""
        beat, usual = centred(window), memory[:, :LENGTH]
        started = memory[:, LENGTH : LENGTH + 1] > 0
        usual = torch.where(started, usual, beat)
        one = torch.eye(N_SEGMENTS, dtype=torch.bool)
        mask = one.repeat_interleave(SEGMENT, dim=1)[None]
        occluded = torch.where(mask, usual[:, None], beat[:, None]).reshape(-1, LENGTH)
        shape, features, _ = recall(occluded, _each(rr_s, N_SEGMENTS), _each(memory, N_SEGMENTS))
        state = tuple(_each(part, N_SEGMENTS) for part in own)
        without, _, _ = self.model.logits(shape[None], features[None], state)
        return v[:, None] - without[0].reshape(-1, N_SEGMENTS)

    def _beats(
        self, seen: Tensor, v: Tensor, inputs: Tensor, heard: Tensor, before: State
    ) -> Tensor:
        """Run the core over the last beats, in each of the rows with another one left out."""
        others = ((1 - torch.eye(BEATS))[None] * heard[:, None]).reshape(-1, BEATS)
        many = _each(inputs, BEATS)
        state = tuple(_each(part, BEATS) for part in before)
        for i in range(BEATS):
            state = self._heard_too(many[:, i], others[:, i], state)
        now = _each(seen[0], BEATS)[None]
        out, _ = self.model.core_v(now, state)
        without: Tensor = self.model.head_v(torch.cat([out, now], dim=2))[0, :, 0]
        return (v[:, None] - without.reshape(-1, BEATS)) * heard

    def _heard_too(self, one: Tensor, heard: Tensor, state: State) -> State:
        """Let the core hear one beat a row, where there was one."""
        _, further = self.model.core_v(one[None], state)
        return tuple(_kept(heard, new, old) for new, old in zip(further, state, strict=True))


def _each(x: Tensor, n: int) -> Tensor:
    """Repeat every row ``n`` times."""
    shape = [int(size) for size in x.shape[1:]]
    return x[:, None].expand(-1, n, *shape).reshape(-1, *shape)


def _kept(heard: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Take the new state where there was a beat, else keep the old."""
    there = heard.reshape(-1, *[1] * (new.dim() - 1)) > 0
    return torch.where(there, new, old)
