"""What holds of every core: cut anywhere, causal, nobody sees a neighbour, and it learns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ingest.errors import InputError
from training.architectures.cores import CORES, Core, make_core

N_IN, HIDDEN, CONTEXT, HEADS = 3, 8, 4, 2


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest) -> Core:
    return make(request.param)


def make(name: str, n_in: int = N_IN, hidden: int = HIDDEN, context: int = CONTEXT) -> Core:
    """Return a core with weights large enough for what is wrong to show."""
    torch.manual_seed(0)
    core = make_core(name, n_in, hidden, context, HEADS)
    with torch.no_grad():
        for part in core.parameters():
            part += 0.3 * torch.randn_like(part)
    return core


def beats(n: int = 20, batch: int = 3, seed: int = 1) -> Tensor:
    return torch.randn(n, batch, N_IN, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_any_cut_gives_what_the_whole_sequence_gives(core: Core) -> None:
    x = beats()
    whole, end = core(x, core.initial_state(3))
    for lengths in ([1] * 20, [7, 1, 2, 10], [19, 1], [3, 3, 14]):
        state, parts = core.initial_state(3), []
        for part in x.split(lengths):
            out, state = core(part, state)
            parts.append(out)
        torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-5)
        for one, other in zip(state, end, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_state_has_the_shapes_that_are_told(core: Core) -> None:
    _, end = core(beats(), core.initial_state(3))
    for state in (core.initial_state(3), end):
        assert [tuple(part.shape) for part in state] == [(3, *n) for n in core.state_shapes()]
    assert len(core.state_names) == len(set(core.state_names)) == len(end)
    assert not any(part.any() for part in core.initial_state(3))


@pytest.mark.parametrize("at", [0, 5, 19])
def test_what_comes_out_never_depends_on_the_future(core: Core, at: int) -> None:
    x = beats().requires_grad_()
    out, _ = core(x, core.initial_state(3))
    (by_x,) = torch.autograd.grad(out[at].square().sum(), x)
    assert not by_x[at + 1 :].any()
    assert by_x[at].any()


@torch.no_grad()
def test_streams_do_not_see_each_other(core: Core) -> None:
    x, other = beats(), beats(seed=2)
    out, _ = core(x, core.initial_state(3))
    mixed, _ = core(torch.cat([other[:, :1], x[:, 1:]], dim=1), core.initial_state(3))
    torch.testing.assert_close(mixed[:, 1:], out[:, 1:], rtol=0, atol=1e-6)
    assert not torch.allclose(mixed[:, 0], out[:, 0])


@torch.no_grad()
def test_what_is_taken_in_is_left_as_it_was(core: Core) -> None:
    x, state = beats(), core(beats(), core.initial_state(3))[1]
    before = [part.clone() for part in (x, *state)]
    core(x, state)
    assert all(torch.equal(one, other) for one, other in zip((x, *state), before, strict=True))


AGO = 3
"""How long ago the beat was that is asked for."""


def recall_task(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Beats of +1 or -1, and whether the beat ``AGO`` before was a +1: no beat tells by itself."""
    x = torch.randint(0, 2, (24, 32, 1), generator=generator) * 2.0 - 1
    return x, (x.roll(AGO, 0)[..., 0] > 0).float()


@pytest.mark.parametrize("name", CORES)
def test_it_learns_what_only_memory_can_tell(name: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    core, head = make_core(name, 1, 16, 8, 4), nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*core.parameters(), *head.parameters()], lr=0.02)
    generator, losses = torch.Generator().manual_seed(0), []
    for _ in range(200):
        x, target = recall_task(generator)
        out, _ = core(x, core.initial_state(32))
        logits = head(out).squeeze(2)
        loss = binary_cross_entropy_with_logits(logits[AGO:], target[AGO:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(core.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    guessing, last = 0.693, sum(losses[-10:]) / 10
    assert losses[0] > 0.8 * guessing
    if name == "dense":  # the one core without memory
        assert last > 0.95 * guessing
    else:
        assert last < 0.25 * guessing


@pytest.mark.parametrize(
    ("name", "hidden", "context", "heads", "named"),
    [
        ("xlstm", 8, 4, 2, "architecture.core is 'xlstm'; allowed: rnn, lstm, gru"),
        ("attention", 8, 1, 2, "architecture.context is 1; allowed: 2 beats or more"),
        ("transformer", 8, 0, 2, "architecture.context is 0"),
        ("transformer", 8, 4, 3, "architecture.heads is 3; allowed: a divisor of the 8 units"),
        ("transformer", 8, 4, 0, "architecture.heads is 0"),
    ],
)
def test_a_core_that_cannot_be_is_named(
    name: str, hidden: int, context: int, heads: int, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        make_core(name, 3, hidden, context, heads)
