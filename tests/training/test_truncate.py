"""Truncated back-propagation through time: gradients go back so far, the state goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.architectures.recall import LENGTH, N_FEATURES
from training.beat_task import Batch, BeatBatches, BeatTask, cut_beats
from training.config import load_config
from training.datasets import LabelledSignal
from training.fit import fit

N_BEATS = 12


def task_of(truncate: int, core: str = "lstm") -> BeatTask:
    """A task whose weights and losses are those of any other with the same core."""
    torch.manual_seed(0)
    config = tiny_config(
        "beat", fit={"length": N_BEATS, "truncate": truncate}, architecture={"core": core}
    )
    task = BeatTask(config, [], [])
    task.model.eval()  # no dropout: the same batch must give the same gradient
    task.log_dict = lambda *args, **kwargs: None  # type: ignore[method-assign,assignment]
    return task


def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    shape = torch.randn(N_BEATS, 5, 2, LENGTH, generator=generator)
    features = torch.randn(N_BEATS, 5, N_FEATURES, generator=generator)
    return shape, features, torch.randint(0, 3, (N_BEATS, 5), generator=generator)


def gradients(truncate: int, core: str = "lstm") -> list[Tensor]:
    """Gradient of each piece's loss by the features of all beats, the weights standing still."""
    task, whole = task_of(truncate, core), batch()
    features = whole[1].requires_grad_()
    found = []
    for i, (shape, _, aami) in enumerate(cut_beats(whole, truncate)):
        at = i * (truncate or N_BEATS)
        loss = task.training_step((shape, features[at : at + len(aami)], aami), i)
        (by_features,) = torch.autograd.grad(loss, features)
        found.append(by_features)
    return found


@pytest.mark.parametrize("truncate", [N_BEATS, N_BEATS + 1, 100])
def test_no_shorter_than_the_sequence_it_is_the_whole_gradient(truncate: int) -> None:
    (expected,), (found,) = gradients(0), gradients(truncate)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("core", ["rnn", "lstm", "attention", "transformer"])
def test_gradients_of_a_piece_stay_within_it(core: str) -> None:
    found = gradients(5, core)
    assert len(found) == 3
    for i, by_features in enumerate(found):
        reached = (by_features != 0).any(dim=2).any(dim=1)
        assert reached.nonzero().squeeze(1).tolist() == list(range(5 * i, min(5 * i + 5, N_BEATS)))


def test_shortened_it_is_another_gradient() -> None:
    (whole,) = gradients(0)
    assert not torch.allclose(torch.stack(gradients(6)).sum(0) / 2, whole, atol=1e-6)


@pytest.mark.parametrize("core", ["lstm", "attention", "transformer"])
def test_what_was_heard_in_one_piece_is_known_in_the_next(core: str) -> None:
    task, (shape, features, aami) = task_of(4, core), batch()
    losses = [task.training_step(part, i) for i, part in enumerate(cut_beats(batch(), 4))]
    with torch.no_grad():
        v, s, _ = task.model.logits(shape, features, task.model.initial_state(5))
    for i, loss in enumerate(losses):
        at = slice(4 * i, 4 * i + 4)
        torch.testing.assert_close(loss, sum(task.losses(v[at], s[at], aami[at])))


def test_a_new_batch_starts_afresh() -> None:
    task, parts = task_of(4), list(cut_beats(batch(), 4))
    losses = [task.training_step(parts[i % 3], i).item() for i in range(6)]
    assert losses[:3] == losses[3:]


def test_pieces_come_in_order_and_hold_every_beat(signals: list[LabelledSignal]) -> None:
    drawn: dict[int, list[Tensor]] = {}
    for truncate in (0, 6):
        config = tiny_config("beat", fit={"length": 16, "truncate": truncate})
        task = BeatTask(config, signals, [])
        batches: BeatBatches = task.train_dataloader().dataset  # type: ignore[assignment]
        drawn[truncate] = [features for _, features, *_ in batches]
    assert [len(part) for part in drawn[6]] == [6, 6, 4] * 3
    joined = [torch.cat(drawn[6][i : i + 3]) for i in range(0, 9, 3)]
    assert all(torch.equal(a, b) for a, b in zip(joined, drawn[0], strict=True))


@pytest.mark.train
def test_a_run_updates_once_a_piece(data: Path, tmp_path: Path) -> None:
    config = tiny_config("beat", fit={"truncate": 6})
    assert (config.fit.pieces, config.fit.updates) == (3, 18)
    run = fit(config, data, tmp_path, progress=False)
    last = torch.load(tmp_path / "last.ckpt")
    assert last["global_step"] == config.fit.updates
    assert run.model.exists()


def test_only_the_beat_task_knows_pieces(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('task = "qrs"\nname = "a"\nversion = "1.0.0"\n[fit]\ntruncate = 8\n', "utf-8")
    with pytest.raises(InputError, match=r"fit\.truncate is 8; allowed but for task 'beat': 0"):
        load_config(path)
