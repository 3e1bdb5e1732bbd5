"""Whether atrial fibrillation is there, told by a detector that learned from the Challenge 2017.

In fibrillation no beat is S, however early it comes. The detector that ships learned from DS1
too, so it knows the patients that the folds leave out; this one does not.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from training.architectures.atrial import AtrialDetector
from training.atrial_task import AtrialTask
from training.config import load_config
from training.quiet import fitted
from training.s_beats.seen import Seen
from training.sources import read_split

CONFIG = Path(__file__).parents[1] / "configs" / "atrial.toml"
DATABASE = "cinc2017"
"""What it learns from."""
N_TOLD = 3
"""Figures that are told of a beat."""


def fit_detector(data: Path) -> AtrialDetector:
    """Fit the shipped form of the detector to one database.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    """
    run = load_config(CONFIG)
    sources = tuple(part for part in run.data.parts if part.database == DATABASE)
    run = run.model_copy(update={"data": run.data.model_copy(update={"sources": sources})})
    signals = read_split(run.data, data).training
    return fitted(lambda: AtrialTask(run, signals, []), run.fit).model


def tell_fibrillation(detector: AtrialDetector, seen: Seen) -> Tensor:
    """Tell how sure it is at each beat, and how sure it was at the one before.

    Returns
    -------
    Tensor of shape (n_beats, batch, N_TOLD)
    """
    state = detector.initial_state(seen.v.shape[1])
    with torch.no_grad():
        logits, _ = detector.logits(seen.features, state)
    before = torch.cat([logits[:1], logits[:-1]])
    return torch.stack([torch.sigmoid(logits), logits / 6, before / 6], dim=-1).clamp(-2, 2)
