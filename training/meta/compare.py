"""Few-shot adaptation from different starts: the same patients, labels, steps and rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.ticks import N, S, V
from training.architectures.beat import BeatClassifier
from training.beat_task import recall_record
from training.config import TrainConfig
from training.datasets import LabelledSignal
from training.meta.learn import adapted
from training.meta.task import MetaBeatTask
from training.scores import f1

START_MS = 300_000
"""Labelled start, ms: the five minutes that EC57 leaves out."""
PIECE = 48
"""Beats of a piece of the start; the pieces are learned from side by side."""


@dataclass(frozen=True, slots=True)
class Shot:
    """How far is adapted."""

    steps: int
    """Steps of plain gradient descent on the labelled start; 0 is the start itself."""
    rate: float
    """Their learning rate."""


@dataclass(frozen=True, slots=True, eq=False)
class Called:
    """One record after its start, as an adapted model calls it."""

    aami: NDArray[np.int8]
    """Array of shape (n_beats,): reference classes."""
    called: NDArray[np.int64]
    """Array of shape (n_beats,): classes called."""


def shoot(model: BeatClassifier, signal: LabelledSignal, shots: Sequence[Shot]) -> list[Called]:
    """Adapt all weights of a model to a record's labelled start, and call the rest.

    Parameters
    ----------
    model : BeatClassifier
        One that has not seen the patient; not changed.
    signal : LabelledSignal
        Reference R-peaks.
    shots : sequence of Shot

    Returns
    -------
    list of Called
        One a shot.
    """
    config = TrainConfig(
        task="meta-beat",
        name="shot",
        version="0.0.0",
        architecture={},
    )
    task = MetaBeatTask(config, [], [])
    task.model = model.eval()
    shape, features = recall_record(signal)
    n_start = int(np.searchsorted(signal.r_ms, START_MS))
    aami = torch.from_numpy(signal.aami.astype(np.int64))
    aami = torch.where(aami > V, -1, aami)[:, None]
    pieces = tuple(_pieces(part[:n_start, 0]) for part in (shape, features, aami))
    loss = task.loss_of((pieces[0], pieces[1], pieces[2]), slice(0, None))
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    found = []
    for shot in shots:
        own = parameters
        if shot.steps and n_start >= PIECE:
            own = adapted(parameters, loss, shot.rate, shot.steps)
        with torch.no_grad():
            v, s = (logits[n_start:, 0].numpy() for logits in task.called(own, shape, features))
        found.append(Called(signal.aami[n_start:], np.where(v >= 0, V, np.where(s >= 0, S, N))))
    return found


def _pieces(part: Tensor) -> Tensor:
    """Cut a sequence (n_beats, ...) into pieces (PIECE, n_pieces, ...); the last beats are left."""
    n = len(part) // PIECE
    return part[: n * PIECE].reshape(n, PIECE, *part.shape[1:]).transpose(0, 1)


def scores(found: Sequence[Called]) -> tuple[float, float]:
    """Pool records; F1 of V and of S, percent."""
    aami = np.concatenate([one.aami for one in found])
    called = np.concatenate([one.called for one in found])
    return 100 * f1(aami, called, V), 100 * f1(aami, called, S)


def beside(told: dict[str, Any], earlier: dict[str, Any] | None) -> dict[str, Any]:
    """Keep starts that were told earlier on the same records, but for those told anew.

    Examples
    --------
    >>> new = {"records": ["1"], "starts": ["b=x"], "rows": [["b", "0", "–", "5", "6"]]}
    >>> old = {"records": ["1"], "starts": ["a=y", "b=z"], "rows": [["a", "0", "–", "7", "8"]]}
    >>> beside(new, old)["starts"]
    ['a=y', 'b=x']
    >>> beside(new, {**old, "records": ["2"]}) == new
    True
    """
    if earlier is None or earlier["records"] != told["records"]:
        return told
    new = {start.partition("=")[0] for start in told["starts"]}
    starts = [start for start in earlier["starts"] if start.partition("=")[0] not in new]
    rows = [row for row in earlier["rows"] if row[0] not in new]
    return {**told, "starts": starts + told["starts"], "rows": rows + told["rows"]}
