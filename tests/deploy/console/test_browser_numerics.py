"""Numerics in real Chromium: values, colours of alarms, dashes, and one tile for one bed."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest

from inference.alarm_json import canonical
from ingest.frames import Frame, Lead
from tests.deploy.console.browsers import IN_CHROMIUM, SweepingWard, pulse, tile, until
from tests.deploy.console.consoles import LEADS, alarm, numerics

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from deploy.console.hub import Hub

pytestmark = IN_CHROMIUM


def rate(name: str, text: str) -> str:
    """Say in JavaScript that a tile shows this heart rate."""
    return f"() => document.querySelector('[data-id={name}] .rate').textContent === '{text}'"


def send_until(page: Page, hub: Hub, stream: str, condition: str) -> None:
    """Send a second of numerics after the other until the page shows them: old ones are dashes."""
    from playwright.sync_api import TimeoutError as NotYet

    for second in range(90):
        hub.see([numerics(stream, second)])
        with suppress(NotYet):
            page.wait_for_function(condition, timeout=1000)
            return
    shown = page.evaluate("() => document.querySelector('main').innerText")
    pytest.fail(f"never so: {condition}\nthe page shows: {shown}")


@pytest.mark.parametrize(
    ("bed", "condition"), [("p13", "ventricular_fibrillation"), ("p14", "asystole")]
)
def test_dashes_stand_for_the_heart_rate_while_nothing_pumps(
    page: Page, sweeping: SweepingWard, bed: str, condition: str
) -> None:
    until(page, rate(bed, "75"))
    sweeping.raise_alarm(alarm(bed, condition, sample=30))
    until(page, rate(bed, "---"))
    page.click(tile(bed, " .ack"))
    page.wait_for_selector(tile(bed, ".acknowledged"))
    until(page, rate(bed, "---"))
    page.click(tile(bed, " .open"))
    until(page, "() => document.querySelector('.big-rate')?.textContent === '---'")
    sweeping.raise_alarm(alarm(bed, condition, "ended", sample=30))
    until(page, "() => document.querySelector('.big-rate').textContent === '75'")


def test_numerics_stand_on_the_tile_of_their_ecg_in_the_colour_of_their_alarm(
    page: Page, sweeping: SweepingWard
) -> None:
    hub = sweeping.ward.hub
    page.fill("input.search", "p15")  # alone there is room for all, whoever else is there
    send_until(
        page,
        hub,
        "p15-n",
        """() => [...document.querySelectorAll("[data-id=p15] .numbers li")]
          .map((row) => row.innerText.replace(/\\s+/g, " ")).join("; ")
          .startsWith("SpO₂ 97; RR 16; ABP 121/79")""",
    )
    assert page.locator(tile("p15-n")).count() == 0, "one bed is one tile"
    told = json.loads(alarm("p15-n", "unusual_numerics", sample=3))
    strange = {"channel": "SpO2", "why": "error", "rarity": 3.0, "value": 97.0, "limit": 2.8}
    told["anomaly"] = {**strange, "forecast": [88.0, 89.0, 90.0]}
    sweeping.raise_alarm(canonical(told))
    page.wait_for_selector(tile("p15", ".low"))
    page.wait_for_selector(tile("p15", " .numbers li.low >> text=SpO₂"))
    assert page.locator(tile("p15", " .numbers li.low")).count() == 1
    page.click(tile("p15", " .open"))
    page.wait_for_selector('.side .numbers li.low:has-text("SpO₂ %")')
    page.wait_for_selector('.signals .band.low:has-text("Unusual numerics")')
    page.wait_for_selector(".trends canvas.numeric[aria-label^='Trend of SpO₂']")
    page.keyboard.press("f")
    page.wait_for_selector("dialog[open] .strip canvas")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.wait_for_selector(".signals .band.acknowledged")
    assert hub.patients["p15-n"].board.lines["unusual_numerics"].phase == "acknowledged"
    sweeping.raise_alarm(canonical({**told, "state": "ended"}))
    page.wait_for_selector(".signals .band", state="detached")
    unknown = "() => document.querySelector('.side .numbers li b').textContent === '---'"
    until(page, unknown)  # nothing was heard for a while
    assert (
        page.evaluate(
            """async () => {
          const { store } = await import("/page/store.js");
          return store.patients.get("p15-n").strange.size;
        }"""
        )
        == 0
    )


def test_numerics_without_an_ecg_have_a_tile_that_is_not_silent(
    page: Page, sweeping: SweepingWard
) -> None:
    alone = tile("alone")
    sweeping.ward.hub.see([numerics("alone", 0)])
    page.wait_for_selector(alone)
    send_until(page, sweeping.ward.hub, "alone", rate("alone", "75"))
    page.wait_for_selector(f"{alone}:not(.silent) .numbers li >> text=SpO₂")
    page.wait_for_selector(f"{alone}.silent")  # nothing comes any more


def test_pulses_sweep_below_the_ecg(page: Page, sweeping: SweepingWard) -> None:
    hub = sweeping.ward.hub
    pleth = Lead("PLETH", "NU", 8000.0, -90_000)
    hub.see([_with_pleth(first, pleth) for first in range(0, 1500, 50)])
    page.evaluate("() => { location.hash = '#/patient/finger' }")
    page.wait_for_selector(".lead-names .pulse >> text=PLETH")
    until(page, "() => document.querySelector('.leads canvas').width > 0")
    for first in range(1500, 2500, 50):
        hub.see([_with_pleth(first, pleth)])
    until(
        page,
        """() => {
          const [, canvas] = document.querySelectorAll(".leads canvas");
          if (!canvas.width || !canvas.height) return false;
          const third = Math.floor(canvas.height / 3), ctx = canvas.getContext("2d");
          const drawn = (y) => ctx.getImageData(0, y, canvas.width, third).data.some((v) => v > 0);
          return drawn(0) && drawn(2 * third);
        }""",
    )


def _with_pleth(first: int, pleth: Lead) -> Frame:
    at = np.arange(first, first + 50)
    samples = np.stack([pulse(at), pulse(at), pulse(at - 60) * 40 - 30_000]).astype(np.int16)
    unix_ns = 1_700_000_000_000_000_000 + first * 4_000_000
    return Frame("finger", "s", first, unix_ns, 250.0, (*LEADS, pleth), samples)
