"""The memory of a rhythm: what a beat behind a ventricular one is measured by, and forgetting."""

from __future__ import annotations

import torch
from torch import Tensor

from training.architectures.recall import FIT_ATRIAL, HAS_RR, N_FEATURES, RR, TYPICAL_S
from training.architectures.rhythm import (
    N_INTERVALS,
    N_RHYTHM,
    STATE,
    advance,
    advance_all,
    follow,
)

EARLINESS = 2
"""Place of the log ratio of the interval since the last beat not V to the median one."""


def features(rr_s: list[float]) -> Tensor:
    """Features of one stream's beats with these intervals, 0 unknown."""
    made = torch.zeros(len(rr_s), 1, N_FEATURES)
    for i, interval in enumerate(rr_s):
        made[i, 0, RR] = (interval or TYPICAL_S) - TYPICAL_S
        made[i, 0, HAS_RR] = float(interval > 0)
        made[i, 0, FIT_ATRIAL] = 0.9
    return made


def run(rr_s: list[float], ventricular: list[int]) -> Tensor:
    told = torch.tensor(ventricular, dtype=torch.float32)[:, None]
    rhythm, _ = follow(features(rr_s), told, torch.zeros(1, STATE))
    return rhythm[:, 0]


def test_a_beat_behind_an_interpolated_ventricular_beat_is_on_time() -> None:
    rr_s = [0.0, *[0.8] * 20, 0.38, 0.42]
    called = run(rr_s, [0] * 21 + [1, 0])
    missed = run(rr_s, [0] * 23)
    assert abs(called[-1, EARLINESS]) < 0.01
    assert missed[-1, EARLINESS] < -0.5


def test_an_early_beat_is_told_against_the_spread_of_the_rhythm() -> None:
    regular = run([0.0, *[0.8] * 20, 0.72], [0] * 22)
    waver = [0.8 + 0.08 * (-1) ** i for i in range(20)]
    wavering = run([0.0, *waver, 0.72], [0] * 22)
    in_units = slice(11, 15)
    assert regular[-1, in_units].max() < -0.7
    assert wavering[-1, in_units].max() > -0.3


def test_intervals_about_ventricular_beats_are_not_remembered() -> None:
    rr_s, called = [0.0, *[0.8] * 20], [0] * 21
    for _ in range(10):
        rr_s, called = [*rr_s, 0.4, 1.2, 0.8], [*called, 1, 0, 0]
    rhythm = run(rr_s, called)
    assert torch.allclose(rhythm[-1, :7], torch.zeros(7), atol=1e-5)


def test_only_the_last_intervals_are_remembered() -> None:
    tail = [0.7 + 0.01 * i for i in range(N_INTERVALS + 2)]
    one = run([0.0, *[0.5] * 5, *tail], [0] * (len(tail) + 6))
    other = run([0.0, *[1.1] * 5, *tail], [0] * (len(tail) + 6))
    remembered = [*range(17), *range(23, N_RHYTHM)]  # the rest are running means
    assert torch.allclose(one[-1, remembered], other[-1, remembered], atol=1e-6)


def test_a_sequence_in_pieces_is_the_sequence() -> None:
    generator = torch.Generator().manual_seed(0)
    made = torch.rand(40, 3, N_FEATURES, generator=generator)
    made[..., HAS_RR] = (made[..., HAS_RR] > 0.1).float()
    v = (torch.rand(40, 3, generator=generator) < 0.2).float()
    whole, state = follow(made, v, torch.zeros(3, STATE))
    carried, parts = torch.zeros(3, STATE), []
    for piece, called in zip(made.split(7), v.split(7), strict=True):
        part, carried = follow(piece, called, carried)
        parts.append(part)
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(carried, state)


def test_nothing_heard_yet_gives_finite_features() -> None:
    assert torch.isfinite(run([0.0, 0.0, 0.6], [0, 1, 0])).all()


def test_whole_sequences_are_remembered_as_beat_by_beat() -> None:
    generator = torch.Generator().manual_seed(1)
    rr_s = torch.rand(60, 5, 1, generator=generator) + 0.2
    rr_s[torch.rand(60, 5, generator=generator) < 0.1] = 0
    v = (torch.rand(60, 5, 1, generator=generator) < 0.3).float()
    fit = torch.rand(60, 5, 1, generator=generator)
    states = [torch.zeros(5, STATE)]
    for _ in range(2):
        begin = states[-1]
        for i in range(60):
            states.append(advance(rr_s[i], v[i], fit[i], states[-1]))
        told = advance_all(rr_s, v, fit, begin)
        torch.testing.assert_close(told, torch.stack(states[-61:]), rtol=0, atol=1e-6)
