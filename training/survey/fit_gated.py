"""The procedure of the gated arm: some beats are passed unlooked at, and cost only the gate."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import onnx

from inference.gate import CONTENT
from training.config import TrainConfig
from training.crossval import LEARNING_MS, LeftOut
from training.datasets import LabelledSignal, digest
from training.gated_task import GatedBeatTask
from training.survey.cost import macs
from training.survey.fit_beats import fit_task
from training.survey.folds import Fold
from training.survey.outcome import Outcome

Scored = list[tuple[LeftOut, np.ndarray]]
"""Records left out, each with which of its beats were passed, shape (n_beats,), bool."""


def fit_gated(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Fit a classifier behind its gate; a procedure, see :mod:`training.survey.arms`."""
    gated = config.model_copy(update={"task": "gated-beat"})
    task, training_s = fit_task(gated, fold)
    if not isinstance(task, GatedBeatTask):
        raise TypeError(f"task 'gated-beat' is a {type(task).__name__}")
    model = folder / "model.onnx"
    task.write(model, digest(fold.split.training))
    (scored,) = score_gated(task, list(fold.split.validation), [gated.gate.limit])
    passed = np.concatenate([passed for _, passed in scored])
    full, gate = costs(model)
    return Outcome(
        scored=[record for record, _ in scored],
        n_parameters=sum(int(part.count_nonzero()) for part in task.model.parameters()),
        training_s=training_s,
        macs_a_beat=gate + (1 - passed.mean()) * full,
        further={"passed_share": float(passed.mean())},
    )


def score_gated(
    task: GatedBeatTask, records: list[LabelledSignal], limits: list[float]
) -> list[Scored]:
    """Score records left out at several limits of the gate, the first five minutes left out."""
    v, s, passed = task.run(records, limits)
    scored = []
    for at in range(len(limits)):
        rows: Scored = []
        for row, record in enumerate(records):
            counted = np.flatnonzero(record.r_ms >= LEARNING_MS)
            here = (at, row, counted)
            rows.append(
                (LeftOut(record.name, v[here], s[here], record.aami[counted]), passed[here])
            )
        scored.append(rows)
    return scored


def costs(model: Path) -> tuple[int, int]:
    """Multiply-adds of a beat that is looked at, and of what the gate does with every beat."""
    meta = {entry.key: entry.value for entry in onnx.load(str(model)).metadata_props}
    beside = model.with_suffix(".gate.onnx")
    beside.write_bytes(base64.b64decode(meta[CONTENT]))
    found = macs(model), macs(beside)
    beside.unlink()
    return found
