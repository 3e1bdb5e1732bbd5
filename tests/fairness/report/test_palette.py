"""Colours: enough contrast on both grounds, apart for every kind of eye, never alone."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from fairness.report.markers import verdict_marker
from fairness.report.palette import CURVES, DASHES, GROUND, KEYS, PAINTS, SHAPES, TEXTS, contrast
from fairness.report.style import style_sheet
from fairness.result import Verdict

DICHROMACY = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
"""Linear RGB as seen without one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1."""


def declared(ground: str) -> dict[str, str]:
    """Colours as the page's own style sheet has them, light or dark."""
    roots = [r for r in re.findall(r":root \{([^}]*)\}", style_sheet()) if "--ink" in r]
    return dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6});", roots[ground == "dark"]))


def lab(colour: str, eye: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(DICHROMACY[eye]) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    f = np.cbrt(xyz @ seen / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_words_have_a_contrast_of_4_5_on_every_ground_they_stand_on(ground: str) -> None:
    colours = declared(ground)
    for name in (*TEXTS, "c0"):
        for under in ("ground", "stripe"):
            assert contrast(colours[name], colours[under]) >= 4.5, (name, under)
    assert contrast(colours["ink"], colours["band"]) >= 4.5


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_what_is_drawn_has_a_contrast_of_3(ground: str) -> None:
    colours = declared(ground)
    for name in (*CURVES, *KEYS.values(), "axis"):
        assert contrast(colours[name], colours["ground"]) >= 3, name
        assert contrast(colours[name], colours["band"]) >= 3, name


def test_words_written_in_the_style_sheet_itself_have_contrast_in_print() -> None:
    for colour in re.findall(r"[^-]color: (#[0-9a-f]{6});", style_sheet()):
        assert contrast(colour, GROUND.light) >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the known near miss
    assert contrast("#ffffff", "#0000ff") == pytest.approx(8.59, abs=0.005)


@pytest.mark.parametrize("eye", DICHROMACY)
@pytest.mark.parametrize("ground", ["light", "dark"])
def test_pass_and_fail_stay_apart_without_a_kind_of_cone(eye: str, ground: str) -> None:
    colours = declared(ground)
    for first, second in combinations(KEYS.values(), 2):
        apart = np.linalg.norm(lab(colours[first], eye) - lab(colours[second], eye))
        assert apart > 12, (first, second)


def test_no_two_verdicts_and_no_two_curves_share_a_shape() -> None:
    bare = {
        verdict: re.sub(r'(class|fill|stroke)="[^"]*"', "", str(verdict_marker(5, 5, verdict)))
        for verdict in Verdict
    }
    assert len(set(bare.values())) == len(Verdict)
    assert len(set(SHAPES)) == len(set(DASHES)) == len(CURVES)


def test_every_paint_has_a_rule_for_the_dark_screen() -> None:
    for name in PAINTS:
        assert f".f-{name} {{ fill: var(--{name}); }}" in style_sheet()
        assert declared("dark")[name] == PAINTS[name].dark
