"""The procedure of most arms: fit a beat model as ``vigil train`` would, score who was left out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from training.beat_task import BeatTask
from training.config import TrainConfig
from training.datasets import digest
from training.fit import task_kind
from training.quiet import fitted
from training.survey.folds import Fold
from training.survey.outcome import Outcome

TOLD = ("clipped_share", "zero_share")
"""What a task logs that is told of its last epoch."""


def fit_beats(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Fit the model that a configuration asks for; a procedure, see :mod:`training.survey.arms`.

    Parameters
    ----------
    config : TrainConfig
        The arm's run.
    fold : Fold
        Who is learned from and who is left out.
    folder : Path
        Where ``model.onnx`` is written to.
    """
    task, training_s = fit_task(config, fold)
    task.write(folder / "model.onnx", digest(fold.split.training))
    figures = task.trainer.callback_metrics
    return Outcome(
        scored=fold.score(task),
        n_parameters=sum(int(part.count_nonzero()) for part in task.model.parameters()),
        training_s=training_s,
        further={name: float(figures[name]) for name in TOLD if name in figures},
    )


def fit_task(
    config: TrainConfig, fold: Fold, callbacks: Sequence[Callback] = ()
) -> tuple[BeatTask, float]:
    """Fit a beat task on a fold; return it, finished, and the CPU time of its steps, s."""

    def make() -> BeatTask:
        kind = task_kind(config)
        task = kind(config, fold.split.training, [])
        if not isinstance(task, BeatTask):
            raise TypeError(f"{kind.__name__} tells no beats; its arm needs a procedure of its own")
        fold.share(task)
        return task

    stopwatch = Stopwatch()
    return fitted(make, config.fit, [stopwatch, *callbacks]), stopwatch.seconds


class Stopwatch(Callback):
    """CPU time of the steps themselves, without what draws their batches."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = 0.0

    def on_train_batch_start(self, *args: Any) -> None:
        """Start."""
        self._begun = time.process_time()

    def on_train_batch_end(self, *args: Any) -> None:
        """Stop."""
        self.seconds += time.process_time() - self._begun
