"""The beat task: it learns with every core, and runs that share pools are as those that do not."""

from __future__ import annotations

import lightning
import pytest
import torch
from torch import Tensor

from tests.training.databases import tiny_config
from training.architectures.cores import CORES
from training.beat_task import BeatTask, Pools
from training.datasets import LabelledSignal


def batches(task: BeatTask, n_epochs: int) -> list[list[Tensor]]:
    loader = task.train_dataloader()
    return [list(batch) for _ in range(n_epochs) for batch in loader]


def test_shared_pools_are_those_that_each_would_have_drawn(signals: list[LabelledSignal]) -> None:
    config = tiny_config("beat", fit={"length": 8})
    alone = batches(BeatTask(config, signals, []), 6)
    pools: Pools = {}
    for _ in range(2):
        task = BeatTask(config, signals, [])
        task.pools = pools
        shared = batches(task, 6)
        for ours, theirs in zip(shared, alone, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
        assert len(pools) == 2


@pytest.mark.train
@pytest.mark.parametrize(("core", "encoder"), [*((c, "cnn") for c in CORES), ("lstm", "features")])
def test_it_learns_to_tell_premature_beats(
    signals: list[LabelledSignal], core: str, encoder: str
) -> None:
    torch.set_num_threads(1)
    lightning.seed_everything(0, verbose=False)
    sizes = {"hidden_v": 8, "hidden_s": 8, "context": 8, "heads": 2, "dropout": 0.0}
    config = tiny_config(
        "beat",
        fit={"batch": 8, "length": 24, "steps": 16},
        architecture={**sizes, "core": core, "encoder": encoder},
    )
    task = BeatTask(config, signals, [])
    task.log_dict = lambda *args, **kwargs: None  # type: ignore[method-assign,assignment]
    task.pools = {}
    optimizer = torch.optim.Adam(task.parameters(), lr=0.01)
    losses, guessing = [], []
    for _ in range(4):
        for batch in task.train_dataloader():
            loss = task.training_step(batch, 0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            guessing.append(best_guess(task, batch[2]))
    assert losses[0] > 0.8 * guessing[0]
    assert sum(losses[-16:]) < 0.6 * sum(guessing[-16:])


def best_guess(task: BeatTask, aami: Tensor) -> float:
    """Loss of the one answer to all beats that does best on this batch."""
    tried = torch.linspace(-4, 4, 33)[:, None, None].expand(-1, *aami.shape)
    each = [task.losses(logit, logit, aami) for logit in tried]
    loss_v, loss_s = zip(*each, strict=True)
    return (min(loss_v) + min(loss_s)).item()
