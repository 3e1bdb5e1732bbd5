"""The page of goals is made of kept figures, and of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.errors import InputError
from tests.training.assessment.rows import row
from training.assessment import kept
from training.results_page import BEGIN, END, GOALS, UNKNOWN, results_table, write_results


def keyed(key: str, f1: float) -> dict[str, Any]:
    at_reference = {k: row("", f1=f1 + 1)[k] for k in ("gross", "average", "interval_f1")}
    return {**row(key, f1=f1), "reference": at_reference}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys = {"all": 99.9, "ds2": 80.0, "ds2-no232": 50.0, "svdb": 70.0}
    kept.keep("assess", {"cohorts": [keyed(key, f1) for key, f1 in keys.items()]}, tmp_path)
    adapted = [{**row("ds2", f1=f1), "adapted": f1 > 60} for f1 in (60.0, 88.8)]
    kept.keep("adaptation-ds2", {"rows": adapted}, tmp_path)
    return tmp_path


def cell(table: str, what: str) -> str:
    line = next(line for line in table.splitlines() if line.startswith(f"| {what}"))
    return line.split("|")[4].strip()


def test_each_figure_stands_in_its_row(folder: Path) -> None:
    table = results_table(folder)
    assert cell(table, "QRS, all 48") == "90.50 / 92.00"
    assert cell(table, "VEB F1, DS1") == "80.0 (reference peaks 81.0)"
    assert cell(table, "SVEB F1, the same") == "80.0 / 50.0 (reference peaks 81.0 / 51.0)"
    assert cell(table, "svdb, SVEB") == "70.0 / 70.0"
    assert cell(table, "DS2 adapted") == "88.8 / 88.8"


def test_what_was_not_measured_is_said(folder: Path, tmp_path: Path) -> None:
    assert cell(results_table(folder), "noise added") == UNKNOWN
    empty = tmp_path / "empty"
    assert results_table(empty).count(UNKNOWN) == len(GOALS)


def test_the_rest_of_a_page_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    for _ in range(2):
        write_results(page, folder)
    text = page.read_text()
    assert text.startswith(f"above\n{BEGIN}\n| what |")
    assert text.endswith(f"{END}\nbelow\n")
    assert "old" not in text
    page.write_text("no marks")
    with pytest.raises(InputError, match="no place for results"):
        write_results(page, folder)
