"""Attacks on the beat model: the smallest harm that one who knows it all can do to a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from inference.ticks import TICK_MS
from ingest.errors import InputError
from training.architectures.recall import MEMORY
from training.beat_sequences import leads_together
from training.beat_task import beats_of
from training.datasets import LabelledSignal

PGD_STEPS = 5
"""Steps of projected gradient descent."""
BEATS = 300
"""Beats from a record's start that a model is stepped along."""
WARM = 60
"""First beats, in which it gets to know the patient; none of them is attacked."""
EVERY = 12
"""Of the others so many are one that is attacked."""


class BeatModule(Protocol):
    """A beat model in torch, as it is exported."""

    def __call__(
        self, signal: Tensor, rr_s: Tensor, memory: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """Score one beat a stream: probabilities (batch, 3), then the states."""
        ...

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        """State of streams of which nothing was heard."""
        ...


@dataclass(frozen=True, slots=True)
class Flips:
    """How many beats change their class."""

    beats: int
    """Beats that were attacked."""
    fgsm: int
    """Of these, those that one step along the gradient's sign changed."""
    pgd: int
    """Those that several steps changed."""

    @property
    def share(self) -> float:
        """Share that the stronger attack changed."""
        return max(self.fgsm, self.pgd) / max(self.beats, 1)

    def to_dict(self) -> dict[str, float | int]:
        """Give it as a JSON object."""
        plain = {"beats": self.beats, "fgsm": self.fgsm, "pgd": self.pgd}
        return plain | {"share": round(self.share, 4)}


def attack(
    model: BeatModule, signals: Sequence[LabelledSignal], limit_uv: float, n_leads: int = 1
) -> Flips:
    """Attack beats in their place, each by itself.

    Parameters
    ----------
    model : BeatModule
        In evaluation mode.
    signals : sequence of LabelledSignal
        Leads of records; beats at reference R-peaks.
    limit_uv : float
        Largest change of a sample, uV.
    n_leads : int
        Leads that the model looks at; all of a record are attacked together.

    Raises
    ------
    ingest.errors.InputError
        If no record is long enough, or one has too few leads.
    """
    records = [(one,) for one in signals] if n_leads == 1 else leads_together(signals, n_leads)
    beats, states, limit = _places(model, records, limit_uv)
    window, rr_s, memory, *state = beats, *states
    with torch.no_grad():
        called = calls(model(window, rr_s, memory, *state)[0])

    def moved(steps: int) -> Tensor:
        size = limit if steps == 1 else 2.5 * limit / steps
        x = window.clone()
        for _ in range(steps):
            x.requires_grad_()
            probs = model(x, rr_s, memory, *state)[0]
            loss = -torch.log(probs[torch.arange(len(probs)), called].clamp(min=1e-12)).sum()
            (slope,) = torch.autograd.grad(loss, x)
            x = (x + size * slope.sign()).detach()
            x = torch.minimum(torch.maximum(x, window - limit), window + limit)
        with torch.no_grad():
            return calls(model(x, rr_s, memory, *state)[0])

    n_fgsm, n_pgd = (int((moved(steps) != called).sum()) for steps in (1, PGD_STEPS))
    return Flips(len(called), n_fgsm, n_pgd)


def calls(probs: Tensor) -> Tensor:
    """Class codes of probabilities of N, S, V at thresholds of one half, as the pipeline's rule.

    Examples
    --------
    >>> calls(torch.tensor([[0.9, 0.1, 0.0], [0.1, 0.3, 0.6], [0.2, 0.4, 0.4]])).tolist()
    [0, 2, 1]
    """
    v = probs[:, 2] >= 0.5
    s = probs[:, 1] >= 0.5 * (1 - probs[:, 2])
    return torch.where(v, 2, torch.where(s, 1, 0))


@torch.no_grad()
def _places(
    model: BeatModule, records: Sequence[tuple[LabelledSignal, ...]], limit_uv: float
) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """Step along records side by side; stop at beats with the state that they find."""
    long = [leads for leads in records if len(leads[0].r_ms) > WARM]
    if not long:
        raise InputError(f"an attack needs a record of more than {WARM} beats")
    n = min(BEATS, min(len(leads[0].r_ms) for leads in long))
    cut = [[beats_of(lead) for lead in leads] for leads in long]
    windows = torch.from_numpy(np.array([[w[:n] for w, _ in leads] for leads in cut]))
    rr = torch.from_numpy(np.stack([leads[0][1][:n] for leads in cut]))
    limits = torch.from_numpy(
        np.array([[_limits(lead, n, limit_uv) for lead in leads] for leads in long])
    )
    state = (no_memory(len(long), windows.shape[1]), *model.initial_state(len(long)))
    kept: list[tuple[Tensor, ...]] = []
    for at in range(n):
        window, rr_s = windows[:, :, at], rr[:, at : at + 1]
        if at >= WARM and (at - WARM) % EVERY == 0:
            kept.append((window, rr_s, *state, limits[:, :, at, None]))
        _, *after = model(window, rr_s, *state)
        state = tuple(after)
    window, *states, limit = (torch.cat(parts) for parts in zip(*kept, strict=True))
    return window, tuple(states), limit


def no_memory(streams: int, n_leads: int) -> Tensor:
    """Memory of streams of which nothing was heard, as a beat model of so many leads takes it.

    Examples
    --------
    >>> no_memory(3, 1).dim(), no_memory(3, 2).dim()
    (2, 3)
    """
    return torch.zeros((streams, MEMORY) if n_leads == 1 else (streams, n_leads, MEMORY))


def _limits(signal: LabelledSignal, n: int, limit_uv: float) -> np.ndarray:
    """Largest change of a beat's samples in units of its amplitude scale, shape (n,)."""
    tick = np.minimum(signal.r_ms[:n] // TICK_MS, len(signal.scale_uv) - 1)
    return np.asarray(limit_uv / signal.scale_uv[tick], np.float32)
