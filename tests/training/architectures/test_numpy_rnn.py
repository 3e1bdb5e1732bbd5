"""The vanilla RNN: torch's forward and gradients against NumPy's, and these against differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.architectures.cores import RnnCore
from training.architectures.numpy_rnn import Array, RnnWeights, backward, forward

N_STEPS, BATCH, N_IN, HIDDEN = 9, 4, 3, 5


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def problem(rng: np.random.Generator) -> tuple[RnnWeights, Array, Array, Array]:
    """Return weights, inputs, a state to start from, and a loss's slope by each state."""
    weights = RnnWeights(
        rng.normal(0, 0.6, (HIDDEN, N_IN)),
        rng.normal(0, 0.6, (HIDDEN, HIDDEN)),
        rng.normal(0, 0.3, HIDDEN),
    )
    x, start = rng.normal(size=(N_STEPS, BATCH, N_IN)), rng.normal(0, 0.5, (BATCH, HIDDEN))
    return weights, x, start, rng.normal(size=(N_STEPS, BATCH, HIDDEN))


def torch_core(weights: RnnWeights) -> RnnCore:
    """The core with these weights, in double precision; its second bias is zero."""
    core = RnnCore(N_IN, HIDDEN).double()
    with torch.no_grad():
        for part, value in zip(
            core.parameters(), (weights.w, weights.u, weights.b, np.zeros(HIDDEN)), strict=True
        ):
            part.copy_(torch.from_numpy(value))
    return core


def test_the_core_gives_what_the_reference_gives(rng: np.random.Generator) -> None:
    weights, x, start, _ = problem(rng)
    states = forward(weights, x, start)
    with torch.no_grad():
        out, (end,) = torch_core(weights)(torch.from_numpy(x), (torch.from_numpy(start),))
    np.testing.assert_allclose(out.numpy(), states, rtol=0, atol=1e-12)
    np.testing.assert_allclose(end.numpy(), states[-1], rtol=0, atol=1e-12)


def test_autograd_gives_the_references_gradient(rng: np.random.Generator) -> None:
    weights, x, start, slope = problem(rng)
    by_weights, by_x, by_start = backward(weights, x, start, forward(weights, x, start), slope)
    core = torch_core(weights)
    seen, state = (torch.from_numpy(a).requires_grad_() for a in (x, start))
    out, _ = core(seen, (state,))
    (out * torch.from_numpy(slope)).sum().backward()
    w, u, b, b_too = (part.grad.numpy() for part in core.parameters() if part.grad is not None)
    expected = by_weights.w, by_weights.u, by_weights.b, by_weights.b, by_x, by_start
    assert seen.grad is not None
    assert state.grad is not None
    for ours, theirs in zip(
        (w, u, b, b_too, seen.grad.numpy(), state.grad.numpy()), expected, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)


def test_the_references_gradient_is_that_of_finite_differences(rng: np.random.Generator) -> None:
    weights, x, start, slope = problem(rng)
    by_weights, by_x, by_start = backward(weights, x, start, forward(weights, x, start), slope)

    def loss() -> float:
        return float((forward(weights, x, start) * slope).sum())

    step = 1e-6
    for values, gradient in (
        (weights.w, by_weights.w),
        (weights.u, by_weights.u),
        (weights.b, by_weights.b),
        (x, by_x),
        (start, by_start),
    ):
        for index in np.ndindex(values.shape):
            there = values[index]
            values[index] = there + step
            above = loss()
            values[index] = there - step
            below = loss()
            values[index] = there
            assert abs((above - below) / (2 * step) - gradient[index]) < 1e-6


def test_gradients_vanish_along_a_contracting_recurrence(rng: np.random.Generator) -> None:
    weights, x, start, slope = problem(rng)
    weak = RnnWeights(weights.w, weights.u * 0.2 / np.linalg.norm(weights.u, 2), weights.b)
    slope[:-1] = 0
    _, by_x, _ = backward(weak, x, start, forward(weak, x, start), slope)
    reach = np.linalg.norm(by_x, axis=(1, 2))
    assert reach[0] < 1e-4 * reach[-1]
