"""Attention weights as an explanation, on a model made to look at one kind of beat."""

from __future__ import annotations

import pytest
import torch

from ingest.errors import InputError
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.recall import LENGTH, MEMORY
from training.interpret.attention import attention_of, logit_without, looked_at
from training.interpret.deletion import deletion_test
from training.interpret.moments import Moments

torch.set_num_threads(1)
CONTEXT, HIDDEN = 8, 4


@pytest.fixture
def model() -> BeatClassifier:
    """Scores a beat by the first unit of the states that it looks at, and looks where that is."""
    torch.manual_seed(0)
    size = BeatSize(hidden_v=HIDDEN, hidden_s=HIDDEN, core="attention", context=CONTEXT)
    made = BeatClassifier(size).eval()
    core = attention_of(made)
    with torch.no_grad():
        core.score.weight.zero_()
        core.score.weight[0] = 3.0  # the query, whatever the beat, meets the first unit
        core.join.weight.zero_()
        core.join.bias.zero_()
        core.join.weight[0, 0] = 1.0  # the first unit of what was looked at comes out
        made.head_v.weight.zero_()
        made.head_v.weight[0, 0] = 5.0
    return made


def at(model: BeatClassifier, strong: list[int]) -> Moments:
    """Moments whose past holds one strong state each, at these places."""
    n = len(strong)
    state = list(model.initial_state(n))
    h, _, past, known = range(4)
    state[h] = torch.full((n, HIDDEN), 0.9)
    state[past] = torch.full((n, CONTEXT - 1, HIDDEN), -0.2)
    state[past][torch.arange(n), strong, 0] = 0.9
    state[known] = torch.ones(n, CONTEXT - 1)
    generator = torch.Generator().manual_seed(2)
    beat = torch.randn(n, LENGTH, generator=generator)
    return Moments(
        beat, torch.zeros(n, LENGTH), torch.full((n, 1), 0.8), torch.zeros(n, MEMORY), tuple(state)
    )


def test_the_beat_that_drives_is_looked_at_most(model: BeatClassifier) -> None:
    strong = [0, 3, 6]
    weights, known = looked_at(model, at(model, strong))
    assert known.all()
    assert weights.argmax(dim=1).tolist() == strong


def test_hiding_what_was_looked_at_changes_more_than_hiding_others(model: BeatClassifier) -> None:
    there = at(model, [0, 3, 6])
    weights, known = looked_at(model, there)
    result = deletion_test(lambda gone: logit_without(model, there, gone), weights, known, steps=1)
    assert result.summary()["named_wins"] == 1.0


def test_nothing_hidden_is_the_model_itself(model: BeatClassifier) -> None:
    there = at(model, [1, 2])
    none = torch.zeros(2, CONTEXT - 1, dtype=torch.bool)
    torch.testing.assert_close(
        logit_without(model, there, none), there.logits(model, there.beat)[0]
    )


def test_cores_without_attention_are_refused() -> None:
    with pytest.raises(InputError, match="core is 'lstm'"):
        attention_of(BeatClassifier())
