"""Inner steps are SGD as worked out by hand; meta-learned starts adapt faster than plain ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.meta.learn import Method, Parameters, adapted, meta_loss

torch.set_num_threads(1)
METHODS: tuple[Method, ...] = ("maml", "fomaml", "reptile")


def start(u: float, v: float) -> dict[str, Tensor]:
    return {"u": torch.tensor(u, requires_grad=True), "v": torch.tensor(v, requires_grad=True)}


def task(slope: float):
    """A line through the origin, of a model that multiplies two weights."""

    def loss(p: Parameters) -> Tensor:
        return (p["u"] * p["v"] - slope) ** 2

    return loss


def test_an_inner_step_is_gradient_descent_by_hand() -> None:
    # d/du (uv - a)^2 = 2 (uv - a) v with u = 2, v = 3, a = 1: 30 and 20
    found = adapted(start(2.0, 3.0), task(1.0), rate=0.01, steps=1)
    assert found["u"].item() == pytest.approx(2 - 0.01 * 30)
    assert found["v"].item() == pytest.approx(3 - 0.01 * 20)


def test_steps_equal_torch_s_own_sgd() -> None:
    model = torch.nn.Linear(3, 1)
    x, y = torch.randn(8, 3), torch.randn(8, 1)

    def loss(p: Parameters) -> Tensor:
        return ((torch.func.functional_call(model, dict(p), (x,)) - y) ** 2).mean()

    found = adapted(dict(model.named_parameters()), loss, rate=0.1, steps=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        optimizer.step()
    for name, value in model.named_parameters():
        torch.testing.assert_close(found[name], value)


def gradient(method: Method, steps: int = 1, rate: float = 0.05) -> Tensor:
    at = start(0.7, 0.4)
    meta_loss(method, at, task(1.0), task(1.2), rate, steps).backward()
    return torch.stack([at["u"].grad, at["v"].grad])


def test_full_maml_is_the_derivative_of_the_query_after_the_steps() -> None:
    def after(u: float, v: float) -> float:
        there = adapted(start(u, v), task(1.0), 0.05, 1)
        return task(1.2)(there).item()

    h = 1e-3
    by_hand = torch.tensor(
        [
            (after(0.7 + h, 0.4) - after(0.7 - h, 0.4)) / (2 * h),
            (after(0.7, 0.4 + h) - after(0.7, 0.4 - h)) / (2 * h),
        ]
    )
    torch.testing.assert_close(gradient("maml"), by_hand, rtol=2e-3, atol=2e-3)


def test_first_order_maml_is_the_query_s_gradient_where_the_steps_lead() -> None:
    there = adapted(start(0.7, 0.4), task(1.0), 0.05, 1)
    at = {name: value.detach().requires_grad_() for name, value in there.items()}
    task(1.2)(at).backward()
    torch.testing.assert_close(gradient("fomaml"), torch.stack([at["u"].grad, at["v"].grad]))
    assert not torch.allclose(gradient("fomaml"), gradient("maml"), rtol=1e-3)


def test_reptile_goes_towards_where_the_steps_lead() -> None:
    there = adapted(start(0.7, 0.4), lambda p: task(1.0)(p) + task(1.2)(p), 0.05, 3)
    way = torch.stack([0.7 - there["u"], 0.4 - there["v"]])
    torch.testing.assert_close(gradient("reptile", steps=3), way.detach())


@pytest.mark.parametrize(("method", "steps"), [("maml", 1), ("fomaml", 1), ("reptile", 2)])
def test_a_meta_learned_start_adapts_better_than_a_plain_one(method: Method, steps: int) -> None:
    """Slopes of +1 and -1: the best single model says 0 and learns slowly from there."""
    slopes = (1.0, -1.0)

    def trained(plain: bool) -> dict[str, Tensor]:
        at = start(0.3, 0.2)
        rate = 0.5 if method == "reptile" else 0.05  # its way is the inner steps', so short
        optimizer = torch.optim.SGD(at.values(), lr=0.05 if plain else rate)
        for _ in range(100):
            optimizer.zero_grad()
            for slope in slopes:
                if plain:
                    loss = task(slope)(at)
                else:
                    loss = meta_loss(method, at, task(slope), task(slope), 0.1, steps)
                loss.backward()
            optimizer.step()
        return at

    def after(at: dict[str, Tensor]) -> float:
        return sum(task(slope)(adapted(at, task(slope), 0.1, steps)).item() for slope in slopes)

    assert after(trained(plain=False)) < 0.1 * after(trained(plain=True))


def test_parameters_are_not_changed_by_adapting() -> None:
    at = start(0.7, 0.4)
    adapted(at, task(3.0), 0.1, 5)
    assert (at["u"].item(), at["v"].item()) == (pytest.approx(0.7), pytest.approx(0.4))
