"""The page in real Chromium: what nurses see and do, and what they see when it fails."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from deploy.console.waves import WALL, Wave, pack
from deploy.services.console_side import ConsoleSide
from deploy.services.demo import Demo
from deploy.services.ward_desk import WardDesk
from ingest.recording import Recording
from ingest.simulator.record import simulate
from ingest.simulator.script import Script, sinus, ventricular_fibrillation
from tests.deploy.console.browsers import (
    IN_CHROMIUM,
    LIMIT_MS,
    N_PATIENTS,
    SweepingWard,
    open_page,
    signed_in,
    tile,
    until,
)
from tests.deploy.console.consoles import alarm

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = IN_CHROMIUM


def test_sixteen_patients_sweep(page: Page) -> None:
    assert page.locator(".tile").count() == N_PATIENTS
    until(
        page,
        """() => {
          const canvas = document.querySelector(".sweep");
          const base = canvas.getBoundingClientRect(), ctx = canvas.getContext("2d");
          const boxes = [...document.querySelectorAll(".tile .trace")].map((trace) => {
            const r = trace.getBoundingClientRect();
            return [r.left - base.left, r.top - base.top, r.width, r.height].map(Math.round);
          });
          const now = boxes.map(([x, y, w, h]) => {
            const { data } = ctx.getImageData(x, y, w, h);
            let sum = 0;
            for (let i = 3; i < data.length; i += 4) sum = (sum * 31 + data[i] * (i % 8191)) % 1e9;
            return sum;
          });
          window.before ??= now;
          window.changed ??= now.map(() => 0);
          now.forEach((sum, i) => { if (sum !== window.before[i]) window.changed[i] += 1; });
          window.before = now;
          return window.changed.length === 16 && window.changed.every((n) => n > 5);
        }""",
    )
    assert page.evaluate("document.documentElement.dataset.link") == "live"


def test_the_page_reads_blocks_as_they_were_packed(page: Page) -> None:
    import numpy as np

    rng = np.random.default_rng(3)
    waves = [
        Wave(i, i * 1000, 125.0, np.cumsum(rng.integers(-w, w + 1, (2, 40)), 1).astype(np.int16))
        for i, w in enumerate((3, 900))
    ]
    block = pack(WALL, 77, {"beats": [[1, 2, "V", 0.5, None]], "vitals": {}}, waves)
    told = page.evaluate(
        """async (bytes) => {
          const { decode } = await import("/page/decode.js");
          const found = decode(new Uint8Array(bytes).buffer);
          for (const wave of found.waves) wave.leads = wave.leads.map((lead) => [...lead]);
          return found;
        }""",
        list(block),
    )
    assert (told["kind"], told["number"]) == (WALL, 77)
    assert told["told"]["beats"] == [[1, 2, "V", 0.5, None]]
    for wave, read in zip(waves, told["waves"], strict=True):
        assert read["leads"] == wave.steps.tolist()
        assert (read["index"], read["first"], read["fs"]) == (wave.index, wave.first, wave.fs)


def test_an_alarm_is_seen_heard_and_acknowledged_by_keyboard(
    page: Page, sweeping: SweepingWard
) -> None:
    page.keyboard.press("m")
    until(page, "() => document.documentElement.dataset.audio === 'on'")
    sweeping.raise_alarm(alarm("p09", "asystole", sample=9))
    page.wait_for_selector(tile("p09", ".high.on"))
    until(page, "() => document.documentElement.dataset.sound === 'high'")
    until(page, "() => Number(document.documentElement.dataset.bursts) > 0")
    until(page, "() => document.querySelector('.tile').dataset.id === 'p09'")
    page.keyboard.press("u")
    page.wait_for_selector(".patient.high.on")
    page.keyboard.press("f")
    page.wait_for_selector("dialog[open] .strip canvas")
    until(page, "() => /Calipers: \\d+ ms/.test(document.querySelector('.measured').textContent)")
    before = page.text_content(".measured")
    page.keyboard.press("Shift+ArrowRight")
    assert page.text_content(".measured") != before
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("a")
    page.wait_for_selector(".patient.high.acknowledged")
    until(page, "() => document.documentElement.dataset.sound !== 'high'")
    page.keyboard.press("Escape")
    page.wait_for_selector(tile("p09", ".acknowledged"))
    sweeping.raise_alarm(alarm("p09", "asystole", "ended", sample=9))


def test_a_lethal_alarm_breaks_through_a_pause(page: Page, sweeping: SweepingWard) -> None:
    page.focus(tile("p05", " .open"))
    page.keyboard.press("p")
    page.wait_for_selector(tile("p05", ' .note:text("audio paused")'))
    sweeping.raise_alarm(alarm("p05", "ventricular_fibrillation", sample=5))
    page.wait_for_selector('#toast.shown.bad:text("broke through the audio pause")')
    page.wait_for_selector(tile("p05", ".high.on"))
    until(page, "() => document.documentElement.dataset.sound === 'high'")
    page.click(tile("p05", " .ack"))
    page.wait_for_selector(tile("p05", ".acknowledged"))
    sweeping.raise_alarm(alarm("p05", "ventricular_fibrillation", "ended", sample=5))


def test_what_pulses_veto_is_told_and_heard_by_nobody(page: Page, sweeping: SweepingWard) -> None:
    sweeping.raise_alarm(alarm("p11", "asystole", "vetoed", sample=11))
    page.wait_for_selector(tile("p11", ' .note:text("pulses veto: Asystole")'))
    assert page.locator(tile("p11", ".high")).count() == 0
    sweeping.raise_alarm(alarm("p11", "asystole", "veto_ended", sample=11))
    until(page, "() => !document.querySelector('[data-id=p11] .note').textContent")


def test_limits_are_set_and_contradictions_told(page: Page, sweeping: SweepingWard) -> None:
    page.focus(tile("p03", " .open"))
    page.keyboard.press("l")
    page.wait_for_selector("dialog[open] input[name=tachycardia_bpm]")
    page.fill("input[name=tachycardia_bpm]", "200")
    page.fill("input[name=why]", "athlete")
    page.click("dialog button[type=submit]")
    page.wait_for_selector('dialog .wrong:text("must be below")')
    page.fill("input[name=tachycardia_bpm]", "131")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog", state="detached")
    assert sweeping.ward.hub.patients["p03"].board.limits == {"tachycardia_bpm": 131.0}


def test_feedback_is_given_and_listed(page: Page, sweeping: SweepingWard) -> None:
    sweeping.raise_alarm(alarm("p07", "tachycardia", sample=2600))
    page.wait_for_selector(tile("p07", ".medium"))
    page.click(tile("p07", " .open"))
    page.wait_for_selector(".patient .event")
    page.keyboard.press("f")
    page.click('dialog button:text("False alarm")')
    page.fill("dialog input[name=why]", "patient brushed teeth")
    page.keyboard.press("Enter")
    page.wait_for_selector('#toast.shown:text("feedback is kept")')
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.wait_for_selector('td:text("patient brushed teeth")')
    assert sweeping.ward.published[-1].why == "patient brushed teeth"
    sweeping.raise_alarm(alarm("p07", "tachycardia", "ended", sample=2600))


def test_a_cut_is_shown_at_once_and_heals_without_losing_an_alarm(
    browser: Browser, sweeping: SweepingWard
) -> None:
    context = signed_in(browser, sweeping.server.address)
    page = open_page(context, sweeping.server.address)
    page.wait_for_selector(".tile")
    context.set_offline(True)
    page.wait_for_selector('#cut:has-text("CONNECTION LOST")')
    assert page.locator("#cut").bounding_box()["height"] > 60  # type: ignore[index]
    assert "grayscale" in page.evaluate("getComputedStyle(document.querySelector('#main')).filter")
    sweeping.raise_alarm(alarm("p12", "extreme_tachycardia", sample=12))
    context.set_offline(False)
    page.wait_for_selector("#cut", state="hidden")
    page.wait_for_selector(tile("p12", ".high.on"))
    sweeping.raise_alarm(alarm("p12", "extreme_tachycardia", "ended", sample=12))
    context.close()


@pytest.mark.parametrize("role", ["viewer", "engineer"])
def test_who_may_not_act_cannot(browser: Browser, sweeping: SweepingWard, role: str) -> None:
    context = signed_in(browser, sweeping.server.address, role)
    page = open_page(context, sweeping.server.address)
    page.wait_for_selector(".tile")
    page.focus(tile("p02", " .open"))
    page.keyboard.press("p")
    page.wait_for_selector('#toast.bad:text("role clinician")')
    pages = page.locator("nav.pages a").all_text_contents()
    assert ("System" in pages) == (role == "engineer")
    assert "Log" not in pages
    context.close()


def test_signing_in_by_name_and_password(browser: Browser, sweeping: SweepingWard) -> None:
    from tests.deploy.console.consoles import PASSWORD

    context = browser.new_context()
    page = open_page(context, sweeping.server.address)
    page.fill("input[name=name]", "viewer", timeout=LIMIT_MS)
    page.fill("input[name=password]", "not the password")
    page.keyboard.press("Enter")
    page.wait_for_selector('.wrong:text("name or password is wrong")', timeout=LIMIT_MS)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".tile", timeout=LIMIT_MS)
    context.close()


def test_search_and_arrows(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("p1")
    until(page, "() => document.querySelectorAll('.tile').length === 7")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    chosen = page.evaluate("document.activeElement.closest('.tile').dataset.id")
    page.keyboard.press("Enter")
    page.wait_for_selector(f'h1:text("{chosen}")')


def test_a_patients_page_that_was_left_holds_nothing(page: Page) -> None:
    inside = page.context.new_cdp_session(page)
    inside.send("Performance.enable")

    def listeners() -> float:
        for _ in range(3):  # what one collection lets go of may hold something else
            inside.send("HeapProfiler.collectGarbage")
            page.wait_for_timeout(100)
        metrics = inside.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "JSEventListeners")

    def visit() -> None:
        # A handle of a node, as wait_for_selector gives it, would itself hold the page.
        page.evaluate("() => { location.hash = '#/patient/p02' }")
        until(page, "() => document.querySelector('.history canvas') !== null")
        page.wait_for_timeout(300)  # what was asked for at the begin has come
        page.evaluate("() => { location.hash = '#/wall' }")
        until(page, "() => document.querySelector('.tile') !== null")

    visit()
    before = listeners()
    for _ in range(5):
        visit()
    after = listeners()
    assert after <= before + 8, (before, after, "each visit made 12")


@pytest.fixture
def planted() -> Iterator[tuple[ConsoleSide, Demo, float]]:
    """A demonstration of two patients; the second fibrillates from 8 s on."""
    onset_s, recordings = 8.0, {}
    scripts = {
        "calm": (sinus(40.0, 72.0),),
        "ill": (sinus(onset_s, 80.0), ventricular_fibrillation(30.0)),
    }
    for i, (name, segments) in enumerate(scripts.items()):
        record = simulate(replace(Script(name, segments), note=""), 250.0, 38.0, 5 + i)
        recordings[name] = Recording(name, record.fs, record.leads, record.samples)
    beds = {"calm": "1", "ill": "2"}
    side = ConsoleSide(beds)
    desk = WardDesk(beds, listen=side.hear)
    running = Demo(recordings, speed=1.0, see=side.see, start_unix_ns=time.time_ns())
    side.attach(running, desk)
    stop = threading.Event()

    def turn() -> None:
        while not stop.is_set():
            running.turn()
            side.take(running.beats, running.alarms, running.pipeline)
            desk.hear(running.alarms)
            running.beats.messages.clear()
            running.alarms.messages.clear()

    thread = threading.Thread(target=turn)
    thread.start()
    yield side, running, onset_s
    stop.set()
    thread.join()
    running.stop()
    side.stop()


def test_planted_fibrillation_is_on_screen_and_in_sound_within_10_s_of_signal(
    browser: Browser, planted: tuple[ConsoleSide, Demo, float]
) -> None:
    side, running, onset_s = planted
    context = browser.new_context()
    page = open_page(context, side.address, "")
    page.wait_for_selector('.empty:text("Waiting")', timeout=LIMIT_MS)
    running.start()
    page.wait_for_selector(tile("ill", ".high.on"), timeout=LIMIT_MS)
    until(page, "() => document.documentElement.dataset.sound === 'high'")
    patient = side.hub.patients["ill"]
    shown_s = patient.end / patient.fs
    assert re.search("fibrillation|V-fib", page.text_content(tile("ill", " .band")) or "")
    told = json.loads(json.dumps(side.hub.latest_alarms(5, "ill")))
    assert told[-1]["condition"] in ("ventricular_fibrillation", "ventricular_tachycardia")
    assert onset_s < shown_s < onset_s + 10.0
    context.close()
