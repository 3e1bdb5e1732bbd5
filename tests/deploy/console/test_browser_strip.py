"""Strips in real Chromium: a beat relabelled by keyboard alone, and places of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.deploy.console.browsers import IN_CHROMIUM, SweepingWard, tile, until
from tests.deploy.console.consoles import alarm

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = IN_CHROMIUM


def test_a_beat_is_relabelled_by_keyboard_alone(page: Page, sweeping: SweepingWard) -> None:
    sweeping.raise_alarm(alarm("p06", "tachycardia", sample=1500))
    page.wait_for_selector(tile("p06", ".medium"))
    page.focus(tile("p06", " .open"))
    page.keyboard.press("Enter")
    page.wait_for_selector(".patient .event")
    page.keyboard.press("f")
    until(page, "() => /Calipers: \\d+ ms/.test(document.querySelector('.measured')?.textContent)")
    page.keyboard.press("]")
    page.wait_for_selector('.beat-line b:text("Beat N")')
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Relabel …"
    page.keyboard.press("Enter")
    page.wait_for_selector('dialog h2:text("Beat called N")')
    page.keyboard.press("v")
    page.keyboard.press("Tab")
    page.keyboard.type("broad complex")
    page.keyboard.press("Enter")
    page.wait_for_selector('#toast.shown:text("Kept: this beat is V.")')
    said = sweeping.ward.published[-1]
    assert (said.verdict, said.label, said.why, said.who) == (
        "relabel",
        "V",
        "broad complex",
        "all",
    )
    assert said.sample in {beat["sample"] for beat in sweeping.ward.hub.patients["p06"].beats}
    page.keyboard.press("Escape")
    sweeping.raise_alarm(alarm("p06", "tachycardia", "ended", sample=1500))


def test_a_place_in_the_full_disclosure_opens_its_strip(page: Page) -> None:
    page.evaluate("() => { location.hash = '#/patient/p08' }")
    until(page, "() => /kept from/.test(document.querySelector('.history .hint')?.textContent)")
    page.click(".history canvas", position={"x": 200, "y": 30})
    page.wait_for_selector('dialog[open] h2:text("Strip, bed 8")')
    until(page, "() => /Calipers: \\d+ ms/.test(document.querySelector('.measured')?.textContent)")
    page.keyboard.press("Escape")
