"""Fits a task without a word and without files: for folds, comparisons and trials."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

import lightning
from lightning.pytorch.callbacks import Callback

from training.config import FitConfig
from training.hardware import trainer_options
from training.task import Task

HARMLESS = (
    "The '.*_dataloader' does not have many workers",  # handing over costs more than drawing
    "Checkpoint directory .* exists and is not empty",  # it is the run folder
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated",  # Lightning 2.6 on torch 2.15
)
"""Warnings of Lightning about what is meant so."""

AnyTask = TypeVar("AnyTask", bound=Task)


def fitted(
    make: Callable[[], AnyTask], fit: FitConfig, callbacks: Sequence[Callback] = ()
) -> AnyTask:
    """Fit one model to its last epoch, on one processor or GPU.

    Parameters
    ----------
    make : callable
        Makes the task, once the random numbers are seeded.
    fit : FitConfig
        The task's own.
    callbacks : sequence of Callback
        What is told of the steps.

    Returns
    -------
    AnyTask
        With its model finished, ready to score.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    lightning.seed_everything(fit.seed, verbose=False)
    task = make()
    trainer = lightning.Trainer(
        **trainer_options(fit.model_copy(update={"devices": 1})),
        max_epochs=fit.epochs,
        limit_val_batches=0,
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        for harmless in HARMLESS:
            warnings.filterwarnings("ignore", harmless)
        trainer.fit(task)
    task.finish()
    task.model.eval()
    return task
