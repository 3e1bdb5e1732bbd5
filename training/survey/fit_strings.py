"""The procedure of the CTC arm: strings of beats, judged by their error rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.config import TrainConfig
from training.ctc_task import CtcTask
from training.datasets import digest
from training.quiet import fitted
from training.string_scores import edit_distance
from training.survey.cost import macs
from training.survey.fit_beats import Stopwatch
from training.survey.folds import Fold
from training.survey.outcome import Outcome

LENGTH_S = 16
"""Stretches that are learned from, s: about 20 beats."""


def fit_strings(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Fit a transcriber; a procedure, see :mod:`training.survey.arms`."""
    fit = config.fit.model_copy(update={"length": LENGTH_S, "learning_rate": 1e-2})
    told = {"task": "ctc", "fit": fit, "architecture": {}, "enrichment": {}}
    own, stopwatch = config.model_copy(update=told), Stopwatch()
    task = fitted(lambda: CtcTask(own, fold.split.training, []), fit, [stopwatch])
    model = folder / "strings.onnx"  # not timed by the beat as the other arms' models are
    task.write(model, digest(fold.split.training))
    records = fold.split.validation
    said = [task.transcribe(record) for record in records]
    n_beats = sum(len(record.aami) for record in records)
    errors = sum(edit_distance(r.aami, codes) for r, codes in zip(records, said, strict=True))
    seconds = sum(len(record.signal_uv) / record.fs for record in records)
    everything = np.concatenate(said)
    aami = np.concatenate([record.aami for record in records])
    counts = {
        f"said_{name}": int((everything == code).sum()) / max(int((aami == code).sum()), 1)
        for code, name in enumerate("NSV")
    }
    return Outcome(
        scored=[],
        n_parameters=sum(int(part.count_nonzero()) for part in task.model.parameters()),
        training_s=stopwatch.seconds,
        macs_a_beat=macs(model) * seconds / n_beats,
        further={"error_rate": errors / n_beats, **counts},
    )
