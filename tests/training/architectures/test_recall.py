"""What is remembered of a patient's beats, and how a beat is compared with it."""

import torch
from torch import Tensor

from training.architectures.recall import (
    BEFORE,
    LENGTH,
    LONG_RUN,
    MEMORY,
    N_FEATURES,
    N_RR,
    QRS,
    centred,
    log_ratio,
    log_ratios,
    recall,
)

RRS = slice(LENGTH + 2, MEMORY)


def beat(amplitude: float = 1.0, offset: float = 0.0) -> Tensor:
    """Return a narrow QRS on a level line, shape (1, LENGTH)."""
    t = torch.arange(LENGTH) - BEFORE
    return (amplitude * torch.exp(-(t**2) / 8) + offset)[None]


def wide(amplitude: float = -1.5) -> Tensor:
    t = torch.arange(LENGTH) - BEFORE
    return (amplitude * torch.exp(-((t - 4) ** 2) / 80))[None]


def rr(seconds: float) -> Tensor:
    return torch.tensor([[seconds]])


def remembered(n: int = 12) -> Tensor:
    """Return the memory of ``n`` like beats at 75 a minute."""
    memory = torch.zeros(1, MEMORY)
    for i in range(n):
        _, _, memory = recall(beat(), rr(0.8 if i else 0.0), memory)
    return memory


def test_the_first_beat_is_the_template_and_has_no_residual() -> None:
    shape, features, memory = recall(beat(), rr(0.0), torch.zeros(1, MEMORY))
    assert shape.shape == (1, 2, LENGTH)
    assert features.shape == (1, N_FEATURES)
    assert not shape[:, 1].any()
    torch.testing.assert_close(memory[:, :LENGTH], shape[:, 0])
    assert memory[0, LENGTH] == 1
    assert torch.isfinite(features).all()


def test_a_level_is_no_part_of_a_beat() -> None:
    torch.testing.assert_close(centred(beat(offset=3.0)), centred(beat()))


def test_a_beat_like_those_before_leaves_no_residual() -> None:
    shape, _, _ = recall(beat(), rr(0.8), remembered())
    assert shape[:, 1].abs().max() < 1e-5


def test_a_strange_beat_hardly_moves_the_template() -> None:
    before = remembered()
    _, _, after = recall(wide(), rr(0.5), before)
    strange = (centred(wide()) - before[:, :LENGTH]).abs().max()
    assert (after - before)[:, :LENGTH].abs().max() < 0.03 * strange


def test_a_beat_that_fits_moves_the_template_towards_itself() -> None:
    before = remembered()
    _, _, after = recall(beat(1.5), rr(0.8), before)
    moved = (after - before)[0, QRS].max()
    assert 0.02 < moved < 0.5 * 0.25


def test_intervals_are_remembered_newest_first() -> None:
    memory = torch.zeros(1, MEMORY)
    for i in range(N_RR + 3):
        _, _, memory = recall(beat(), rr(0.5 + i / 100), memory)
    expected = [0.5 + i / 100 for i in range(N_RR + 2, 2, -1)]
    torch.testing.assert_close(memory[0, RRS], torch.tensor(expected))


def test_an_early_beat_is_told_by_its_interval() -> None:
    _, usual, _ = recall(beat(), rr(0.8), remembered())
    _, early, _ = recall(beat(), rr(0.5), remembered())
    torch.testing.assert_close(usual[0, :2], torch.zeros(2), rtol=0, atol=1e-5)
    assert (early[0, :2] < -0.4).all()


def test_an_unknown_interval_is_taken_for_the_usual_one_and_told() -> None:
    _, features, memory = recall(beat(), rr(0.0), remembered())
    assert features[0, 0] == 0
    assert features[0, 9] == 0
    assert memory[0, RRS][0] == 0
    _, known, _ = recall(beat(), rr(0.8), remembered())
    assert known[0, 9] == 1


def test_a_run_of_early_beats_does_not_become_usual_in_the_long_run() -> None:
    start = memory = remembered(60)
    for _ in range(5):
        _, features, memory = recall(beat(), rr(0.4), memory)
    assert features[0, 3] < -0.5
    assert memory[0, LENGTH + 1] > start[0, LENGTH + 1] - 0.4 * 5 * LONG_RUN


def test_streams_of_a_batch_do_not_see_each_other() -> None:
    one, other = remembered(3), remembered(12)
    together = recall(
        torch.cat([beat(), wide()]), torch.cat([rr(0.7), rr(0.5)]), torch.cat([one, other])
    )
    alone = recall(wide(), rr(0.5), other)
    for there, here in zip(together, alone, strict=True):
        torch.testing.assert_close(there[1:], here, rtol=0, atol=1e-6)


def test_log_ratio_is_nearly_the_logarithm_and_odd() -> None:
    ratio = torch.linspace(0.5, 2.0, 31)
    one = torch.ones(31)
    assert (log_ratio(ratio, one) - torch.log(ratio)).abs().max() < 0.03
    torch.testing.assert_close(log_ratio(ratio, one), -log_ratio(one, ratio))


def test_ratios_side_by_side_are_those_of_each_pair_to_the_last_bit() -> None:
    x = torch.rand(64, 5, generator=torch.Generator().manual_seed(1)) + 0.2
    pairs = ((0, 1), (4, 1), (2, 3), (3, 0))
    alone = torch.cat([log_ratio(x[:, [a]], x[:, [b]]) for a, b in pairs], dim=1)
    assert torch.equal(log_ratios(x, pairs), alone)
