"""What every task's training shares: its data, its whole records for validation, its optimiser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from training.architectures.size import Values
from training.config import TrainConfig
from training.datasets import LabelledSignal
from training.noise_bank import NoiseSegment
from training.pruning import Pruner
from training.regularise import add_l2_gradient, clip_gradients, soft_threshold, weights, zero_share


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
    JUDGED_BY: ClassVar[str] = "val_f1"
    """What early stopping looks at on the patients kept aside; the more the better."""
    N_LEADS: ClassVar[int] = 1
    """Leads of a record that are looked at together."""
    model: nn.Module
    noise: Sequence[NoiseSegment] = ()
    """Real noise to mix in, where the table ``[enrichment]`` asks for ``real_noise``."""

    def __init__(
        self,
        config: TrainConfig,
        training: Sequence[Any],
        validation: Sequence[Any],
    ) -> None:
        super().__init__()
        self.config = config
        self.model = self.made(config, training)
        self.pruner: Pruner | None = None
        if config.pruning.weights or config.pruning.units:
            self.pruner = Pruner(self.model, config.pruning, config.fit.updates)
        self.averaged: AveragedModel | None = None
        if config.fit.average:
            self.averaged = AveragedModel(self.model)
            self.averaged.requires_grad_(False)
        self.training_signals: Sequence[LabelledSignal] = training
        self.validation_signals: Sequence[LabelledSignal] = validation

    @property
    def own_config(self) -> TrainConfig:
        """The run as this process draws for it: each of several has a seed of its own."""
        rank = self.global_rank
        return self.config.with_seed(self.config.fit.seed + 1_000_003 * rank)

    @staticmethod
    def build(architecture: Values) -> nn.Module:
        """Make the model of the size that the table ``[architecture]`` asks for."""
        raise NotImplementedError

    def made(self, config: TrainConfig, training: Sequence[Any]) -> nn.Module:
        """Make the model of a run; what it learns from may tell its shape."""
        return self.build(config.architecture)

    def val_dataloader(self) -> DataLoader[Any]:
        """Name whole records one by one: Lightning copies a batch, but no frozen dataclass."""
        numbers = torch.arange(len(self.validation_signals))
        return DataLoader(numbers, batch_size=None)  # type: ignore[arg-type]

    def learned(self) -> Iterator[nn.Parameter]:
        """Give what the optimiser moves: the model's own parameters."""
        return self.model.parameters()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW under a one-cycle schedule."""
        fit = self.config.fit
        optimizer = torch.optim.AdamW(
            self.learned(), lr=fit.learning_rate, weight_decay=fit.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, fit.learning_rate, total_steps=fit.updates, pct_start=0.2
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Add the gradient of the L2 penalty."""
        if self.config.fit.l2:
            add_l2_gradient(self.model, self.config.fit.l2)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as the configuration says, not the trainer, and log the share that was clipped."""
        fit = self.config.fit
        limit = fit.clip_value if fit.clip == "value" else fit.clip_norm
        share = clip_gradients(self.model.parameters(), fit.clip, limit)
        self.log("clipped_share", share, on_step=False, on_epoch=True, batch_size=1)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then do what no gradient does: L1's proximal step, pruning, averaging."""
        super().optimizer_step(*args, **kwargs)
        if self.config.fit.l1:
            optimizer = kwargs["optimizer"] if "optimizer" in kwargs else args[2]
            pace = optimizer.param_groups[0]["lr"]
            soft_threshold((part for _, part in weights(self.model)), pace * self.config.fit.l1)
        if self.pruner:
            self.pruner.after_step(self.global_step + 1)
        begin = (1 - self.config.fit.average) * self.config.fit.updates
        if self.averaged is not None and self.global_step + 1 > begin:
            self.averaged.update_parameters(self.model)
        if self.config.fit.l1 or self.pruner:
            share = zero_share(self.model)
            self.log("zero_share", share, on_step=False, on_epoch=True, batch_size=1)

    def finish(self) -> None:
        """Make the model what it is exported as: averaged, or without its pruned units."""
        if self.pruner:
            self.model, self.pruner = self.pruner.finished(), None
        if self.averaged is not None:
            self.model.load_state_dict(self.averaged.module.state_dict())
            self.averaged = None

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model as ONNX; return its largest difference from torch."""
        raise NotImplementedError
