"""The memory of a tab that shows the wall for hours, and of the console behind it.

``python -m deploy.console.bench --hours 1`` notes once in a while what lives in the page after
a collection of garbage, its nodes and listeners, and the resident memory of both processes; now
and then a patient's page is opened and left. Flat is declared beforehand: the mean of the
last third is no higher than that of the middle third by more than :data:`MOST_GROWTH`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NOTE_S = 20.0
"""Time between two notes, s."""
NOTES_PER_VISIT = 15
"""Notes from one look at a patient's page to the next."""
VISIT_S = 10.0
"""How long that page stays open, s."""
MOST_GROWTH = 0.05
"""Growth of a mean from the middle third to the last that still is flat."""


@dataclass(frozen=True, slots=True)
class Note:
    """Page and console at one moment."""

    at_s: float
    """Since the begin, s."""
    heap_mib: float
    """What lives in the page's JavaScript heap after a collection, MiB."""
    nodes: int
    """Nodes of the document, and those that only scripts still hold."""
    listeners: int
    """Listeners of events."""
    tab_mib: float
    """Resident memory of the tab's process, MiB."""
    console_mib: float
    """Resident memory of the console's process, MiB."""
    frames_per_s: float
    """Frames drawn since the last note."""


_FRAMES = """() => {
  window.benchFrames = 0;
  const go = () => { window.benchFrames += 1; requestAnimationFrame(go); };
  requestAnimationFrame(go);
}"""


def watch(browser: Browser, page: Page, patient: str, seconds: float) -> list[Note]:
    """Note memory while the wall sweeps.

    Parameters
    ----------
    browser, page
        Chromium, and the page that shows the wall.
    patient : str
        Stream whose page is looked at now and then.
    seconds : float
        How long, s.
    """
    inside = page.context.new_cdp_session(page)
    inside.send("Performance.enable")
    page.evaluate(_FRAMES)
    begun_s, notes = time.monotonic(), list[Note]()
    before_s, drawn = begun_s, 0
    while (at_s := time.monotonic() - begun_s) < seconds:
        page.wait_for_timeout(1000 * min(NOTE_S, seconds - at_s))
        inside.send("HeapProfiler.collectGarbage")
        told = {m["name"]: m["value"] for m in inside.send("Performance.getMetrics")["metrics"]}
        now_s, frames = time.monotonic(), int(page.evaluate("window.benchFrames"))
        note = Note(
            round(now_s - begun_s, 1),
            round(told["JSHeapUsedSize"] / 2**20, 2),
            int(told["Nodes"]),
            int(told["JSEventListeners"]),
            _resident_mib(_tab_pid(browser)),
            _resident_mib("self"),
            round((frames - drawn) / (now_s - before_s), 1),
        )
        notes.append(note)
        before_s, drawn = now_s, frames
        if len(notes) % NOTES_PER_VISIT == 0:
            _visit(page, patient)
    return notes


def judge(notes: Sequence[Note]) -> dict[str, Any]:
    """Compare the last third with the middle third.

    Examples
    --------
    >>> level = [Note(20.0 * i, 5.0, 900, 40, 200.0, 150.0, 60.0) for i in range(9)]
    >>> judge(level)["is_flat"], judge(level)["heap_mib"]["growth"]
    (True, 0.0)
    """
    third = len(notes) // 3
    told: dict[str, Any] = {}
    for name in ("heap_mib", "nodes", "listeners", "tab_mib", "console_mib"):
        values = [float(getattr(note, name)) for note in notes]
        parts = (values[:third], values[third : 2 * third], values[2 * third :])
        first, middle, last = (statistics.fmean(part) if part else 0.0 for part in parts)
        told[name] = {
            "first_third": round(first, 2),
            "middle_third": round(middle, 2),
            "last_third": round(last, 2),
            "growth": round((last - middle) / middle if middle else 0.0, 4),
        }
    told["is_flat"] = all(part["growth"] <= MOST_GROWTH for part in told.values())
    told["frames_per_s"] = round(statistics.fmean(note.frames_per_s for note in notes), 1)
    told["notes"] = [asdict(note) for note in notes]
    return told


def draw(notes: Sequence[Note], path: Path) -> None:
    """Draw memory against time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    minutes = [note.at_s / 60 for note in notes]
    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    series = (
        ("heap_mib", "page, JavaScript\nafter collection, MiB"),
        ("tab_mib", "process of the tab,\nresident, MiB"),
        ("console_mib", "process of the console,\nresident, MiB"),
    )
    axes = figure.subplots(len(series), 1, sharex=True)
    for axis, (name, label) in zip(axes, series, strict=True):
        axis.plot(minutes, [getattr(note, name) for note in notes], lw=1)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("minutes")
    figure.savefig(path, dpi=100)


def _visit(page: Page, patient: str) -> None:
    """Look at a patient's page, and go back to the wall."""
    page.evaluate("(to) => { location.hash = to }", f"#/patient/{patient}")
    page.wait_for_timeout(1000 * VISIT_S)
    page.evaluate("() => { location.hash = '#/wall' }")


def _tab_pid(browser: Browser) -> int:
    """Return the process of the tab: of the renderers the one that holds most."""
    session = browser.new_browser_cdp_session()
    told = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return max((int(p["id"]) for p in told if p["type"] == "renderer"), key=_resident_mib)


def _resident_mib(pid: int | str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(li.split()[1]) for li in lines if li.startswith("VmRSS")) / 1024, 1)
