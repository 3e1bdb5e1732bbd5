"""Pictures: every mark stands where its figure says, and a doubtful one looks doubtful."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

import pytest

from fairness.report.badge import badge
from fairness.report.chance import chance_picture, told_gaps
from fairness.report.curves import calibration_picture, delay_picture
from fairness.report.forest import forest
from fairness.report.numerals import Style
from fairness.report.palette import PAINTS, contrast
from fairness.report.panels import Panel, panels_of
from fairness.result import AuditResult, Comparison, Estimate, Verdict
from tests.fairness.report.audits import draw

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def audit() -> AuditResult:
    return draw("few")


def drawn(markup: object) -> ET.Element:
    return ET.fromstring(str(markup))  # noqa: S314 - our own picture


def shapes(picture: ET.Element, tag: str, painted: str) -> list[ET.Element]:
    return [e for e in picture.iter(f"{SVG}{tag}") if painted in e.get("class", "").split()]


def with_difference(panel: Panel, difference: Estimate, verdict: Verdict) -> Panel:
    """Return a panel of one group with this difference, beside a margin of 0.05."""
    row = panel.rows[0]
    assert isinstance(row.comparison, Comparison)
    compared = dataclasses.replace(
        row.comparison, difference=difference, verdict=verdict, margin=0.05
    )
    return panel.with_rows([dataclasses.replace(row, comparison=compared)])


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("difference", [-0.06, -0.01, 0.0, 0.025, 0.05])
def test_a_difference_stands_beside_the_margin_in_proportion(
    audit: AuditResult, difference: float, narrow: bool
) -> None:
    panel = with_difference(
        panels_of(audit)[0], Estimate(difference, difference - 0.01, difference + 0.01),
        Verdict.PASS,
    )  # fmt: skip
    picture = drawn(forest(panel, "p", narrow=narrow))
    (band,) = shapes(picture, "rect", "f-band")
    (disc,) = shapes(picture, "circle", "f-pass")
    left, width = float(band.get("x", "")), float(band.get("width", ""))
    place = (float(disc.get("cx", "")) - left) / width  # 0 at -margin, 1 at +margin
    assert place == pytest.approx((difference + 0.05) / 0.1, abs=0.001)


def test_verdicts_differ_in_shape_and_only_doubt_is_hollow(audit: AuditResult) -> None:
    for verdict, tag, painted in (
        (Verdict.PASS, "circle", "f-pass"),
        (Verdict.FAIL, "path", "f-fail"),
        (Verdict.INSUFFICIENT, "circle", "f-ground"),
    ):
        panel = with_difference(panels_of(audit)[0], Estimate(0.0, -0.1, 0.1), verdict)
        assert len(shapes(drawn(forest(panel, "p")), tag, painted)) == 1
        others = {"f-pass", "f-fail", "f-ground"} - {painted}
        picture = drawn(forest(panel, "p"))
        assert not [e for o in others for t in ("circle", "path") for e in shapes(picture, t, o)]


def test_an_interval_beyond_the_plot_ends_in_an_arrow(audit: AuditResult) -> None:
    def arrows(high: float) -> int:
        panel = with_difference(
            panels_of(audit)[0], Estimate(0.0, -0.01, high), Verdict.INSUFFICIENT
        )
        return len(shapes(drawn(forest(panel, "p")), "path", "s-ink"))

    assert arrows(0.04) == 0
    assert arrows(9.0) == 1
    assert arrows(float("nan")) == 1  # an open end has no end to show


def test_groups_too_small_to_judge_are_hollow_and_named(audit: AuditResult) -> None:
    panel = panels_of(audit)[0]
    small = [r for r in panel.rows if r.metric.shortfall]
    picture = drawn(forest(panel, "p"))
    rings = [e for e in shapes(picture, "circle", "s-muted") if "f-ground" in e.get("class", "")]
    assert len(rings) == len(small) == 5
    words = " ".join(picture.itertext())
    assert all(row.metric.group in words for row in small)
    assert words.count("too little to judge") == 4
    assert "not known, never compared" in words


def test_a_picture_tells_every_group_with_its_patients_figures_and_verdict() -> None:
    panel = panels_of(draw("fail"))[0]
    told = drawn(forest(panel, "p")).findtext(f"{SVG}desc") or ""
    for row in panel.rows:
        name = f"{row.metric.attribute}, {row.metric.group}, {row.metric.patients} patients: "
        assert name + panel.style.interval(row.metric.estimate) in told
    assert told.count(": fail.") == 1
    assert "Margin ±5 points." in told


def test_nothing_is_drawn_outside_its_picture(audit: AuditResult) -> None:
    panels = panels_of(draw("fail"))
    pictures = [forest(p, "p", narrow=n) for p in panels for n in (False, True)]
    pictures += [
        calibration_picture(audit.calibration[:4], "c"),
        delay_picture(draw("twelve").delays[:6], "d"),
    ]
    for picture in map(drawn, pictures):
        width, height = (float(v) for v in picture.get("viewBox", "").split()[2:])
        for shape in picture.iter():
            for key in ("x", "x1", "x2", "cx"):
                assert -0.5 <= float(shape.get(key, 0)) <= width + 0.5
            for key in ("y", "y1", "y2", "cy"):
                assert -0.5 <= float(shape.get(key, 0)) <= height + 0.5


def test_gaps_stand_as_multiples_of_what_chance_stays_below() -> None:
    gaps = told_gaps(draw("few").gaps)
    assert gaps
    styles = [Style("share", 1)] * len(gaps)
    picture = drawn(chance_picture(gaps, styles, "g"))
    bars, marks = shapes(picture, "rect", "f-band"), shapes(picture, "circle", "f-ink")
    for gap, bar, mark in zip(gaps, bars, marks, strict=True):
        share = (float(mark.get("cx", "")) - float(bar.get("x", ""))) / float(bar.get("width", ""))
        assert share == pytest.approx(gap.largest / gap.null_high, abs=0.002)


def test_a_gap_without_two_groups_is_not_drawn() -> None:
    assert told_gaps(draw("empty").gaps) == []


@pytest.mark.parametrize("verdict", Verdict)
def test_a_badge_says_its_verdict_in_words_that_can_be_read(verdict: Verdict) -> None:
    picture = drawn(badge(verdict))
    assert [t.text for t in picture.iter(f"{SVG}text")] == ["bias audit", str(verdict)]
    assert picture.get("aria-label") == f"Bias audit: {verdict}"
    grounds = [e.get("fill") for e in picture if e.tag != f"{SVG}text" and e.get("fill") != "none"]
    assert len(grounds) == 3  # the title has none
    assert all(contrast("#ffffff", ground) >= 4.5 for ground in grounds if ground)
    assert PAINTS["pass"].light in badge(Verdict.PASS)
