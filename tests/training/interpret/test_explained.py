"""A model that says why: the same scores, reasons that are what they are said to be, served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from deploy.services.verify import why_not_batch_invariant
from inference import model
from inference.session import StreamSession
from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.architectures.recall import LENGTH, MEMORY, recall
from training.beat_task import BeatTask
from training.interpret.explained import BEATS, OUTPUTS
from training.interpret.moments import N_SEGMENTS, moments, occlusion
from training.interpret.write import write_explained

torch.set_num_threads(1)
N = 14


@pytest.fixture(scope="module")
def task() -> BeatTask:
    torch.manual_seed(4)
    made = BeatTask(tiny_config("beat"), [], [])
    made.model.eval()
    return made


@pytest.fixture(scope="module")
def explained(task: BeatTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explained") / "explained.onnx"
    write_explained(task, path, "0" * 64)
    return path


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    windows = rng.standard_normal((N, 1, LENGTH)).astype(np.float32)
    return windows, rng.uniform(0.4, 1.2, (N, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def told(explained: Path, drawn: tuple[np.ndarray, np.ndarray]) -> list[dict[str, np.ndarray]]:
    session, slot = StreamSession(explained, "beat", 1), np.zeros(1, np.intp)
    windows, rr_s = drawn
    return [session.step_explained(slot, windows[i : i + 1], rr_s[i : i + 1])[1] for i in range(N)]


def test_scores_are_those_of_the_plain_model_bit_for_bit(
    task: BeatTask, explained: Path, drawn: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    task.write(tmp_path / "plain.onnx", "0" * 64)
    sessions = [StreamSession(path, "beat", 1) for path in (explained, tmp_path / "plain.onnx")]
    slot, (windows, rr_s) = np.zeros(1, np.intp), drawn
    for i in range(N):
        one, other = (each.step(slot, windows[i : i + 1], rr_s[i : i + 1]) for each in sessions)
        assert one.tobytes() == other.tobytes()
    assert [each.explanations for each in sessions] == [list(OUTPUTS), []]


def test_reasons_do_not_depend_on_who_else_is_scored(
    explained: Path, drawn: tuple[np.ndarray, np.ndarray], told: list[dict[str, np.ndarray]]
) -> None:
    assert why_not_batch_invariant(explained) is None
    session, slots = StreamSession(explained, "beat", 5), np.arange(5)
    windows, rr_s = drawn
    others = np.random.default_rng(1).standard_normal((5, 1, LENGTH)).astype(np.float32)
    for i in range(N):
        others[3], rr = windows[i], np.full((5, 1), rr_s[i], np.float32)
        _, why = session.step_explained(slots, others, rr)
        for name in OUTPUTS:
            assert why[name][3].tobytes() == told[i][name][0].tobytes()


def test_the_signal_s_reason_is_occlusion_by_the_usual_beat(
    task: BeatTask, drawn: tuple[np.ndarray, np.ndarray], told: list[dict[str, np.ndarray]]
) -> None:
    windows, rr_s = (torch.from_numpy(part) for part in drawn)
    chosen = [1, 5, 13]
    v, _ = occlusion(task.model, moments(task.model, windows[:, 0], rr_s, chosen))
    assert v.shape == (3, N_SEGMENTS)
    for row, i in enumerate(chosen):
        np.testing.assert_allclose(told[i]["explain_signal"][0], v[row].numpy(), atol=1e-5)


def test_a_beat_s_reason_is_what_is_said_had_the_core_not_heard_it(
    task: BeatTask, drawn: tuple[np.ndarray, np.ndarray], told: list[dict[str, np.ndarray]]
) -> None:
    windows, rr_s = (torch.from_numpy(part) for part in drawn)
    at = moments(task.model, windows[:, 0], rr_s, range(1, N))
    inputs = []
    with torch.no_grad():
        for i in range(N - 1):
            shape, features, _ = recall(
                at.beat[i : i + 1], at.rr_s[i : i + 1], at.memory[i : i + 1]
            )
            inputs.append(task.model.encode(shape[None], features[None])[0])
        core, last = task.model.core_v, N - 1
        first_inputs = _first_input(task, windows, rr_s)
        sequence = [first_inputs, *inputs]
        for back in (1, 4, BEATS):
            state = core.initial_state(1)
            for j, seen in enumerate(sequence[:last]):
                if j != last - back:
                    _, state = core(seen, state)
            out, _ = core(sequence[last], state)
            without = task.model.head_v(torch.cat([out, sequence[last]], dim=2)).item()
            whole = at.logits(task.model, at.beat)[0][-1].item()
            found = told[last]["explain_beats"][0, BEATS - back]
            assert found == pytest.approx(whole - without, abs=1e-5)


def _first_input(task: BeatTask, windows: torch.Tensor, rr_s: torch.Tensor) -> torch.Tensor:
    shape, features, _ = recall(windows[:1, 0], rr_s[:1], torch.zeros(1, MEMORY))
    return task.model.encode(shape[None], features[None])[0]


def test_beats_before_the_first_have_no_part(told: list[dict[str, np.ndarray]]) -> None:
    for i, why in enumerate(told[:BEATS]):
        assert not why["explain_beats"][0, : BEATS - i].any()
    assert told[BEATS]["explain_beats"][0].all()


def test_a_reason_of_another_shape_is_refused(explained: Path, tmp_path: Path) -> None:
    graph = onnx.load(str(explained))
    (maker,) = (node for node in graph.graph.node if "explain_beats" in node.output)
    maker.output[list(maker.output).index("explain_beats")] = "inner"
    graph.graph.node.append(
        onnx.helper.make_node("ReduceSum", ["inner"], ["explain_beats"], keepdims=0)
    )
    onnx.save(graph, str(tmp_path / "odd.onnx"))
    with pytest.raises(InputError, match="must be of shape"):
        model.load(tmp_path / "odd.onnx")
