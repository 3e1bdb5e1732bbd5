"""A graph opened at its heads: what they see, and that only what is asked for is changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from deploy.services.verify import why_not_batch_invariant
from inference import model
from ingest.errors import InputError
from training.adaptation.cohort import classify
from training.adaptation.heads import BRANCHES, Heads, Move
from training.adaptation.labelled_start import ServedBeats


def random_moves(heads: Heads, served: ServedBeats, scale: float) -> dict[str, Move]:
    rng = np.random.default_rng(1)
    seen = heads.see(served.first(2))
    n_window = served.signal[0].size
    return {
        branch: Move(
            rng.normal(0, scale, seen[branch].evidence.shape[1]),
            rng.normal(0, scale, n_window),
            float(rng.normal(0, scale)),
        )
        for branch in BRANCHES
    }


def written(heads: Heads, moves: dict[str, Move], path: Path) -> Path:
    path.write_bytes(heads.moved(moves, {"name": "moved"}))
    return path


def test_moves_of_zero_leave_every_class_and_bit(
    base: Path, served: ServedBeats, tmp_path: Path
) -> None:
    heads = Heads(base)
    same = written(heads, random_moves(heads, served, 0.0), tmp_path / "same.onnx")
    before, after = Heads(base).see(served), Heads(same).see(served)
    for branch in BRANCHES:
        np.testing.assert_array_equal(before[branch].logit, after[branch].logit)
    assert classify(base, served) == classify(same, served)


def test_a_moved_head_says_what_the_arithmetic_says(
    base: Path, served: ServedBeats, tmp_path: Path
) -> None:
    heads = Heads(base)
    moves = random_moves(heads, served, 0.1)
    before = heads.see(served)
    after = Heads(written(heads, moves, tmp_path / "moved.onnx"))
    window = served.signal.reshape(len(served.sample), -1).astype(float)
    for branch, move in moves.items():
        expected = before[branch].logit + before[branch].evidence @ move.weight
        expected += window @ move.window + move.bias
        head = after.heads[branch]
        # the logit that is told is that of the head itself; the window is added behind it
        found = _tensor(after, head.logit.removesuffix(".before"), served, f"patient_{branch}")
        np.testing.assert_allclose(found, expected, atol=1e-3)


def _tensor(heads: Heads, name: str, served: ServedBeats, added: str) -> np.ndarray:
    """Read the sum behind a head, which bears the name that the head's own output had."""
    (adder,) = (node for node in heads.model.graph.node if f"{added}.move" in node.input)
    branch = added[-1]
    old = heads.heads[branch]
    heads.heads[branch] = type(old)(old.bias, old.weight, old.evidence, adder.output[0])
    return heads.see(served)[branch].logit


def test_a_moved_model_is_served_like_any_other(
    base: Path, served: ServedBeats, tmp_path: Path
) -> None:
    heads = Heads(base)
    moved = written(heads, random_moves(heads, served, 0.1), tmp_path / "moved.onnx")
    assert why_not_batch_invariant(moved) is None
    _, info = model.load(moved)
    _, old = model.load(base)
    assert (info.name, info.classes, info.look_ahead_s) == ("moved", old.classes, old.look_ahead_s)


def test_a_model_without_such_heads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not one linear layer with a bias 'head_v\.bias'"):
        Heads(model.builtin("qrs"))
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match=r"bad\.onnx: not a readable ONNX model"):
        Heads(tmp_path / "bad.onnx")


def test_a_head_that_is_used_twice_is_refused(base: Path, tmp_path: Path) -> None:
    twice = onnx.load(str(base))
    (adder,) = (node for node in twice.graph.node if "head_v.bias" in node.input)
    again = onnx.NodeProto()
    again.CopyFrom(adder)
    again.output[0] = "again"
    twice.graph.node.append(again)
    onnx.save(twice, str(tmp_path / "twice.onnx"))
    with pytest.raises(InputError, match="cannot be adapted"):
        Heads(tmp_path / "twice.onnx")


def test_an_adapted_model_has_no_gate(base: Path, served: ServedBeats, tmp_path: Path) -> None:
    gated = onnx.load(str(base))
    old = {one.key: one.value for one in gated.metadata_props}
    onnx.helper.set_model_props(gated, {**old, "gate": "x", "gate_rules": "{}"})
    onnx.save(gated, str(tmp_path / "gated.onnx"))
    heads = Heads(tmp_path / "gated.onnx")
    moved = written(heads, random_moves(heads, served, 0.0), tmp_path / "moved.onnx")
    there = {one.key for one in onnx.load(str(moved)).metadata_props}
    assert there == old.keys()
