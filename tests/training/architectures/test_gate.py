"""The gate: what it passes is usual in every way, and no lethal rhythm is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.limits import Limits
from training.architectures.gate import N_RR, WARM_UP, Gate, strangeness
from training.architectures.recall import BEFORE, LENGTH, MEMORY, recall
from training.config import GateConfig

LIMITS = Limits()


def beat(width: float = 2.0, height: float = 1.0) -> Tensor:
    t = torch.arange(LENGTH) - BEFORE
    wave = 0.15 * torch.exp(-((t + 20) ** 2) / 30)
    return (height * torch.exp(-(t**2) / (2 * width**2)) + wave)[None]


def walk(windows: list[Tensor], rr_s: list[float], rules: GateConfig = GateConfig()) -> list[bool]:
    """Run the gate along one stream whose classifier never calls anything but N."""
    gate = Gate(rules)
    memory, state, passed = torch.zeros(1, MEMORY), gate.initial_state(1), []
    for window, interval in zip(windows, rr_s, strict=True):
        probs, memory, state = gate(window[:, None], torch.tensor([[interval]]), memory, state)
        passed.append(bool(probs > 0))
    return passed


def test_usual_beats_are_passed_once_the_patient_is_known() -> None:
    passed = walk([beat()] * 40, [0.0] + [0.8] * 39)
    assert not any(passed[:WARM_UP])
    assert all(passed[WARM_UP:])


def test_a_limit_of_zero_passes_none() -> None:
    assert not any(walk([beat()] * 60, [0.8] * 60, GateConfig(limit=0.0)))


@pytest.mark.parametrize(
    ("odd", "interval"),
    [
        (beat(width=6.0), 0.8),  # wide
        (beat(height=-1.0), 0.8),
        (beat(height=2.0), 0.8),
        (beat(), 0.62),  # early
        (beat(), 1.0),  # late
        (beat(), 0.0),  # no interval: after a gap, or more than 3 s
        (beat() + 0.3 * torch.randn(1, LENGTH, generator=torch.Generator().manual_seed(0)), 0.8),
    ],
    ids=["wide", "inverted", "tall", "early", "late", "unknown interval", "noise"],
)
def test_an_odd_beat_is_looked_at_and_so_are_the_next(odd: Tensor, interval: float) -> None:
    windows, rr_s = [beat()] * 60, [0.8] * 60
    windows[40], rr_s[40] = odd, interval
    passed = walk(windows, rr_s)
    assert all(passed[30:40])
    assert not any(passed[40 : 41 + GateConfig().hold])
    assert passed[-1]


def test_after_a_beat_that_was_called_anything_but_n_the_next_are_looked_at() -> None:
    gate = Gate(GateConfig())
    memory, state = torch.zeros(2, MEMORY), gate.initial_state(2)
    two = torch.cat([beat(), beat()])[:, None]
    for _ in range(40):
        _, memory, state = gate(two, torch.full((2, 1), 0.8), memory, state)
    state = gate.disturb(state, torch.tensor([True, False]))
    seen = []
    for _ in range(GateConfig().hold + 1):
        probs, memory, state = gate(two, torch.full((2, 1), 0.8), memory, state)
        seen.append((probs[:, 0] > 0).tolist())
    assert [row[0] for row in seen] == [False] * GateConfig().hold + [True]
    assert all(row[1] for row in seen)


@pytest.mark.parametrize("rate_bpm", [20, 35, 49, 101, 110, 130, 150, 180, 220, 300])
def test_no_beat_of_a_slow_or_fast_rate_is_passed_however_usual(rate_bpm: int) -> None:
    passed = walk([beat()] * 60, [0.8] * 30 + [60 / rate_bpm] * 30)
    assert any(passed[:30])
    assert not any(passed[30:])


def test_where_a_beat_is_passed_no_alarm_of_rate_or_pause_could_be() -> None:
    """At any rhythm at all, with the laxest rules that a configuration may ask for."""
    rng, n = np.random.default_rng(0), 24
    drift = np.cumsum(rng.normal(0, 0.06, (300, n)), axis=0)
    rr = np.clip(0.8 * np.exp(drift + rng.normal(0, 0.02, (300, n))), 0.2, 4.0)
    rr[(rng.random((300, n)) < 0.02) | (rr > 3)] = 0
    gate, windows = Gate(GateConfig(limit=1e6, hold=4)), beat().expand(n, 1, LENGTH)
    memory, state, passed = torch.zeros(n, MEMORY), gate.initial_state(n), []
    for intervals in torch.from_numpy(rr.astype(np.float32)):
        probs, memory, state = gate(windows, intervals[:, None], memory, state)
        passed.append(probs[:, 0].numpy() > 0)
    beats = np.argwhere(np.stack(passed))
    assert len(beats) > 100
    for at, stream in beats:
        last = rr[at - N_RR + 1 : at + 1, stream]
        assert (last > 0).all()
        for length in range(2, N_RR + 1):
            mean_bpm = 60 * (length - 1) / last[-(length - 1) :].sum()
            assert mean_bpm <= LIMITS.vt_bpm + 1e-4
            assert LIMITS.bradycardia_bpm - 1e-4 <= mean_bpm < LIMITS.tachycardia_bpm
        assert last.max() < LIMITS.pause_s


def test_strangeness_is_the_worst_of_what_is_looked_at() -> None:
    shape = torch.stack([beat(), torch.zeros(1, LENGTH)], dim=1)
    even = torch.full((1, N_RR), 0.8)
    assert strangeness(shape, even) < 1e-3
    early = even.clone()
    early[0, 0] = 0.7
    mean = early.mean()
    expected = (mean - 0.7) / mean / 0.10
    torch.testing.assert_close(strangeness(shape, early)[0, 0], expected)


def test_streams_of_a_batch_do_not_see_each_other() -> None:
    gate, generator = Gate(GateConfig()), torch.Generator().manual_seed(1)
    windows = beat() + 0.05 * torch.randn(5, LENGTH, generator=generator)
    memory, state = torch.rand(5, MEMORY, generator=generator), gate.initial_state(5) + 0.8
    shape, _, _ = recall(windows, torch.full((5, 1), 0.8), memory)
    together = gate.judge(shape, torch.full((5, 1), 0.8), state, 5.0)
    for row in range(5):
        alone = gate.judge(shape[row : row + 1], torch.full((1, 1), 0.8), state[row : row + 1], 5.0)
        for one, all_of_them in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], all_of_them[row])
