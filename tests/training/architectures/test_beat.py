"""The beat classifier: it carries all of its state, and is as large as it is told."""

import pytest
import torch

from ingest.errors import InputError
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.recall import LENGTH, MEMORY, N_FEATURES, recall


@pytest.fixture
def model() -> BeatClassifier:
    torch.manual_seed(0)
    return BeatClassifier(BeatSize(4, 6, 8, 8)).eval()


def test_beat_by_beat_gives_what_the_whole_sequence_gives(model: BeatClassifier) -> None:
    generator = torch.Generator().manual_seed(1)
    windows = torch.randn(20, 2, LENGTH, generator=generator)
    rr_s = 0.8 + 0.1 * torch.randn(20, 2, 1, generator=generator)
    memory, shapes, features = torch.zeros(2, MEMORY), [], []
    for window, interval in zip(windows, rr_s, strict=True):
        shape, feature, memory = recall(window, interval, memory)
        shapes.append(shape)
        features.append(feature)
    with torch.no_grad():
        v, s, end = model.logits(torch.stack(shapes), torch.stack(features), model.initial_state(2))
        state = model.initial_state(2)
        carried, probs = torch.zeros(2, MEMORY), []
        for window, interval in zip(windows, rr_s, strict=True):
            p, carried, *state = model(window[:, None], interval, carried, *state)
            probs.append(p)
    stepped = torch.stack(probs)
    torch.testing.assert_close(stepped[..., 2], torch.sigmoid(v), rtol=0, atol=1e-5)
    expected_s = (1 - torch.sigmoid(v)) * torch.sigmoid(s)
    torch.testing.assert_close(stepped[..., 1], expected_s, rtol=0, atol=1e-5)
    torch.testing.assert_close(stepped.sum(2), torch.ones(20, 2))
    for one, other in zip(state, end, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def test_a_size_is_read_from_numbers_of_any_kind() -> None:
    size = BeatSize.of({"channels": 6.0, "dropout": 0.1})
    assert size == BeatSize(channels=6, dropout=0.1)
    assert isinstance(size.channels, int)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"channels": 6.5}, "architecture.channels is 6.5; allowed: a whole number"),
        ({"hidden_v": "many"}, "architecture.hidden_v is 'many'; allowed: a whole number"),
        ({"dropout": "much"}, "architecture.dropout is 'much'; allowed: a number"),
        ({"core": 3}, "architecture.core is 3; allowed: a text"),
        ({"core": "xlstm"}, "architecture.core is 'xlstm'; allowed: .*lstm"),
        ({"encoder": "vit"}, "architecture.encoder is 'vit'; allowed: cnn, features"),
        ({"core": "transformer", "heads": 5}, "architecture.heads is 5; allowed: a divisor of"),
        ({"layers": 2}, "architecture: no key layers; allowed: channels"),
    ],
)
def test_a_size_that_there_is_not_is_named(values: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        BeatClassifier(BeatSize.of(values))


@pytest.mark.parametrize(("encoder", "sees"), [("cnn", True), ("features", False)])
def test_only_the_cnn_sees_the_shape(encoder: str, sees: bool) -> None:
    torch.manual_seed(0)
    model = BeatClassifier(BeatSize(encoder=encoder)).eval()
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(6, 2, N_FEATURES, generator=generator)
    one, other = torch.randn(2, 6, 2, 2, LENGTH, generator=generator)
    with torch.no_grad():
        v, s, _ = model.logits(one, features, model.initial_state(2))
        v_other, s_other, _ = model.logits(other, features, model.initial_state(2))
        v_moved, s_moved, _ = model.logits(one, features + 1, model.initial_state(2))
    assert torch.equal(v, v_other) is torch.equal(s, s_other) is not sees
    assert not torch.equal(v, v_moved)
    assert not torch.equal(s, s_moved)


@pytest.mark.parametrize("size", [BeatSize(), BeatSize(core_s="dense", rhythm=1)])
def test_one_beat_as_exported_is_scored_as_the_first_of_a_sequence(size: BeatSize) -> None:
    torch.manual_seed(3)
    model = BeatClassifier(size).eval()
    shape, features = torch.randn(16, 2, LENGTH), torch.randn(16, N_FEATURES)
    state = tuple(torch.rand(part.shape) for part in model.initial_state(16))
    with torch.no_grad():
        v, s, after = model.step(shape, features, state)
        of_v, of_s, later = model.logits(shape[None], features[None], state)
    torch.testing.assert_close(v[:, 0], of_v[0])
    torch.testing.assert_close(s[:, 0], of_s[0])
    for one, other in zip(after, later, strict=True):
        torch.testing.assert_close(one, other)
