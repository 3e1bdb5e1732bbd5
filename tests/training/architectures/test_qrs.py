"""The QRS detector carries all it remembers in its state."""

import pytest
import torch

from training.architectures.qrs import STRIDE, QrsDetector, QrsSize


@pytest.fixture
def model() -> QrsDetector:
    torch.manual_seed(0)
    return QrsDetector(QrsSize(4, 6, 8)).eval()


@pytest.mark.parametrize("n_frames", [1, 3, 10])
def test_chunks_of_whole_frames_give_what_the_whole_gives(
    model: QrsDetector, n_frames: int
) -> None:
    signal = torch.randn(3, 1, 60 * STRIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole, end = model.logits(signal, model.initial_state(3))
        state, parts = model.initial_state(3), []
        for part in signal.split(n_frames * STRIDE, dim=2):
            logits, state = model.logits(part, state)
            parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-5)
    for one, other in zip(state, end, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def test_the_past_never_depends_on_the_future(model: QrsDetector) -> None:
    signal = torch.randn(1, 1, 40 * STRIDE, generator=torch.Generator().manual_seed(2))
    changed = signal.clone()
    changed[..., 20 * STRIDE :] += 5
    with torch.no_grad():
        one, _ = model.logits(signal, model.initial_state(1))
        other, _ = model.logits(changed, model.initial_state(1))
    torch.testing.assert_close(one[:, :20], other[:, :20], rtol=0, atol=0)
    assert not torch.equal(one[:, 20:], other[:, 20:])


def test_as_exported_it_gives_the_probabilities_of_its_logits(model: QrsDetector) -> None:
    signal = torch.randn(2, 1, 10 * STRIDE, generator=torch.Generator().manual_seed(3))
    past, past_fine, h, c = model.initial_state(2)
    with torch.no_grad():
        logits, _ = model.logits(signal, model.initial_state(2))
        probs, *state = model(signal, past, past_fine, h[0], c[0])
    torch.testing.assert_close(probs, torch.sigmoid(logits))
    assert [part.shape for part in state] == [past.shape, past_fine.shape, h[0].shape, c[0].shape]
