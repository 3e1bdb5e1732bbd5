"""The two-lead classifier: each lead as if it were alone, and what two say together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from deploy.services.verify import why_not_batch_invariant
from inference.session import StreamSession
from tests.training.databases import tiny_config
from training.architectures.recall import LENGTH
from training.architectures.two_lead import Fusion, packed
from training.beat_sequences import leads_together
from training.beat_task import BeatTask
from training.datasets import LabelledSignal
from training.two_lead_task import TwoLeadTask, lose_leads, recall_leads, spoil_leads

SIZE = {"channels": 4, "embedding": 6, "hidden_v": 5, "hidden_s": 4}


@pytest.fixture(scope="module")
def task() -> TwoLeadTask:
    """A classifier of random weights, the fusion's too."""
    torch.manual_seed(4)
    made = TwoLeadTask(tiny_config("beat", architecture=SIZE), [], [])
    with torch.no_grad():
        for weights in made.model.fusion.parameters():
            weights.copy_(torch.randn_like(weights) * 0.5)
    made.model.eval()
    return made


@pytest.fixture(scope="module")
def exported(task: TwoLeadTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as ONNX."""
    path = tmp_path_factory.mktemp("two") / "two.onnx"
    task.write(path, "none")
    return path


def some_beats(seed: int, batch: int = 3, n: int = 30) -> tuple[NDArray, NDArray]:
    """Windows of shape (batch, 2, n, LENGTH) in which leads go and come back, and RR intervals."""
    rng = np.random.default_rng(seed)
    windows = rng.standard_normal((batch, 2, n, LENGTH)).astype(np.float32)
    windows[0, 1, 8:15] = 0
    windows[1, 0, :12] = 0
    windows[2, :, 20:23] = 0
    return windows, rng.uniform(0.4, 1.3, (batch, n)).astype(np.float32)


def step_by_step(path: Path, windows: NDArray, rr_s: NDArray) -> NDArray:
    """Probabilities as they are served, array of shape (batch, n_beats, 3)."""
    session = StreamSession(path, "beat", len(windows))
    rows = np.arange(len(windows))
    steps = [
        session.step(rows, np.ascontiguousarray(windows[:, :, i]), rr_s[:, i : i + 1])
        for i in range(windows.shape[2])
    ]
    return np.stack(steps, axis=1)


def v_and_s(probs: NDArray) -> tuple[NDArray, NDArray]:
    """Probabilities of V, and of S if not V."""
    return probs[..., 2], probs[..., 1] / (probs[..., 0] + probs[..., 1])


def test_what_is_served_beat_by_beat_is_what_sequences_are_trained_on(
    task: TwoLeadTask, exported: Path
) -> None:
    windows, rr_s = some_beats(0)
    with torch.no_grad():
        v, s, _ = task.model.logits(*recall_leads(windows, rr_s))
    served_v, served_s = v_and_s(step_by_step(exported, windows, rr_s))
    np.testing.assert_allclose(served_v, torch.sigmoid(v).T.numpy(), atol=1e-5)
    np.testing.assert_allclose(served_s, torch.sigmoid(s).T.numpy(), atol=1e-5)


def test_scores_do_not_depend_on_batch_mates(exported: Path) -> None:
    assert why_not_batch_invariant(exported) is None


@pytest.mark.parametrize("silent", [0, 1])
def test_one_lead_alone_is_the_one_lead_model_to_the_last_bit(
    task: TwoLeadTask, exported: Path, tmp_path: Path, silent: int
) -> None:
    single = BeatTask(tiny_config("beat", architecture=SIZE), [], [])
    single.model = task.model.lead
    single.write(tmp_path / "one.onnx", "none")
    windows, rr_s = some_beats(1)
    windows = np.where(windows == 0, np.float32(0.3), windows)
    windows[:, silent] = 0
    one = step_by_step(tmp_path / "one.onnx", windows[:, [1 - silent]], rr_s)

    assert step_by_step(exported, windows, rr_s).tobytes() == one.tobytes()


def test_a_lead_that_was_lost_is_back_as_if_the_beats_between_had_not_been(
    exported: Path,
) -> None:
    windows, rr_s = some_beats(2, n=20)
    windows[:] = np.where(windows == 0, np.float32(0.1), windows)
    windows[:, 0, 10:] = 0  # at last the second lead speaks alone
    lost = windows.copy()
    lost[:, 1, 4:8] = 0
    kept = np.r_[0:4, 8:20]

    with_gap = step_by_step(exported, lost, rr_s)[:, 10:]
    without = step_by_step(exported, lost[:, :, kept], rr_s[:, kept])[:, 6:]
    assert with_gap.tobytes() == without.tobytes()
    heard = step_by_step(exported, windows, rr_s)[:, 10:]
    assert not np.allclose(with_gap, heard, atol=1e-6)


def test_the_order_of_the_leads_does_not_matter(exported: Path) -> None:
    windows, rr_s = some_beats(3)
    there = step_by_step(exported, windows, rr_s)
    back = step_by_step(exported, np.ascontiguousarray(windows[:, ::-1]), rr_s)
    np.testing.assert_allclose(there, back, atol=1e-6)


def test_where_no_lead_is_heard_a_beat_is_n(exported: Path) -> None:
    windows, rr_s = some_beats(4)
    assert (step_by_step(exported, windows, rr_s)[2, 20:23, 0] > 0.99).all()


def test_at_first_the_fusion_is_the_mean_of_both() -> None:
    logits = torch.randn(7, 2, 2)
    fused = Fusion(5, 4)(logits, torch.randn(7, 2, 5), torch.ones(7, 2, 1))
    torch.testing.assert_close(fused, logits.mean(dim=1))


def test_packed_puts_beats_heard_first_and_keeps_their_order() -> None:
    heard = torch.tensor([[0, 1, 0, 1, 1], [1, 1, 0, 0, 1]], dtype=torch.bool).T
    assert packed(heard).T.tolist() == [[1, 3, 4, 0, 2], [0, 1, 4, 2, 3]]


def test_leads_are_spoiled_and_lost_one_at_a_time_in_stretches() -> None:
    for change, share in ((spoil_leads, 0.5), (lose_leads, 0.5)):
        windows = np.ones((200, 2, 40, LENGTH), np.float32)
        change(np.random.default_rng(0), windows, share)
        changed = (windows != 1).any(axis=3)
        per_lead = changed.any(axis=2)
        assert 0.35 < per_lead.any(axis=1).mean() < 0.6
        assert not per_lead.all(axis=1).any()
        edges = np.diff(changed, axis=2).sum(axis=2)
        assert edges.max() <= 2
        assert np.isfinite(windows).all()


def lopsided(batch: int, n: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Return sequences in which one lead, now this and now that, knows V and the other is noise."""
    aami = np.where(rng.random((batch, n)) < 0.3, 2, 0)
    t = np.arange(LENGTH) - 35
    narrow, wide = np.exp(-((t / 2) ** 2)), -np.exp(-((t / 8) ** 2))
    clean = np.where(aami[..., None] == 2, wide, narrow)
    noise = rng.standard_normal((batch, n, LENGTH)) * 0.5
    first = rng.random(batch) < 0.5
    choose = first[:, None, None]
    windows = np.stack([np.where(choose, clean, noise), np.where(choose, noise, clean)], axis=1)
    rr_s = np.full((batch, n), 0.8, np.float32)
    seen = recall_leads(windows.astype(np.float32), rr_s)
    return (*seen, torch.from_numpy(aami.T.copy()))


@pytest.mark.train
def test_it_learns_which_lead_to_trust() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    task = TwoLeadTask(tiny_config("beat", architecture=SIZE), [], [])
    task.log = task.log_dict = lambda *_, **__: None  # there is no trainer
    optimizer = torch.optim.Adam(task.model.parameters(), lr=1e-2)
    batch = lopsided(24, 20, rng)
    for _ in range(120):
        loss = task.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    shape, features, heard, aami = lopsided(24, 20, rng)
    task.model.eval()
    with torch.no_grad():
        v, _, each = task.model.logits(shape, features, heard)
    right = ((v > 0) == (aami == 2)).float().mean()
    mean_right = ((each[..., 0].mean(dim=2) > 0) == (aami == 2)).float().mean()
    assert right > 0.97
    assert right >= mean_right


def test_a_record_is_scored_from_both_its_leads(signals: list[LabelledSignal]) -> None:
    torch.manual_seed(4)
    task = TwoLeadTask(tiny_config("beat", architecture=SIZE), [], signals)
    task.model.eval()
    leads = leads_together(signals, 2)[1]
    v, s = task.predict(leads[0])
    assert v.shape == s.shape == leads[0].r_ms.shape
    single = BeatTask(tiny_config("beat", architecture=SIZE), [], [])
    single.model = task.model.lead
    alone = [single.predict(lead)[0] for lead in leads]
    logit = [np.log(p / (1 - p)) for p in alone]
    np.testing.assert_allclose(np.log(v / (1 - v)), np.mean(logit, axis=0), atol=1e-3)
