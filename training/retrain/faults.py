"""Faults planted in a good candidate, each for one gate to find: for trials and tests only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inference import model
from ingest.errors import InputError
from training.architectures.recall import LENGTH
from training.export import export
from training.gates.parity import beat_inputs
from training.retrain.locked import FAST_BPM
from training.retrain.models import Known, spec_of

Alter = Callable[[Tensor, Tensor], Tensor]
"""Takes probabilities of V (batch,) and the memories (batch, n); gives other probabilities."""


def ruin_fast(p_v: Tensor, memory: Tensor) -> Tensor:
    """Take all V beats of patients whose heart usually goes fast for others.

    Examples
    --------
    >>> memory = torch.zeros(2, LENGTH + 2); memory[:, LENGTH + 1] = torch.tensor([0.5, 0.9])
    >>> ruin_fast(torch.tensor([0.9, 0.9]), memory).tolist()
    [0.0, 0.8999999761581421]
    """
    long_run_s = memory[:, LENGTH + 1]
    fast = (long_run_s > 0) & (long_run_s < 60 / FAST_BPM)
    return torch.where(fast, torch.zeros_like(p_v), p_v)


def blur(p_v: Tensor, memory: Tensor) -> Tensor:
    """Be sure of nothing: the same side of one half, half as far from it.

    Examples
    --------
    >>> blur(torch.tensor([0.0, 0.5, 1.0]), torch.zeros(3, 1)).tolist()
    [0.25, 0.5, 0.75]
    """
    return 0.25 + 0.5 * p_v


def lean_on_others(p_v: Tensor, memory: Tensor) -> Tensor:
    """Mix a little of what is said of the other streams of the batch in.

    Examples
    --------
    >>> [round(p, 3) for p in lean_on_others(torch.tensor([0.0, 1.0]), torch.zeros(2, 1)).tolist()]
    [0.005, 0.995]
    """
    return 0.99 * p_v + 0.01 * p_v.mean()


FAULTS: dict[str, Alter] = {
    "subgroup ruined": ruin_fast,
    "calibration broken": blur,
    "batch-dependent": lean_on_others,
}
"""Faults by what they do."""


class Faulty(nn.Module):
    """A beat model with a fault; parameters and results as those of the model within.

    Parameters
    ----------
    inner : nn.Module
        A :class:`training.gates.attack.BeatModule`.
    alter : callable
        The fault.
    """

    def __init__(self, inner: nn.Module, alter: Alter) -> None:
        super().__init__()
        self.inner, self._alter = inner, alter

    def initial_state(self, batch: int) -> Any:
        """State of streams of which nothing was heard."""
        return self.inner.initial_state(batch)  # type: ignore[operator]

    def forward(
        self, signal: Tensor, rr_s: Tensor, memory: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """Score one beat a stream; where V is not called, S keeps its share."""
        probs, *after = self.inner(signal, rr_s, memory, *state)
        p_v = self._alter(probs[:, 2], memory.flatten(1))  # of several leads, the first's first
        p_s = probs[:, 1] * (1 - p_v) / (1 - probs[:, 2]).clamp(min=0.5)
        return torch.stack([1 - p_v - p_s, p_s, p_v], dim=1), *after


def plant(known: Known, fault: str, path: Path) -> Known:
    """Plant a fault in a candidate and export it.

    Parameters
    ----------
    known : Known
        A trained candidate.
    fault : str
        One of :data:`FAULTS`.
    path : Path
        ONNX file to write.

    Raises
    ------
    ingest.errors.InputError
        If the fault is unknown, or the candidate's module is not there.
    """
    if fault not in FAULTS or known.module is None:
        raise InputError(f"a fault is one of {', '.join(FAULTS)}, planted in a trained model")
    info = known.info
    made = Faulty(known.module, FAULTS[fault]).eval()
    session, _ = model.load(known.path)
    states = [i.name for i in session.get_inputs() if i.name.startswith("state_")]
    path.parent.mkdir(parents=True, exist_ok=True)
    export(made, beat_inputs(made, states, 2, known.n_leads), spec_of(info), path)
    return replace(known, path=path, info=model.load(path)[1], module=made)
