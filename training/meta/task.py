"""The beat classifier meta-learned: each sequence is a patient, its start the labelled beats."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from training.architectures.beat import BeatClassifier
from training.beat_task import Batch, BeatTask
from training.meta.learn import Loss, Parameters, meta_loss


class MetaBeatTask(BeatTask):
    """Learns a start for few-shot adaptation, by the table ``[meta]``; parameters as a Task.

    Every sequence of a batch, drawn from one patient with one kind of synthesis, is a task: its
    first ``meta.support`` beats are the labelled start that the inner steps learn from, the rest
    is the query. The model is exported, and adapted, like any other.
    """

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Add up the meta-losses of all sequences of a batch."""
        meta = self.config.meta
        shape, features, aami, *_ = batch
        parameters = dict(self.model.named_parameters())
        total = torch.zeros((), device=shape.device)
        for i in range(aami.shape[1]):
            one = (shape[:, i : i + 1], features[:, i : i + 1], aami[:, i : i + 1])
            total = total + meta_loss(
                meta.method,
                parameters,
                self.loss_of(one, slice(0, meta.support)),
                self.loss_of(one, slice(meta.support, None)),
                meta.inner_rate,
                meta.inner_steps,
            )
        mean = total / aami.shape[1]
        self.log("loss", mean, prog_bar=True, on_epoch=True)
        return mean

    def loss_of(self, sequences: tuple[Tensor, Tensor, Tensor], counted: slice) -> Loss:
        """Make the loss of part of some sequences, all of which is heard up to there.

        Parameters
        ----------
        sequences : shape, features and class codes
            Tensors of shape (n_beats, batch, ...).
        counted : slice
            Beats that count.
        """
        shape, features, aami = (part[: counted.stop] for part in sequences)

        def loss(parameters: Parameters) -> Tensor:
            v, s = self.called(parameters, shape, features)
            loss_v, loss_s = self.losses(v[counted], s[counted], aami[counted])
            return loss_v + loss_s

        return loss

    def called(
        self, parameters: Parameters, shape: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Score sequences with other parameters than the model's own.

        Returns
        -------
        v, s : Tensors of shape (n_beats, batch)
            Logits.
        """
        named: Mapping[str, Tensor] = {f"model.{name}": p for name, p in parameters.items()}
        v, s = functional_call(_Logits(self.model), dict(named), (shape, features))
        return v, s


class _Logits(torch.nn.Module):
    """Makes ``logits`` what calling does, since ``functional_call`` calls."""

    def __init__(self, model: BeatClassifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, shape: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        state = self.model.initial_state(shape.shape[1])
        v, s, _ = self.model.logits(shape, features, state)
        return v, s
