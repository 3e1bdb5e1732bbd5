"""Integrated gradients: complete, and on what drives the score by construction."""

from __future__ import annotations

import torch

from training.interpret.deletion import deletion_test
from training.interpret.gradients import integrated_gradients
from training.interpret.moments import N_SEGMENTS, SEGMENT, by_segment, with_segments_usual

torch.set_num_threads(1)


def driven(beat: torch.Tensor) -> torch.Tensor:
    """Score that rests on the eighth and the twelfth segment, and bends."""
    r, t = beat[:, 7 * SEGMENT : 8 * SEGMENT], beat[:, 11 * SEGMENT : 12 * SEGMENT]
    return torch.relu(r.sum(dim=1)) ** 2 + torch.tanh(t.mean(dim=1))


def beats() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    shape = (6, N_SEGMENTS * SEGMENT)
    return torch.randn(shape, generator=generator).abs(), torch.zeros(shape)


def test_attributions_add_up_to_the_difference_of_the_scores() -> None:
    beat, usual = beats()
    attribution = integrated_gradients(driven, beat, usual, steps=200)
    torch.testing.assert_close(
        attribution.sum(dim=1), driven(beat) - driven(usual), rtol=1e-3, atol=1e-3
    )


def test_only_what_drives_the_score_is_named() -> None:
    named = by_segment(integrated_gradients(driven, *beats()))
    assert (named[:, 7] > 0.5).all()
    assert (named[:, 11] > 0.01).all()
    named[:, [7, 11]] = 0
    assert torch.equal(named, torch.zeros_like(named))


def test_a_linear_score_gets_its_own_weights() -> None:
    weights = torch.arange(4.0)
    x, baseline = torch.ones(2, 4), torch.full((2, 4), 0.5)
    found = integrated_gradients(lambda x: x @ weights, x, baseline, steps=3)
    torch.testing.assert_close(found, (weights * 0.5).expand(2, 4))


def test_deleting_what_is_named_tells_more_than_deleting_at_random() -> None:
    beat, usual = beats()

    def deleted(gone: torch.Tensor) -> torch.Tensor:
        return driven(with_segments_usual(beat, usual, gone))

    named = by_segment(integrated_gradients(driven, beat, usual))
    result = deletion_test(deleted, named, steps=4)
    summary = result.summary()
    assert summary["named_wins"] == 1.0
    assert summary["named"] > 2 * summary["random"]
    torch.testing.assert_close(result.named[:, 1], driven(beat) - driven(usual))


def test_an_attribution_of_nothing_is_no_better_than_random() -> None:
    beat, usual = beats()
    meaningless = torch.rand((6, N_SEGMENTS), generator=torch.Generator().manual_seed(1))
    meaningless[:, [7, 11]] = -1

    def deleted(gone: torch.Tensor) -> torch.Tensor:
        return driven(with_segments_usual(beat, usual, gone))

    assert deletion_test(deleted, meaningless).summary()["named_wins"] == 0.0


def test_parts_that_are_not_there_are_never_taken() -> None:
    seen = []

    def deleted(gone: torch.Tensor) -> torch.Tensor:
        seen.append(gone)
        return gone.float().sum(dim=1)

    there = torch.tensor([[True, False, True, False]])
    deletion_test(deleted, torch.tensor([[0.1, 9.0, 0.2, 8.0]]), there, steps=3, draws=2)
    assert not any((gone & ~there).any() for gone in seen)
