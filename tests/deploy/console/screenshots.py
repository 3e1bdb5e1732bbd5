"""Take the pictures of docs/console.md: ``make screenshots``.

Everything on them is what the page shows of simulated patients, scored by the shipped models.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from deploy.console.reports import Reports
from tests.deploy.console.browsers import (
    LIMIT_MS,
    SweepingWard,
    open_page,
    signed_in,
    started_chromium,
)
from tests.deploy.console.consoles import alarm
from tests.deploy.console.test_reports import write_reports
from tests.records import command, one_core

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COLOURS = 160
"""Colours of a picture: what is drawn is flat, and pictures stay small."""


class Demonstration:
    """``vigil demo`` with its console, in a process of its own."""

    def __init__(self, n_patients: int) -> None:
        given = ("--headless", "--console", "--patients", n_patients, "--port", 0)
        self._running = subprocess.Popen(
            command("demo", *given, "--duration", 600, "--seed", 3),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**one_core(), "VIGIL_DATA": "/nonexistent"},
        )
        lines = iter(self._running.stderr or ())
        told = next(line for line in lines if line.startswith("central station"))
        self.address = told.split(": ", 1)[1].strip()

    def close(self) -> None:
        """End it."""
        self._running.kill()
        self._running.communicate()


def save(page: Page, folder: Path, name: str) -> None:
    """Take one picture, in few colours."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        page.screenshot(path=file.name)
        picture = Image.open(file.name).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(folder / f"{name}.png", optimize=True)
    print(folder / f"{name}.png", (folder / f"{name}.png").stat().st_size // 1024, "KiB")


def open_at(browser: Browser, address: str, size: tuple[int, int], theme: str) -> Page:
    """Open the page of a demonstration."""
    shape = {"width": size[0], "height": size[1]}
    page = browser.new_page(viewport=shape, color_scheme=theme, reduced_motion="reduce")
    page.set_default_timeout(LIMIT_MS)
    page.goto(address)
    page.wait_for_selector(".tile")
    return page


def of_sixteen(browser: Browser, folder: Path) -> None:
    """Pictures of a ward of sixteen: wall, patient, strip, phone, a cut."""
    ward = Demonstration(16)
    wall = open_at(browser, ward.address, (1920, 1080), "dark")
    wall.wait_for_selector(".tile.high.on")
    wall.wait_for_timeout(15_000)
    save(wall, folder, "wall-16-dark")
    wall.emulate_media(color_scheme="light", reduced_motion="reduce")
    wall.keyboard.press("t")
    wall.wait_for_timeout(1500)
    save(wall, folder, "wall-16-light")
    wall.close()
    page = open_at(browser, ward.address, (1440, 900), "dark")
    page.wait_for_timeout(1000)
    page.goto(f"{ward.address.split('#')[0]}#/patient/dunlin")
    page.wait_for_selector(".signals .band.high")
    page.wait_for_timeout(9000)
    save(page, folder, "patient-dark")
    page.keyboard.press("f")
    page.wait_for_selector("dialog .reasons")
    page.wait_for_timeout(800)
    save(page, folder, "strip-dark")
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    page.wait_for_timeout(800)
    save(page, folder, "patient-light")
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Escape")
    page.wait_for_timeout(4000)
    save(page, folder, "phone-light")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("t")
    page.wait_for_timeout(3000)
    page.context.set_offline(True)
    page.wait_for_selector('#cut:has-text("CONNECTION LOST")')
    page.wait_for_timeout(1500)
    save(page, folder, "cut-dark")
    ward.close()


def of_sixty_four(browser: Browser, folder: Path) -> None:
    """The picture of a ward of sixty-four."""
    ward = Demonstration(64)
    wall = open_at(browser, ward.address, (1920, 1080), "dark")
    wall.wait_for_timeout(18_000)
    save(wall, folder, "wall-64-dark")
    ward.close()


def of_reports(browser: Browser, folder: Path) -> None:
    """Pictures of drift and models, of made-up figures of patients."""
    with tempfile.TemporaryDirectory() as kept:
        ward = SweepingWard(Path(kept))
        (Path(kept) / "reports").mkdir()
        ward.ward.console.reports = Reports(write_reports(Path(kept) / "reports"))
        ward.raise_alarm(alarm("p01", "asystole"))
        context = signed_in(browser, ward.server.address, color_scheme="light")
        for name in ("drift", "models"):
            page = open_page(context, ward.server.address, f"#/{name}")
            page.wait_for_selector(".card .verdict")
            page.wait_for_timeout(6000)  # until what was told at the begin has gone
            save(page, folder, f"{name}-light")
            page.close()
        ward.close()


def main(folder: Path, only: str = "") -> None:
    """Take all pictures, or those of one function."""
    folder.mkdir(parents=True, exist_ok=True)
    with started_chromium() as browser:
        for take in (of_sixteen, of_sixty_four, of_reports):
            if take.__name__.endswith(only):
                take(browser, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
