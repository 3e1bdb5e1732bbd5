"""A ward that sweeps and a real Chromium before it, for tests and pictures."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from deploy.console.roles import Role
from ingest.frames import Frame
from tests.deploy.console.consoles import LEADS, PASSWORD, Ward, beat, make_ward, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
LIMIT_MS = 90_000
N_PATIENTS = 16
NAMES = tuple(f"p{i:02d}" for i in range(1, N_PATIENTS + 1))


def chromium() -> str | None:
    """Return the Chromium of this machine, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


IN_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(chromium() is None, reason="no Chromium: install it"),
]
"""Marks of all tests in a browser."""


def pulse(at: np.ndarray) -> np.ndarray:
    """A complex every 200 samples, adu: enough to be seen sweeping."""
    phase = at % 200
    peak = 180 * np.exp(-(((phase - 100) / 4.0) ** 2)) + 30 * np.exp(-(((phase - 150) / 14.0) ** 2))
    return np.rint(peak).astype(np.int16)


class SweepingWard:
    """Sixteen patients whose signal comes at its pace, fed by a thread.

    Alarms come where a test puts them into ``alarms``.
    """

    def __init__(self, folder: Path) -> None:
        self.ward: Ward = make_ward(folder, streams=NAMES)
        self.alarms: list[bytes] = []
        self.server = serve(self.ward.console)
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        hub, begun_s, first = self.ward.hub, time.monotonic(), 2500
        while not self._stop.wait(0.02):
            coming, self.alarms = self.alarms, []
            self.ward.feed(*coming)
            if time.monotonic() - begun_s < (first - 2500 + 50) / 250:
                continue
            samples = np.stack([pulse(np.arange(first, first + 50))] * 2)
            unix_ns = 1_700_000_000_000_000_000 + first * 4_000_000
            hub.see([Frame(n, "s", first, unix_ns, 250.0, LEADS, samples) for n in NAMES])
            if first % 200 == 100:
                hub.take([beat(name, first) for name in NAMES], [])
            first += 50
            hub.turn()

    def raise_alarm(self, *changes: bytes) -> None:
        """Let the monitor hear changes of alarms."""
        self.alarms = [*self.alarms, *changes]

    def close(self) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()
        self.server.stop()
        self.ward.console.audit.close()
        self.ward.database.close()


@contextmanager
def started_chromium() -> Iterator[Browser]:
    """Start one Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


def signed_in(browser: Browser, address: str, name: str = "all", **given: object) -> BrowserContext:
    """Open a context whose cookie is that of an account."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **given})
    context.set_default_timeout(LIMIT_MS)
    answer = context.request.post(
        f"{address}api/sign-in", data={"name": name, "password": PASSWORD}
    )
    assert answer.ok, answer.text()
    return context


def open_page(context: BrowserContext, address: str, where: str = "#/wall") -> Page:
    """Open the page; what goes wrong in it stands in ``page.wrong``."""
    page = context.new_page()
    page.wrong = []  # type: ignore[attr-defined]

    def note(text: str) -> None:
        # Chromium tells of every refusal and of every connection that failed; these are meant.
        if not text.startswith(("Failed to load resource", "WebSocket connection")):
            page.wrong.append(text)  # type: ignore[attr-defined]

    page.on("pageerror", lambda error: note(str(error)))
    page.on("console", lambda said: note(said.text) if said.type == "error" else None)
    page.goto(address + where)
    return page


ROLES = [role.value for role in Role]


def until(page: Page, condition: str) -> None:
    """Wait until a condition of JavaScript holds."""
    page.wait_for_function(condition, timeout=LIMIT_MS)


def tile(name: str, state: str = "") -> str:
    """Return the selector of a bed's tile on the wall."""
    return f'.tile[data-id="{name}"]{state}'
