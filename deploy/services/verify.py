"""Whether a model scores a stream the same whoever else is in the batch, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference import model
from inference.model import ModelInfo
from inference.session import StreamSession
from inference.ticks import TICK_MS
from ingest.errors import InputError

N_STREAMS = 33
"""Streams that are scored together: an odd number, larger than any vector unit."""

N_STEPS = 4
"""Steps with carried state."""

SEED = 20_240_601
"""Seed of the random input."""


def why_not_batch_invariant(path: Path) -> str | None:
    """Score random input alone, in groups and all together, and compare every bit.

    Parameters
    ----------
    path : Path
        The model.

    Returns
    -------
    str or None
        What differed; None where nothing did.

    Raises
    ------
    InputError
        If the model does not fit.
    """
    _, info = model.load(path)
    together = _run(path, info, [np.arange(N_STREAMS)])
    for size in (1, 2, 7):
        groups = [np.arange(i, min(i + size, N_STREAMS)) for i in range(0, N_STREAMS, size)]
        apart = _run(path, info, groups)
        if apart.tobytes() != together.tobytes():
            n = int((apart != together).sum())
            return f"{n} of {apart.size} probabilities differ in batches of {size} streams"
    if not np.isfinite(together).all():
        return "gives probabilities that are not finite"
    return None


def _run(path: Path, info: ModelInfo, groups: list[NDArray[np.intp]]) -> NDArray[np.float32]:
    """Return the probabilities of all streams and steps, shape (n_steps, n_streams, ...)."""
    rng = np.random.default_rng(SEED)
    session = StreamSession(path, info.kind, N_STREAMS)
    length = info.length or info.fs * TICK_MS // 1000 * 5
    scale = {"scale": 1.0, "mV": 1.0, "uV": 1000.0, "own": 10.0}[info.units]
    steps = []
    for _ in range(N_STEPS):
        shape = (N_STREAMS, len(info.leads), length)
        signal = (rng.standard_normal(shape) * scale).astype(np.float32)
        rr_s = rng.uniform(0.3, 1.5, (N_STREAMS, 1)).astype(np.float32)
        try:
            probs = [session.step(rows, signal[rows], rr_s[rows]) for rows in groups]
        except Exception as error:  # onnxruntime raises types of its own without a common base
            raise InputError(f"model {path.name}: cannot score: {error}") from error
        steps.append(np.concatenate(probs))
    return np.stack(steps)
