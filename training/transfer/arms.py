"""The arms: what each learns from, from where it starts, and how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

from torch import Tensor

from training.beat_task import BeatTask, Pools
from training.config import TrainConfig
from training.datasets import LabelledSignal
from training.guard import Split
from training.quiet import fitted

TUNING_RATE = 1e-3
"""Largest learning rate where a trained model goes on, a third of the shipped recipe's."""
Weights = Mapping[str, Tensor]
"""Parameters of a model by name."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What a model learns from."""

    name: str
    """In files and figures."""
    title: str
    """In the table; ``{source}`` and ``{target}`` stand for the databases."""
    few: int = 0
    """Patients of the target that it learns from; 0 is none, or half of them for ``own``."""
    source: bool = False
    """It has learned from the source before."""


AS_IS = Arm("source", "{source} alone, as it is", source=True)
OWN = Arm("own", "half of {target}'s own patients")


def arms_of(few: Sequence[int]) -> tuple[Arm, ...]:
    """List the arms, in the order of the table.

    Parameters
    ----------
    few : sequence of int
        How many patients of the target.

    Examples
    --------
    >>> [arm.name for arm in arms_of([2])]
    ['source', 'scratch-2', 'tuned-2', 'own']
    """
    made = [AS_IS]
    for k in few:
        made.append(Arm(f"scratch-{k}", f"{k} of {{target}}, from scratch", k))
        made.append(Arm(f"tuned-{k}", f"{{source}}, then tuned on {k} of {{target}}", k, True))
    return (*made, OWN)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model that was fitted."""

    task: BeatTask
    """Holds it."""
    cpu_s: float
    """Processor time of the fit, s, with what was drawn for it."""

    @property
    def weights(self) -> dict[str, Tensor]:
        """Copies of its parameters."""
        return {name: part.clone() for name, part in self.task.model.state_dict().items()}


def budgeted(recipe: TrainConfig, fit: Mapping[str, Any]) -> TrainConfig:
    """Lay a budget over the recipe's table ``[fit]``; the recipe's databases are left out.

    Parameters
    ----------
    recipe : TrainConfig
        A beat model's run.
    fit : mapping of str to value
        Keys of ``[fit]``.
    """
    table = {**recipe.fit.model_dump(), **fit}
    return TrainConfig.model_validate({**recipe.model_dump(exclude={"data"}), "fit": table})


def fit_arm(
    config: TrainConfig,
    split: Split,
    start: Weights | None = None,
    pools: Pools | None = None,
) -> Fitted:
    """Fit one arm.

    Parameters
    ----------
    config : TrainConfig
        Its run.
    split : Split
        What it learns from, and whom it will be judged by: refused where a patient is on both
        sides or of DS2.
    start : Weights, optional
        What it goes on from; from scratch without.
    pools : Pools, optional
        Where arms that learn from the same signals share what is drawn.
    """

    def make() -> BeatTask:
        task = BeatTask(config, split.training, ())
        task.pools = pools
        if start is not None:
            task.model.load_state_dict(dict(start))
        return task

    began = process_time()
    return Fitted(fitted(make, config.fit), process_time() - began)


def judged_split(learned: Sequence[LabelledSignal], judges: Sequence[LabelledSignal]) -> Split:
    """Put learned signals beside the first leads of those that judge."""
    return Split(learned, [signal for signal in judges if signal.first])
