"""A card's figures: replaced between the marks, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference import model
from ingest.errors import InputError
from tests.training.assessment.rows import row
from training.assessment import kept
from training.assessment.card import BEGIN, END, write_card
from training.assessment.publish import write_beat_card
from training.assessment.spread import seeds_block, spreads


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the shipped models, with cards of a few words, and keep figures beside them."""
    for name in ("qrs", "beat"):
        (tmp_path / f"{name}.onnx").write_bytes(model.builtin(name).read_bytes())
        (tmp_path / f"{name}.md").write_text(f"# Card\n{BEGIN}\nold\n{END}\nbelow\n")
    monkeypatch.setattr(model, "builtin", lambda name: tmp_path / f"{name}.onnx")
    monkeypatch.setattr(kept, "RESULTS", tmp_path)
    return tmp_path


def test_the_figures_of_a_card_are_replaced_and_nothing_else(folder: Path) -> None:
    rows = [row("mitdb, all 48", records=48), row("mitdb DS2")]
    for _ in range(2):
        write_card("qrs", rows, ("qrs",))
    text = (folder / "qrs.md").read_text()
    assert text.startswith(f"# Card\n{BEGIN}\nModel `qrs`")
    assert text.endswith(f"{END}\nbelow\n")
    assert "old" not in text
    assert text.count("| mitdb, all 48 |") == 1
    assert "median error 4.0 ms, 95th percentile 20.0 ms" in text
    assert "Confusion" not in text
    write_card("qrs", rows, ("veb",))
    assert "all 48" not in (folder / "qrs.md").read_text(), "paced records among beat classes"


def test_a_beat_card_gives_reference_peaks_and_the_confusion(folder: Path) -> None:
    ds2 = row("mitdb DS2")
    ds2["reference"] = {key: row("", f1=77.7)[key] for key in ("gross", "average", "interval_f1")}
    write_card("beat", [ds2], ("veb", "sveb"))
    text = (folder / "beat.md").read_text()
    detected, _, at_reference = text.partition("reference R-peaks")
    assert "91.23" in detected
    assert "77.70" in at_reference
    assert "91.23" not in at_reference
    assert "| **N** | 1,000 | 0 | 0 | 0 | 100.0 % |" in at_reference


def test_a_card_without_a_place_for_figures_is_refused(folder: Path) -> None:
    (folder / "qrs.md").write_text("# Card\n")
    with pytest.raises(InputError, match=r"qrs\.md has no place for figures"):
        write_card("qrs", [row("mitdb DS2")], ("qrs",))


def test_seeds_stand_in_the_card_of_the_model_that_they_were_measured_with(folder: Path) -> None:
    digest = kept.model_facts(folder / "beat.onnx")["digest"]
    found = spreads([[row("mitdb DS2", f1=f1)] for f1 in (80.0, 82.0, 90.0)])
    models = [{"digest": digest}, {"digest": "b"}, {"digest": "c"}]
    kept.keep("seeds", {"models": models, "spread": found})
    kept.keep("assess", {"models": {"beat": {"digest": digest}}, "cohorts": [row("mitdb DS2")]})
    write_beat_card()
    assert "| 84.0 (80.0–90.0) |" in (folder / "beat.md").read_text()
    assert not seeds_block("another model")


def test_a_card_is_not_written_from_another_models_figures(folder: Path) -> None:
    kept.keep("assess", {"models": {"beat": {"digest": "other"}}, "cohorts": []})
    with pytest.raises(InputError, match="make assess"):
        write_beat_card()


def test_models_scored_on_different_cohorts_have_no_spread() -> None:
    with pytest.raises(InputError, match="same cohorts"):
        spreads([[row("a")], [row("b")]])


def test_kept_figures_come_back_rounded(tmp_path: Path) -> None:
    kept.keep("x", {"a": [1.23456789], "b": {"c": None}}, tmp_path)
    found = kept.kept("x", tmp_path)
    assert found is not None
    assert found["a"] == [1.2346]
    assert found["b"] == {"c": None}
    assert kept.kept("y", tmp_path) is None
