"""Where the figures of which model go."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference import model
from tests.training.assessment.rows import row
from training.assessment import kept
from training.assessment.card import BEGIN, END
from training.assessment.publish import publish, shipped_beats
from training.assessment.scoring import ModelFiles

ROWS = [row("mitdb, all 48", records=48), row("mitdb DS2")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models with cards of a few words; a second beat model that ships, and one that does not."""
    for name in ("qrs", "beat"):
        (tmp_path / f"{name}.onnx").write_bytes(model.builtin(name).read_bytes())
    for name in ("beat-small", "mine"):
        (tmp_path / f"{name}.onnx").write_bytes((tmp_path / "beat.onnx").read_bytes())
    for name in ("qrs", "beat", "beat-small"):
        (tmp_path / f"{name}.md").write_text(f"{BEGIN}\nold\n{END}\n")
    monkeypatch.setattr(model, "builtin", lambda name: tmp_path / f"{name}.onnx")
    monkeypatch.setattr(model, "builtin_names", lambda: ["beat", "beat-small", "qrs"])
    monkeypatch.setattr(kept, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(kept, "LOG", tmp_path / "EVALUATIONS.md")
    return tmp_path


def written(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.md") if "old" not in path.read_text()}


def test_the_defaults_figures_go_into_both_cards(folder: Path) -> None:
    assert publish(ROWS, ModelFiles(), "because") == "assess"
    assert written(folder) == {"qrs", "beat", "EVALUATIONS"}
    assert "because" in (folder / "EVALUATIONS.md").read_text()


def test_another_shipped_beat_model_has_its_own_card_and_file(folder: Path) -> None:
    assert publish(ROWS, ModelFiles(beat=folder / "beat-small.onnx"), "why") == "assess-beat-small"
    assert written(folder) == {"beat-small", "EVALUATIONS"}
    assert shipped_beats() == ["beat", "beat-small"]


def test_a_model_that_does_not_ship_is_logged_and_kept_under_its_own_name(folder: Path) -> None:
    assert publish(ROWS, ModelFiles(beat=folder / "mine.onnx"), "why") == "assess-mine"
    assert written(folder) == {"EVALUATIONS"}


def test_another_file_of_a_shipped_models_name_does_not_take_its_place(folder: Path) -> None:
    other = folder / "run" / "beat.onnx"
    other.parent.mkdir()
    other.write_bytes((folder / "beat.onnx").read_bytes())
    digest = kept.model_facts(other)["digest"]
    assert publish(ROWS, ModelFiles(beat=other), "why") == f"assess-beat-{digest[:8]}"
    assert written(folder) == {"EVALUATIONS"}
