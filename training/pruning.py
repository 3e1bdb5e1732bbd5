"""Pruning while a model is fitted: single weights by magnitude, and whole recurrent units.

Both follow the cubic schedule of Zhu and Gupta (2017, arXiv 1710.01878): much at first, while
there is plenty to choose from, and less and less. What was pruned stays so.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.config import PruningConfig
from training.regularise import weights
from training.units import UnitGroup, unit_groups, without_units

UNITS_STEP = 4
"""Units are kept in multiples of this: what vector instructions work on at least."""


def sparsity_at(progress: float, final: float, begin: float, end: float) -> float:
    """Share that is pruned when a share ``progress`` of the run is over.

    Examples
    --------
    >>> [round(sparsity_at(p, 0.8, 0.2, 0.6), 3) for p in (0.1, 0.2, 0.4, 0.6, 1.0)]
    [0.0, 0.0, 0.7, 0.8, 0.8]
    """
    if progress < begin:
        return 0.0
    left = 1 - min((progress - begin) / (end - begin), 1.0) if end > begin else 0.0
    return final * (1 - left**3)


class Pruner(nn.Module):
    """Masks of a model, which go into its checkpoints as buffers.

    Parameters
    ----------
    model : nn.Module
        What is pruned; it is changed in place.
    config : PruningConfig
        How much and when.
    n_steps : int
        Steps of the whole run.
    """

    def __init__(self, model: nn.Module, config: PruningConfig, n_steps: int) -> None:
        super().__init__()
        self._model, self._config, self._n_steps = [model], config, n_steps  # hidden in a list
        if config.weights:
            for name, weight in weights(model):
                self.register_buffer(_key(name), torch.ones_like(weight, dtype=torch.bool))
        if config.units:
            for at, group in enumerate(self._groups()):
                self.register_buffer(f"units_{at}", torch.ones(group.n_units, dtype=torch.bool))

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        """Prune what is due after so many steps, and hold what was pruned at zero."""
        config, progress = self._config, step / self._n_steps
        if step % config.every == 0 or step == self._n_steps:
            share = sparsity_at(progress, 1.0, config.begin, config.end)
            self._choose(config.weights * share, config.units * share)
        if config.weights:
            for name, weight in weights(self._model[0]):
                weight.mul_(self.get_buffer(_key(name)))
        if config.units:
            for group, kept in zip(self._groups(), self._kept(), strict=True):
                group.silence(kept)

    def n_units_removed(self) -> int:
        """Count the units that are pruned."""
        return sum(int((~kept).sum()) for kept in self._kept()) if self._config.units else 0

    def finished(self) -> nn.Module:
        """Return the model without the units that are pruned: a smaller one, if there are any."""
        model = self._model[0]
        return without_units(model, self._kept()) if self.n_units_removed() else model

    def _choose(self, weight_share: float, unit_share: float) -> None:
        """Prune the smallest that are not pruned yet, up to a share of each tensor and layer."""
        if self._config.units:
            for group, kept in zip(self._groups(), self._kept(), strict=True):
                n_kept = round(group.n_units * (1 - unit_share) / UNITS_STEP) * UNITS_STEP
                _prune(kept, group.importance(), group.n_units - max(n_kept, UNITS_STEP))
        if self._config.weights:
            for name, weight in weights(self._model[0]):
                mask = self.get_buffer(_key(name))
                _prune(mask, weight.abs(), int(weight_share * weight.numel()))

    def _groups(self) -> tuple[UnitGroup, ...]:
        return unit_groups(self._model[0])

    def _kept(self) -> list[Tensor]:
        return [self.get_buffer(f"units_{at}") for at in range(len(self._groups()))]


def _key(name: str) -> str:
    """Name a weight's mask: buffers must not have dots in theirs."""
    return "mask_" + name.replace(".", "__")


def _prune(kept: Tensor, size: Tensor, n_pruned: int) -> None:
    """Take the smallest out of ``kept``, in place, until ``n_pruned`` are out."""
    if n_pruned > int((~kept).sum()):
        order = torch.where(kept, size, -1.0).flatten().argsort(stable=True)
        kept.view(-1)[order[:n_pruned]] = False
