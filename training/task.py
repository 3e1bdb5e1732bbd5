"""What every task's training shares: its data, its whole records for validation, its optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import nn
from torch.utils.data import DataLoader

from training.config import TrainConfig
from training.datasets import LabelledSignal


class Task(lightning.LightningModule):
    """Fits one model; a task gives its batches, its loss and its scores.

    Parameters
    ----------
    config : TrainConfig
        The run.
    training, validation : sequence of LabelledSignal
        Signals learned from, and of the patients kept aside.
    """

    SIZE: ClassVar[Any]
    """Dataclass of what the table ``[architecture]`` may hold."""
    ENRICHMENT: ClassVar[Any]
    """Dataclass of what the table ``[enrichment]`` may hold."""
    model: nn.Module

    def __init__(
        self,
        config: TrainConfig,
        training: Sequence[LabelledSignal],
        validation: Sequence[LabelledSignal],
    ) -> None:
        super().__init__()
        self.config = config
        self.model = self.build(config.architecture)
        self.training_signals, self.validation_signals = training, validation

    @staticmethod
    def build(architecture: Mapping[str, float]) -> nn.Module:
        """Make the model of the size that the table ``[architecture]`` asks for."""
        raise NotImplementedError

    def val_dataloader(self) -> DataLoader[Any]:
        """Name whole records one by one: Lightning copies a batch, but no frozen dataclass."""
        numbers = torch.arange(len(self.validation_signals))
        return DataLoader(numbers, batch_size=None)  # type: ignore[arg-type]

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW under a one-cycle schedule."""
        fit = self.config.fit
        optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=fit.learning_rate, weight_decay=fit.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, fit.learning_rate, total_steps=fit.epochs * fit.steps, pct_start=0.2
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model as ONNX; return its largest difference from torch."""
        raise NotImplementedError
