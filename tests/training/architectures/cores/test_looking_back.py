"""Attention: the last beats and no others, by weights that say which; the Transformer likewise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from tests.training.architectures.cores.test_contract import CONTEXT, HEADS, beats, make
from training.architectures.cores import AttentionCore, TransformerCore
from training.architectures.cores.window import softmax

Looking = AttentionCore | TransformerCore


@pytest.fixture(params=["attention", "transformer"])
def core(request: pytest.FixtureRequest) -> Looking:
    core = make(request.param)
    assert isinstance(core, AttentionCore | TransformerCore)
    return core


def without_recurrence(core: Looking) -> Looking:
    """Cut what the LSTM carries: its recurrent weights, and its cell by a closed forget gate."""
    cell, n = core.recurrent.cell, core.hidden
    with torch.no_grad():
        cell.weight_hh_l0.zero_()
        for gate in (cell.weight_ih_l0, cell.bias_ih_l0, cell.bias_hh_l0):
            gate[n : 2 * n] = 0
        cell.bias_ih_l0[n : 2 * n] = -1e4
    return core


def test_without_recurrence_a_beat_depends_on_the_last_beats_and_no_others(core: Looking) -> None:
    core = without_recurrence(core)
    x = beats().requires_grad_()
    at = 12
    out, _ = core(x, core.initial_state(3))
    (by_x,) = torch.autograd.grad(out[at].square().sum(), x)
    depends = by_x.abs().amax(dim=(1, 2)) > 0
    assert depends.nonzero().squeeze(1).tolist() == list(range(at - CONTEXT + 1, at + 1))


def test_with_recurrence_it_depends_on_all_that_was(core: Looking) -> None:
    x = beats().requires_grad_()
    out, _ = core(x, core.initial_state(3))
    (by_x,) = torch.autograd.grad(out[12].square().sum(), x)
    assert (by_x.abs().amax(dim=(1, 2)) > 0).nonzero().squeeze(1).tolist() == list(range(13))


@torch.no_grad()
def test_a_state_forgets_what_lies_outside_the_context(core: Looking) -> None:
    core = without_recurrence(core)
    x, other = beats(), beats(seed=2)
    _, one = core(x, core.initial_state(3))
    _, moved = core(torch.cat([other[: 20 - CONTEXT], x[-CONTEXT:]]), core.initial_state(3))
    for here, there in zip(one, moved, strict=True):
        torch.testing.assert_close(here, there, rtol=0, atol=1e-6)


@torch.no_grad()
def test_the_weights_add_up_and_know_no_beat_before_the_first(core: Looking) -> None:
    _, weights, _ = core.attend(beats(), core.initial_state(3))
    heads = () if isinstance(core, AttentionCore) else (HEADS,)
    assert weights.shape == (20, 3, *heads, CONTEXT)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    for n_heard in range(1, CONTEXT):
        unheard = weights[n_heard - 1, ..., : CONTEXT - n_heard]
        assert not unheard.any()
        assert (weights[n_heard - 1, ..., CONTEXT - n_heard :] > 0).all()


@torch.no_grad()
def test_beat_by_beat_the_weights_are_those_of_the_whole_sequence(core: Looking) -> None:
    x = beats()
    _, whole, _ = core.attend(x, core.initial_state(3))
    state = core.initial_state(3)
    for t in range(len(x)):
        _, weights, state = core.attend(x[t : t + 1], state)
        torch.testing.assert_close(weights[0], whole[t], rtol=0, atol=1e-6)


@torch.no_grad()
def test_attention_is_what_its_formula_says() -> None:
    core = make("attention")
    x = beats()
    out, weights, _ = core.attend(x, core.initial_state(3))
    states, _ = core.recurrent(x, core.recurrent.initial_state(3))
    for t in (0, 2, 11):
        first = max(t - CONTEXT + 1, 0)
        for row in range(3):
            then = states[first : t + 1, row]
            alike = then @ core.score.weight @ states[t, row] / core.hidden**0.5
            expected = torch.softmax(alike, 0)
            torch.testing.assert_close(weights[t, row, CONTEXT - len(then) :], expected)
            seen = torch.cat([expected @ then, states[t, row]])
            torch.testing.assert_close(out[t, row], torch.tanh(core.join(seen)))


@torch.no_grad()
def test_the_transformer_is_torchs_attention_under_a_band() -> None:
    core = make("transformer")
    x = beats()
    n, batch, width = len(x), 3, core.hidden // HEADS
    out, _ = core(x, core.initial_state(batch))

    states = core.recurrent(x, core.recurrent.initial_state(batch))[0].transpose(0, 1)
    root = (states.square().mean(2, keepdim=True) + 1e-6).sqrt()
    joint = core.project(states / root * core.before_attention.gain)
    query, key, value = (
        part.reshape(batch, n, HEADS, width).transpose(1, 2) for part in joint.chunk(3, dim=2)
    )
    ago = torch.arange(n)[:, None] - torch.arange(n)
    band = (ago >= 0) & (ago < CONTEXT)
    bias = core.bias[:, ago.clamp(0, CONTEXT - 1)].masked_fill(~band, -torch.inf)
    seen = scaled_dot_product_attention(query, key, value, attn_mask=bias[None])
    states = states + core.gather(seen.transpose(1, 2).reshape(batch, n, -1))
    root = (states.square().mean(2, keepdim=True) + 1e-6).sqrt()
    expected = states + core.mix(states / root * core.before_mixing.gain)
    torch.testing.assert_close(out.transpose(0, 1), expected, rtol=0, atol=1e-5)


def test_softmax_is_torchs_where_all_is_allowed_and_takes_large_scores() -> None:
    scores = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)) * 50
    everything = torch.ones(5, 7, dtype=torch.bool)
    torch.testing.assert_close(softmax(scores, everything), torch.softmax(scores, -1))
    assert torch.isfinite(softmax(scores * 1e4, everything)).all()


def test_softmax_leaves_out_what_is_not_allowed_and_its_gradient_is_finite() -> None:
    scores = torch.tensor([[1.0, 90.0, 2.0]], requires_grad=True)
    allowed = torch.tensor([[True, False, True]])
    weights: Tensor = softmax(scores, allowed)
    assert weights[0, 1] == 0
    torch.testing.assert_close(weights[0, [0, 2]], torch.softmax(scores[0, [0, 2]], 0))
    (by_scores,) = torch.autograd.grad(weights[0, 0], scores)
    assert torch.isfinite(by_scores).all()
    assert by_scores[0, 1] == 0
