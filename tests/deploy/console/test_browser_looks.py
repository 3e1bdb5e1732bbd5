"""How the page looks in real Chromium: to whom it is readable, and that it grows no larger."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.console.reports import Reports
from tests.deploy.console.browsers import AXE, IN_CHROMIUM, SweepingWard, tile, until
from tests.deploy.console.consoles import alarm
from tests.deploy.console.test_reports import write_reports

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = IN_CHROMIUM


def arcminutes(px: float, inches: float, metres: float) -> float:
    """Angle of a letter on a display of 1920 pixels and 16 to 9, seen from afar."""
    wide_m = 0.0254 * inches * 16 / math.hypot(16, 9)
    return 60 * math.degrees(math.atan(px * wide_m / 1920 / metres))


def test_a_wall_of_sixteen_is_readable_from_three_metres(
    page: Page, sweeping: SweepingWard
) -> None:
    # ISO 9241-303 wants capitals of 16 arcminutes at least, 20 to 22 where it should be easy.
    page.set_viewport_size({"width": 1920, "height": 1080})
    long = ("ventricular_fibrillation", "ventricular_tachycardia", "extreme_bradycardia")
    for bed, condition in zip(("p01", "p02", "p04"), long, strict=True):
        sweeping.raise_alarm(alarm(bed, condition, sample=20))
        page.wait_for_selector(tile(bed, ".high.on"))
    until(page, "() => document.querySelector('.sweep').width > 1900")
    high = page.evaluate(
        """(selectors) => selectors.map((selector) => {
          const place = document.querySelector(selector);
          const ctx = new OffscreenCanvas(1, 1).getContext("2d");
          const { fontWeight, fontSize, fontFamily } = getComputedStyle(place);
          ctx.font = `${fontWeight} ${fontSize} ${fontFamily}`;
          return ctx.measureText("H").actualBoundingBoxAscent;
        })""",
        [tile("p01", f" {place}") for place in (".rate", ".band .name", ".bed")],
    )
    rate, name, bed = (arcminutes(px, 55, 3.0) for px in high)
    assert rate > 30
    assert name > 16
    assert bed > 16
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".tile .band .name")]
          .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)"""
    )
    assert cut == [], "names that have no room"
    for ill, condition in zip(("p01", "p02", "p04"), long, strict=True):
        page.click(tile(ill, " .ack"))
        page.wait_for_selector(tile(ill, ".acknowledged"))
        sweeping.raise_alarm(alarm(ill, condition, "ended", sample=20))


def test_alarms_that_are_over_take_no_room_in_the_page(page: Page, sweeping: SweepingWard) -> None:
    def kept() -> int:
        """Values that the page keeps of patients, without their waveforms and beats."""
        told: int = page.evaluate(
            """async () => {
              const { store } = await import("/page/store.js"), seen = new Set();
              const count = (value) => {
                if (value === null || typeof value !== "object" || seen.has(value)) return 1;
                seen.add(value);
                const inside = value instanceof Map || value instanceof Set
                  ? [...value.values()] : Object.values(value);
                return inside.reduce((sum, each) => sum + count(each), 1);
              };
              const { patients, byIndex, ...rest } = store, bare = [...patients.values()];
              return count({ rest, bare: bare.map(({ trace, beats, ...known }) => known) });
            }"""
        )
        return told

    def come_and_go(n: int) -> None:
        for i in range(n):
            sweeping.raise_alarm(
                alarm("p10", "tachycardia", sample=7000 + i),
                alarm("p10", "tachycardia", "ended", sample=7000 + i),
            )
        sweeping.raise_alarm(alarm("p10", "asystole", sample=9999))
        page.wait_for_selector(tile("p10", ".high.on"))
        sweeping.raise_alarm(alarm("p10", "asystole", "ended", sample=9999))
        page.click(tile("p10", " .ack"))
        page.wait_for_selector(tile("p10", ":not(.high)"))

    come_and_go(1)
    before = kept()
    come_and_go(30)
    assert kept() <= before + 30, (before, "30 alarms of some 20 values came")
    page.click(tile("p10", " .open"))
    until(page, "() => document.querySelectorAll('.events .event').length === 60")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_no_serious_issue(
    page: Page, sweeping: SweepingWard, theme: str, tmp_path: Path
) -> None:
    sweeping.ward.console.reports = Reports(write_reports(tmp_path))
    if not AXE.exists():
        pytest.skip("no axe-core: make test fetches it by npm")
    sweeping.raise_alarm(alarm("p14", "tachycardia", sample=14))
    page.wait_for_selector(tile("p14", ".medium"))
    page.evaluate("(theme) => import('/page/style.js').then((m) => m.setTheme(theme))", theme)
    page.emulate_media(reduced_motion="reduce")
    source = AXE.read_text("utf-8")
    for place, shown in (
        ("#/wall", ".tile"),
        ("#/patient/p14", ".event"),
        ("f", "dialog .reasons"),
        ("l", "dialog input[name=tachycardia_bpm]"),
        ("?", "dialog kbd"),
        ("#/alarms", "td"),
        ("#/feedback", "h1"),
        ("#/system", ".figure"),
        ("#/dead-letters", "h1"),
        ("#/audits", "h1"),
        ("#/drift", '.verdict.bad:text("drift")'),
        ("#/models", '.verdict.bad:text("stopped by noise")'),
        ("#/log", "td"),
    ):
        page.evaluate("() => document.querySelector('dialog')?.close()")
        page.wait_for_selector("dialog", state="detached")
        if place.startswith("#"):
            page.evaluate("(to) => { location.hash = to; }", place)
        else:
            page.keyboard.press(place)
        page.wait_for_selector(shown)
        page.evaluate(source)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        bad = [
            (v["id"], [n["html"][:160] for n in v["nodes"]][:3])
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert not bad, (place, theme, bad)
    sweeping.raise_alarm(alarm("p14", "tachycardia", "ended", sample=14))
