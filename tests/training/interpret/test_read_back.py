"""A model read back from its export is the model that was exported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.beat_task import BeatTask, recall_record
from training.datasets import LabelledSignal
from training.interpret.read_back import main, read_back

SMALL = {"channels": 12, "embedding": 4, "hidden_v": 4, "hidden_s": 6, "core": "attention"}


def exported(folder: Path, **architecture: object) -> tuple[BeatTask, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    task = BeatTask(tiny_config("beat", architecture=SMALL | architecture), [], [])
    task.model.eval()
    task.write(folder / "model.onnx", "ab" * 32)
    return task, folder / "model.onnx"


def test_it_says_what_the_exported_model_says(
    tmp_path: Path, signals: list[LabelledSignal]
) -> None:
    task, path = exported(tmp_path)
    again = read_back(path, SMALL)
    seen = recall_record(signals[0])
    with torch.no_grad():
        ours, theirs = (m.logits(*seen, m.initial_state(1))[:2] for m in (task.model, again))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)
    assert len({name for name, _ in again.named_parameters()}) == len([*task.model.parameters()])


def test_a_model_of_another_form_is_refused(tmp_path: Path) -> None:
    _, path = exported(tmp_path, core="lstm")
    with pytest.raises(InputError, match="no model with attention"):
        read_back(path, SMALL)
    _, path = exported(tmp_path, hidden_v=8)
    with pytest.raises(InputError, match="of another form"):
        read_back(path, SMALL)
    with pytest.raises(InputError, match="no models of seed 0"):
        main([str(tmp_path), "--out", str(tmp_path / "out")])
