"""Every core is exported with its state, and served as the shipped one is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.pipeline import Pipeline
from inference.session import StreamSession
from tests.inference.patients import Told, random_pushes, score, told, ward
from tests.training.databases import tiny_config
from training.architectures.beat import BeatClassifier
from training.architectures.cores import CORES
from training.architectures.recall import LENGTH
from training.beat_task import BeatTask, recall_sequences

N_STREAMS, N_BEATS = 37, 6
SIZES = {"hidden_v": 8, "hidden_s": 4, "channels": 4, "embedding": 4, "context": 3, "heads": 2}


FORMS = [
    *({"core": core} for core in CORES),
    {"core": "gru", "encoder": "features"},
    {"core": "attention", "core_s": "dense", "rhythm": 1},
]
"""Every core, no CNN, and branches that differ."""


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: "-".join(map(str, form.values())))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BeatClassifier, Path]:
    """A classifier with large random weights, and the file it was exported to."""
    architecture = {**SIZES, **request.param}
    torch.manual_seed(3)
    task = BeatTask(tiny_config("beat", architecture=architecture), [], [])
    with torch.no_grad():
        for part in task.model.parameters():
            part += 0.3 * torch.randn_like(part)
    path = tmp_path_factory.mktemp("served") / "model.onnx"
    assert task.write(path, "ab" * 32) < 1e-5
    return task.model.eval(), path


def beats() -> tuple[np.ndarray, np.ndarray]:
    """Windows (n_beats, n_streams, 1, LENGTH), and RR intervals (n_beats, n_streams, 1), s."""
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((N_BEATS, N_STREAMS, 1, LENGTH)).astype(np.float32)
    rr_s = rng.uniform(0.4, 1.2, (N_BEATS, N_STREAMS, 1)).astype(np.float32)
    return signal, rr_s


def test_beat_by_beat_it_gives_what_torch_gives_for_the_whole_sequence(
    served: tuple[BeatClassifier, Path],
) -> None:
    model, path = served
    signal, rr_s = beats()
    session = StreamSession(path, "beat", N_STREAMS)
    slots = np.arange(N_STREAMS)
    stepped = np.stack([session.step(slots, x, rr) for x, rr in zip(signal, rr_s, strict=True)])

    windows, intervals = signal[:, :, 0].swapaxes(0, 1), rr_s[..., 0].T
    seen = recall_sequences(torch.from_numpy(windows.copy()), torch.from_numpy(intervals.copy()))
    with torch.no_grad():
        v, s, _ = model.logits(*seen, model.initial_state(N_STREAMS))
    p_v, p_s = torch.sigmoid(v).numpy(), torch.sigmoid(s).numpy()
    np.testing.assert_allclose(stepped[..., 2], p_v, rtol=0, atol=2e-5)
    np.testing.assert_allclose(stepped[..., 1], (1 - p_v) * p_s, rtol=0, atol=2e-5)


def test_scores_and_states_have_the_same_bits_in_any_batch(
    served: tuple[BeatClassifier, Path],
) -> None:
    _, path = served
    signal, rr_s = beats()
    found = []
    for size in (N_STREAMS, 1, 2, 3, 5, 8, 17):
        session = StreamSession(path, "beat", N_STREAMS)
        groups = np.array_split(np.arange(N_STREAMS), -(-N_STREAMS // size))
        probs = [
            np.concatenate([session.step(rows, x[rows], rr[rows]) for rows in groups])
            for x, rr in zip(signal, rr_s, strict=True)
        ]
        parts = session.snapshot(np.arange(N_STREAMS)).values()
        found.append([np.stack(probs).tobytes(), *(part.tobytes() for part in parts)])
    assert all(bits == found[0] for bits in found)


def test_the_pipeline_serves_it_in_any_cut_and_company(served: tuple[BeatClassifier, Path]) -> None:
    _, path = served
    tapes = ward()[:3]
    pipeline, alone = Pipeline(beat=path), Pipeline(beat=path)
    expected: Told = {}
    for tape in tapes:
        told([alone.push(tape.items)], into=expected)
    assert score(pipeline, random_pushes(tapes, np.random.default_rng(0))) == expected
    assert len(expected["lively beats"]) > 8
