"""Several seeds from the command line: ours first, looks with a reason only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inference import model
from ingest.errors import InputError
from tests.training.assessment.rows import row
from training import assess_seeds
from training.assessment import kept


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two more models, and figures made up: 80 for the first that is scored, then 2 more each."""
    monkeypatch.setattr(kept, "RESULTS", tmp_path / "results")
    scored: list[Path] = []

    def score_model(data: Path, beat: Path, why: str | None) -> list[dict[str, Any]]:
        scored.append(beat)
        return [row("mitdb DS2" if why else "svdb", f1=78.0 + 2 * len(scored))]

    monkeypatch.setattr(assess_seeds, "score_model", score_model)
    monkeypatch.setattr(kept, "model_facts", lambda path: {"name": "beat", "digest": str(path)})
    return [tmp_path / "one.onnx", tmp_path / "two.onnx"]


def test_the_spread_is_over_the_shipped_model_and_the_others(
    seeds: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cards: list[str] = []
    monkeypatch.setattr(assess_seeds, "write_beat_card", lambda: cards.append("beat"))
    assess_seeds.main(["--beat", *map(str, seeds), "--why", "because"])
    assert "| mitdb DS2 | " in capsys.readouterr().out
    found = kept.kept("seeds")
    assert found is not None
    assert found["spread"][0]["veb"]["f1"] == {"mean": 82.0, "min": 80.0, "max": 84.0}
    files = [model.builtin("beat"), *seeds]
    assert [one["digest"] for one in found["models"]] == [str(file) for file in files]
    assert cards == ["beat"]


def test_without_a_reason_nothing_is_kept(seeds: list[Path], tmp_path: Path) -> None:
    assess_seeds.main(["--beat", *map(str, seeds)])
    assert not list(tmp_path.iterdir())


def test_a_model_named_twice_is_refused(seeds: list[Path]) -> None:
    with pytest.raises(InputError, match="the same model is named twice"):
        assess_seeds.main(["--beat", str(seeds[0]), str(seeds[0])])
