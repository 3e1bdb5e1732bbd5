"""The page: in order, whole, readable without eyes or colour, and safe whatever a group's name."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from itertools import pairwise

import pytest

from fairness.errors import AuditError
from fairness.report.page import render_page
from fairness.report.view import headline
from fairness.result import AuditResult, Verdict
from tests.fairness.report.audits import SCENARIOS, draw
from tests.fairness.report.pages import Node, take_apart

EVERY = pytest.mark.parametrize("name", SCENARIOS)


@cache
def result(name: str) -> AuditResult:
    return draw(name)


@cache
def page(name: str) -> str:
    return render_page(result(name))


@cache
def tree(name: str) -> Node:
    return take_apart(page(name))


@EVERY
def test_the_verdict_stands_before_anything_else_in_words_and_with_a_mark(name: str) -> None:
    headings = tree(name).every("h1", "h2")
    assert headings[0].text == result(name).title.replace("\n", " ")
    assert headings[1].text == f"Verdict {result(name).verdict.capitalize()}"
    (marked,) = [s for s in headings[1].every("span") if "v" in s.attributes["class"].split()]
    assert f"v-{marked.attributes['class'].split('v-')[1]}::before {{ content: url(" in page(name)
    assert headline(result(name).verdict) in tree(name).text


@EVERY
def test_reasons_are_given_in_the_order_of_the_audit(name: str) -> None:
    (reasons,) = [n for n in tree(name).every("ul") if n.attributes.get("class") == "reasons"]
    assert [li.text for li in reasons.every("li")] == [
        " ".join(reason.split()) for reason in result(name).reasons
    ]


@EVERY
def test_headings_descend_one_level_at_a_time(name: str) -> None:
    levels = [int(n.tag[1]) for n in tree(name).every("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@EVERY
def test_ids_are_unique_and_everything_that_points_to_one_finds_it(name: str) -> None:
    nodes = list(tree(name).walk())
    ids = [n.attributes["id"] for n in nodes if "id" in n.attributes]
    assert len(ids) == len(set(ids))
    for node in nodes:
        for wanted in node.attributes.get("aria-labelledby", "").split():
            assert wanted in ids
        if node.tag == "a":
            assert node.attributes["href"].removeprefix("#") in ids


@EVERY
def test_every_picture_has_a_name_and_its_numbers_in_words(name: str) -> None:
    pictures = tree(name).every("svg")
    assert pictures
    for picture in pictures:
        assert picture.attributes["role"] == "img"
        title, described = picture.children[:2]
        assert (title.tag, described.tag) == ("title", "desc")
        assert title.text
        assert re.search(r"\d", described.text)
        assert picture.attributes["aria-labelledby"].split() == [
            title.attributes["id"],
            described.attributes["id"],
        ]


@EVERY
def test_every_table_has_a_caption_and_heads_that_say_what_they_head(name: str) -> None:
    tables = tree(name).every("table")
    assert len(tables) >= 6
    for table in tables:
        assert table.children[0].tag == "caption"
        assert table.children[0].text
        width = len(table.every("thead")[0].every("th"))
        for head in table.every("th"):
            assert head.attributes["scope"] in {"col", "row", "rowgroup"}
        for row in table.every("tr"):
            cells = row.every("th", "td")
            assert sum(int(c.attributes.get("colspan", "1")) for c in cells) == width
            assert cells[0].tag == "th"


@EVERY
def test_nothing_is_fetched_and_nothing_runs(name: str) -> None:
    nodes = list(tree(name).walk())
    assert not {n.tag for n in nodes} & {"script", "link", "iframe", "img", "object", "base"}
    assert not [key for n in nodes for key in n.attributes if key.startswith("on")]
    outside = re.sub(r'xmlns=("|%22)http://www\.w3\.org/2000/svg("|%22)', "", page(name))
    outside = outside.replace("http%3A//www.w3.org/2000/svg", "")
    assert "http:" not in outside.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "https:" not in outside
    assert "@import" not in outside
    assert all(url.startswith('url("data:') for url in re.findall(r"url\([^)]{0,6}", outside))


@EVERY
def test_no_figure_is_shown_that_is_none(name: str) -> None:
    words = tree(name).text
    assert not re.search(r"\b(nan|inf|None|null|undefined)\b", words)
    for node in tree(name).every("svg"):
        for shape in node.walk():
            assert not re.search(r"nan|inf", " ".join(shape.attributes.values()))


@EVERY
def test_every_group_stands_in_the_cohort_with_its_patients(name: str) -> None:
    (table,) = [n for n in tree(name).every("table") if n.attributes["id"] == "cohort-table"]
    rows = [[c.text for c in row.every("th", "td")] for row in table.every("tr")]
    for row in result(name).cohort:
        group = "all" if row.group == "overall" else " ".join(row.group.split())
        assert any(cells[0] == group and cells[1].startswith(f"{row.patients:,} (")
                   for cells in rows)  # fmt: skip


@EVERY
def test_every_comparison_has_its_verdict_in_words(name: str) -> None:
    shown = [
        row.every("th", "td")
        for table in tree(name).every("table")
        if table.attributes["id"] in ("declared-table", "explored-table")
        for row in table.every("tr")
    ]
    verdicts = [cells[6].every("span")[0].text for cells in shown if len(cells) > 1
                and cells[6].tag == "td"]  # fmt: skip
    assert sorted(verdicts) == sorted(str(c.verdict) for c in result(name).comparisons)


def test_what_cannot_be_estimated_says_so() -> None:
    assert "Sensitivity (Se), VF" in tree("empty").text
    words = tree("empty").text
    assert "not estimable" in words
    assert "female" in words
    assert "0 of 0" not in words


def test_groups_without_enough_patients_are_told_among_what_cannot_be_said() -> None:
    (limits,) = [n for n in tree("few").every("section") if n.attributes.get("id") == "limits"]
    for group, patients in (("<40", 9), ("40–59", 12), (">=80", 5)):
        said = f"age, {group} ({patients} patients): too little to judge, in every metric"
        assert said in limits.text
    assert "age, unknown (2 patients): counted, compared with nobody, in every" in limits.text
    unsettled = [s for s in limits.every("li") if s.text.startswith("sex, female (22 patients)")]
    metrics = "Positive predictivity (+P), VEB; Positive predictivity (+P), SVEB"
    assert [s.text.partition(": ")[2] for s in unsettled] == [
        f"neither equality nor a difference is shown, in {metrics}."
    ]


def test_hostile_names_are_words_and_nothing_else() -> None:
    assert "<script" not in page("hostile")
    assert "</svg></style>" not in page("hostile")
    assert page("hostile").count("<style>") == 1
    assert "<script>alert(1)</script>" in tree("hostile").text


def test_twelve_groups_of_several_conditions_all_stand_in_their_plots() -> None:
    for picture in tree("twelve").every("svg"):
        if picture.attributes["id"].startswith("f-"):
            words = picture.text
            assert all(f"hospital {i}" in words for i in range(1, 13))


def test_a_long_name_is_cut_in_a_plot_and_whole_in_its_table() -> None:
    plots = [n for n in tree("fail").every("svg") if n.attributes["id"].startswith("f-")]
    assert any("…" in t.text for n in plots for t in n.every("text"))
    long = "history of myocardial infarction with reduced ejection fraction, two leads only"
    assert any(long in n.text for n in tree("fail").every("th"))


def test_it_is_the_same_page_each_time() -> None:
    assert render_page(draw("few")) == page("few")


def test_an_audit_without_anything_declared_to_count_is_still_a_page() -> None:
    bare = dataclasses.replace(
        result("pass"), comparisons=(), gaps=(), reasons=(), verdict=Verdict.INSUFFICIENT
    )
    words = take_apart(render_page(bare)).text
    assert "Nothing was declared to count" in words
    assert "of 0 comparisons" in words


def test_a_metric_or_declaration_that_is_not_known_is_an_error() -> None:
    first = dataclasses.replace(result("pass").metrics[0], metric="luck")
    with pytest.raises(AuditError, match=r"metric 'luck': none of sensitivity"):
        render_page(dataclasses.replace(result("pass"), metrics=(first,)))
    with pytest.raises(AuditError, match="declaration cannot be read"):
        render_page(dataclasses.replace(result("pass"), declaration={"title": "x"}))
