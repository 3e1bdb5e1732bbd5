"""The Challenge's scores become a page that says what was scored, and what was judged wrongly."""

from __future__ import annotations

import json

import pytest

from ingest.errors import InputError
from training.alarm_scoring import Case, challenge_to_dict, score_types
from training.alarm_scoring.page import main, page

CASES = [Case("a1", "Asystole", True), Case("a2", "Asystole", False)]


def scores(*said: bool) -> dict:
    """One system's scores, as ``vigil evaluate --json`` prints them."""
    verdicts = {"vigil": {case.record: value for case, value in zip(CASES, said, strict=True)}}
    systems = {"vigil": score_types(CASES, verdicts["vigil"], resamples=20)}
    return challenge_to_dict(systems, CASES, verdicts)


def test_counts_and_score_stand_in_the_table(tmp_path):
    (tmp_path / "scores.json").write_text(json.dumps(scores(False, True)))
    main([str(tmp_path / "scores.json"), "--out", str(tmp_path / "page.md")])
    told = (tmp_path / "page.md").read_text()

    assert "| Asystole | 0 | 1 | 1 | 0 | 0.0 |" in told
    assert "- a1, asystole: true alarm missed" in told
    assert "- a2, asystole: false alarm let through" in told


def test_what_was_judged_rightly_is_not_listed():
    assert "- a" not in page(scores(True, False))


def test_what_is_no_score_is_refused():
    with pytest.raises(InputError, match="no score of the Challenge"):
        page({"conditions": []})
