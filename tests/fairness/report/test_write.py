"""The folder of a report: every file, each of them right for who reads it."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
import sys
import zlib
from pathlib import Path

import pytest

from fairness.errors import AuditError
from fairness.report.card import model_card
from fairness.report.csv_files import csv_tables
from fairness.report.document import load_result
from fairness.report.page import render_page
from fairness.report.pdf import write_pdf
from fairness.report.write import write_report
from fairness.result import AuditResult, Estimate
from tests.fairness.report.audits import SCENARIOS, draw

weasyprint = pytest.importorskip("weasyprint")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "new" / "audit"
    write_report(draw("empty"), folder)
    return folder


@pytest.fixture(scope="module")
def printed() -> tuple[AuditResult, list[object]]:
    """The pages of an audit as WeasyPrint lays them out."""
    result = draw("pass")
    document = weasyprint.HTML(string=render_page(result, paged=True)).render()
    return result, [page._page_box for page in document.pages]


def unpacked(content: bytes) -> bytes:
    """Return a PDF with its packed streams unpacked behind it."""
    packed = re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL)
    return content + b"".join(zlib.decompress(p) for p in packed if p[:1] == b"x")


def boxes(box: object) -> list[object]:
    return [box, *(b for child in getattr(box, "children", ()) for b in boxes(child))]


def test_it_names_what_it_wrote(folder: Path) -> None:
    written = write_report(draw("empty"), folder, pdf=False)
    assert [path.name for path in written] == [
        "report.html", "audit.json", "cohort.csv", "metrics.csv", "comparisons.csv", "gaps.csv",
        "parity.csv", "badge.svg", "model_card.md",
    ]  # fmt: skip
    assert {path.name for path in folder.iterdir()} == {
        *(path.name for path in written), "report.pdf",
    }  # fmt: skip


def test_the_same_report_can_be_made_again_from_its_json(folder: Path, tmp_path: Path) -> None:
    for path in write_report(load_result(folder / "audit.json"), tmp_path, pdf=False):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_the_pdf_is_tagged_titled_and_the_same_each_time(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = (folder / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-1.7")
    held = unpacked(content)
    for sign in (b"/StructTreeRoot", b"/Marked true", b"pdfuaid:part", b"/Lang (en)"):
        assert sign in held
    assert b"Bias audit: Cells without anybody" in held
    assert held.count(b"/S /Figure") == len(re.findall(rb"/Alt [(<]", held)) > 0
    write_pdf(draw("empty"), tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == content
    assert caplog.messages == []  # the printer found nothing to complain of


def test_the_first_page_says_the_verdict_and_every_page_its_number(printed) -> None:
    result, pages = printed
    words = [" ".join(getattr(b, "text", "") for b in boxes(page)) for page in pages]
    assert f"Verdict {result.verdict.capitalize()}" in " ".join(words[0].split())
    for number, text in enumerate(words, start=1):
        assert f"{number} of {len(pages)}" in text
    assert all(f"Bias audit: {result.title}" in text for text in words[1:])


def bloated(result: AuditResult) -> AuditResult:
    """Return the audit with figures as wide as any may become."""
    wide = Estimate(-1234.5, -14990.1, 17654.3)
    return dataclasses.replace(
        result,
        comparisons=tuple(
            dataclasses.replace(c, difference=wide, adjusted=wide, patients_needed=-1)
            for c in result.comparisons
        ),
        metrics=tuple(
            dataclasses.replace(m, metric="false_alarms_per_h", numerator=1e6, denominator=1e7,
                                estimate=wide, pooled=wide, mean_over_patients=-12345.6)
            for m in result.metrics
        ),
        gaps=(),
    )  # fmt: skip


def test_no_picture_and_no_row_is_cut_by_the_end_of_a_page(printed) -> None:
    _, pages = printed
    html = render_page(bloated(draw("empty")), paged=True)
    more = [page._page_box for page in weasyprint.HTML(string=html).render().pages]
    told = 0
    for page in [*pages, *more]:
        bottom = page.content_box_y() + page.height
        for box in boxes(page):
            if type(box).__name__ in ("BlockReplacedBox", "TableRowBox"):
                told += 1
                assert box.position_y + box.height <= bottom + 1
                assert box.position_x + box.width <= page.content_box_x() + page.width + 1
    assert told > 20


def test_pictures_in_a_pdf_are_told_in_full() -> None:
    page = render_page(draw("pass"), paged=True)
    assert "<desc" not in page
    told = re.findall(r"<title id=\"f-[^>]*>([^<]*)</title>", page)
    assert len(told) == 2  # and none for phones
    assert all("female, 290 patients" in title for title in told)


@pytest.mark.parametrize("missing", ["OSError(\"cannot load library 'libpango-1.0-0'\")",
                                     "ImportError('no module named pydyf')"])  # fmt: skip
def test_without_pango_it_says_what_to_install_or_leave_out(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "weasyprint.py").write_text(f"raise {missing}")
    monkeypatch.delitem(sys.modules, "weasyprint")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AuditError, match=r"Pango .*libpango-1.0-0.*--no-pdf: .*(lib|module)"):
        write_report(draw("empty"), tmp_path / "report")
    assert (tmp_path / "report" / "report.html").exists()
    assert not (tmp_path / "report" / "report.pdf").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(AuditError, match=r"report .*taken"):
        write_report(draw("empty"), tmp_path / "taken", pdf=False)


@pytest.mark.parametrize("name", SCENARIOS)
def test_csv_files_hold_every_record_with_all_digits(name: str) -> None:
    result = draw(name)
    tables = {k: list(csv.DictReader(v.splitlines(keepends=True))) for k, v in
              csv_tables(result).items()}  # fmt: skip
    assert len(tables["cohort.csv"]) == len(result.cohort)
    for row, metric in zip(tables["metrics.csv"], result.metrics, strict=True):
        assert row["group"] == metric.group
        told = metric.estimate.value
        assert row["estimate"] == "" if math.isnan(told) else float(row["estimate"]) == told
    for row, one in zip(tables["comparisons.csv"], result.comparisons, strict=True):
        assert (row["verdict"], row["primary"]) == (str(one.verdict), str(one.primary))
        assert float(row["margin"]) == one.margin
    bins = sum(len(curve.bins) for curve in result.calibration)
    assert len(tables.get("calibration.csv", [])) == bins
    assert len(tables.get("delays.csv", [])) == sum(len(c.quantiles) for c in result.delays)
    assert "nan" not in "".join(csv_tables(result).values())


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_section_of_a_model_card_has_the_verdict_and_every_declared_group(name: str) -> None:
    result = draw(name)
    card = model_card(result)
    assert card.startswith("## Bias audit: ")
    assert f"**Verdict: {result.verdict}.**" in card
    assert not re.search(r"\b(nan|None|inf)\b", card)
    rows = [line for line in card.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 6 for line in rows)
    declared = {(c.metric, c.condition, c.attribute) for c in result.comparisons if c.primary}
    told = [line for line in rows if " patients | figure" not in line and "| all " not in line]
    assert len(told) == sum((m.metric, m.condition, m.attribute) in declared
                            for m in result.metrics)  # fmt: skip


def test_a_card_gives_the_weightiest_sentences_and_counts_the_rest() -> None:
    many = tuple(f"sentence {i}" for i in range(40))
    result = dataclasses.replace(draw("pass"), reasons=many, limits=many)
    card = model_card(result)
    assert card.count("- sentence ") == 6 + 10 - 2  # two on unknown groups stand before
    assert "- 32 more limits stand in `audit.json`." in card


def test_a_hostile_name_cannot_break_out_of_the_card() -> None:
    card = model_card(draw("hostile"))
    assert not re.search(r"(?<!\\)<", card)
    assert 'a"b\\|c \\`d\\`' in card
