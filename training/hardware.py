"""Where a run is computed, and how precisely: what the machine lacks is told before it starts."""

from __future__ import annotations

from typing import Any

import torch

from ingest.errors import InputError
from training.config import FitConfig


def trainer_options(fit: FitConfig) -> dict[str, Any]:
    """Options of Lightning's trainer for a run's hardware and precision.

    On the processor a run gives the same bits on any day. On a GPU it does not quite, since the
    order of sums is the driver's. Several devices learn by DDP, each from sequences of its own.

    Parameters
    ----------
    fit : FitConfig
        Table ``[fit]``.

    Raises
    ------
    ingest.errors.InputError
        If this machine has not what is asked for.
    """
    if fit.accelerator == "gpu":
        _require_gpus(fit)
    return {
        "accelerator": fit.accelerator,
        "devices": fit.devices,
        # spawned, not started anew: only one process may make the run folder
        "strategy": "ddp_spawn" if fit.devices > 1 else "auto",
        "precision": "32-true" if fit.precision == 32 else fit.precision,
        "deterministic": fit.accelerator == "cpu",
        "use_distributed_sampler": False,  # each process judges all validation records
    }


def _require_gpus(fit: FitConfig) -> None:
    n_found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if n_found == 0:
        raise InputError(
            "fit.accelerator is 'gpu', but torch finds no CUDA device on this machine; "
            "allowed here: 'cpu'"
        )
    if fit.devices > n_found:
        raise InputError(f"fit.devices is {fit.devices}; this machine has {n_found} GPUs")
    if fit.precision == "bf16-mixed" and not torch.cuda.is_bf16_supported():
        raise InputError(
            "fit.precision is 'bf16-mixed', which this GPU has not; allowed: 32, '16-mixed'"
        )
