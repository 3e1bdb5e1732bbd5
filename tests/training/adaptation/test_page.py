"""The page's table is what the command kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import InputError
from training.adaptation.page import BEGIN, END, PAGE, write_page
from training.assessment import kept


def test_the_page_holds_the_kept_figures(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text("utf-8"), "utf-8")
    write_page(("svdb", "ds1", "ds2"), page)
    assert page.read_text("utf-8") == PAGE.read_text("utf-8")
    found = kept.kept("adaptation-svdb")
    assert found is not None
    f1 = found["rows"][1]["gross"]["sveb"]["f1"]
    assert f"{f1:.2f} [" in page.read_text("utf-8")


def test_a_cohort_that_was_not_run_is_left_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before {BEGIN}old{END} after", "utf-8")
    write_page(("svdb",), page, tmp_path)
    assert "old" not in page.read_text("utf-8")
    assert page.read_text("utf-8").startswith("before ")


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("nothing", "utf-8")
    with pytest.raises(InputError, match="no place for figures"):
        write_page(("svdb",), tmp_path / "page.md")
