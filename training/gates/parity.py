"""The gate on the export: ONNX Runtime says what torch says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from training.architectures.recall import LENGTH
from training.export import parity
from training.gates.attack import BeatModule, no_memory
from training.gates.gate import Decision, Gate
from training.gates.limits import GateLimits

STREAMS, STEPS = 17, 24
"""Streams side by side, and beats of each."""


def parity_gate(model: nn.Module, path: Path, limits: GateLimits) -> Gate:
    """Ask that the file scores as the model that was trained, over many steps with its state.

    Parameters
    ----------
    model : nn.Module
        The trained model, in evaluation mode; a :class:`training.gates.attack.BeatModule`.
    path : Path
        The ONNX file.
    limits : GateLimits
        Largest difference of a probability.
    """
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    states = [name for name in names if name.startswith("state_")]
    n_leads = session.get_inputs()[names.index("signal")].shape[1]
    inputs = beat_inputs(model, states, STREAMS, n_leads)
    worst = parity(model, inputs, path, states, steps=STEPS)
    good = bool(np.isfinite(worst)) and worst <= limits.parity
    return Gate(
        "ONNX parity",
        f"{STREAMS} streams of random beats, {STEPS} steps with carried state, torch beside ONNX "
        "Runtime",
        f"no probability differs by more than {limits.parity:g}",
        {"largest_difference": worst if np.isfinite(worst) else None},
        Decision.PASSED if good else Decision.FAILED,
        f"largest difference {worst:.2g}",
    )


def beat_inputs(
    model: nn.Module, states: Sequence[str], streams: int, n_leads: int = 1
) -> dict[str, torch.Tensor]:
    """Make inputs of a beat model by name, of streams of which nothing was heard.

    Parameters
    ----------
    model : nn.Module
        A :class:`training.gates.attack.BeatModule`.
    states : sequence of str
        Names of its states, the memory first.
    streams : int
        Streams side by side.
    n_leads : int
        Leads that it looks at.
    """
    values = (no_memory(streams, n_leads), *_initial(model, streams))
    return {
        "signal": torch.zeros(streams, n_leads, LENGTH),
        "rr_s": torch.zeros(streams, 1),
        **dict(zip(states, values, strict=True)),
    }


def _initial(model: BeatModule | nn.Module, batch: int) -> tuple[torch.Tensor, ...]:
    found: tuple[torch.Tensor, ...] = model.initial_state(batch)  # type: ignore[operator]
    return found
