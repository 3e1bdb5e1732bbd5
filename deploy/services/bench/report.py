"""The report of a run: JSON for the guard, Markdown with pictures for people."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from deploy.services.bench.figure import Figure
from deploy.services.bench.machine import BUSY_SHARE, Calibration

JSON_NAME, PAGE_NAME, HTML_NAME = "bench.json", "README.md", "index.html"
"""Files of a report."""
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;"
    "color:#1c2430;background:#fff}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d9dee5;vertical-align:top}"
    "thead th{position:sticky;top:0;background:#f2f4f7}.n{text-align:right;white-space:nowrap}"
    "img{max-width:100%;margin:.5rem 0;display:block}code{background:#f2f4f7;padding:0 .2em}"
)
_CURVES = (
    ("batch.png", r"^batch of (\d+)$", "streams in one push", "patients a core"),
    (
        "cores.png",
        r"^messages to alarms in (\d+) process(?:es)? at once, by the clock$",
        "processes, a core each",
        "patients in real time",
    ),
    ("census.png", r"^cost with (\d+) streams$", "streams", "us a patient-second"),
    (
        "latency.png",
        r"^(\d+) streams, frames of ([\d.]+) s, last sample to alarms, p99$",
        "streams on one core",
        "p99, ms",
    ),
)


def as_object(
    machine: str, figures: Sequence[Figure], calibration: Calibration | None = None
) -> dict[str, Any]:
    """Return a run as what ``vigil bench --json`` prints."""
    told: dict[str, Any] = {
        "machine": machine,
        "figures": [dataclasses.asdict(figure) for figure in figures],
    }
    if calibration is not None:
        told["calibration"] = dataclasses.asdict(calibration)
    return told


def write(
    folder: Path,
    machine: str,
    figures: Sequence[Figure],
    calibration: Calibration,
    absent: Sequence[str],
    of: str,
) -> list[Path]:
    """Write a report; return its files.

    Parameters
    ----------
    folder : Path
        Where to; made where it does not exist.
    machine : str
        What the figures are of.
    figures : sequence of Figure
        The run.
    calibration : Calibration
        What the core can do.
    absent : sequence of str
        Peers that were not here.
    of : str
        What was scored.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps(as_object(machine, figures, calibration), indent=1)
    (folder / JSON_NAME).write_text(told + "\n")
    pictures = _draw(folder, figures)
    head = _head(machine, calibration, absent, of)
    if (folder / "flame.svg").exists():
        pictures.append(folder / "flame.svg")
    lines = [*head, *_table(figures), *(f"![{path.stem}]({path.name})\n" for path in pictures)]
    (folder / PAGE_NAME).write_text("\n".join(lines))
    (folder / HTML_NAME).write_text(_html(head, figures, pictures))
    return [folder / JSON_NAME, folder / PAGE_NAME, folder / HTML_NAME, *pictures]


def _head(machine: str, calibration: Calibration, absent: Sequence[str], of: str) -> list[str]:
    idle = "idle" if calibration.is_idle else "**busy with other work**: trust ratios only"
    busy, most = f"{calibration.busy_share:.0%}", f"{BUSY_SHARE:.0%}"
    return [
        "# Benchmarks",
        "",
        f"Made by `vigil bench --report` on {datetime.now(UTC):%Y-%m-%d}, scoring {of}.",
        "",
        f"- Machine: {machine}.",
        f"- Before it others took {busy} of the processors' time (idle: up to {most}): {idle}.",
        f"- One core: {calibration.gflops:.0f} GFLOP/s in numpy's product of float32 matrices,",
        f"  {calibration.gbytes_s:.0f} GB/s in numpy's copy.",
        "- Throughput is processor time of this process, one thread; latency is wall-clock time.",
        "- Medians; the spread is largest less smallest, over the median. A ratio is the value",
        "  over the peer's in the same run.",
        f"- Peers that are not installed here: {', '.join(absent) or 'none'}.",
        "",
    ]


def _html(head: Sequence[str], figures: Sequence[Figure], pictures: Sequence[Path]) -> str:
    """Write the same as a page of its own."""
    title, _, made, *told = head
    items = "".join(
        f"<li>{_marked(item)}</li>" for item in " ".join(told).removeprefix(" - ").split(" - ")
    )
    rows = "".join(
        f"<tr><td>{escape(f.name)}<td class=n>{f.value:,.4g} {escape(f.unit)}<td class=n>"
        f"{f.spread:.0%}<td>{escape(f.peer)}<td class=n>{f.ratio:.3g}"
        for f in figures
    )
    shown = "".join(f'<img src="{path.name}" alt="{path.stem}">' for path in pictures)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Vigil: benchmarks</title>"
        f"<style>{_STYLE}</style><h1>{escape(title.removeprefix('# '))}</h1><p>{_marked(made)}"
        f"<ul>{items}</ul>{shown}<table><thead><tr><th>figure<th>median<th>spread<th>beside"
        f"<th>ratio</thead><tbody>{rows}</tbody></table></html>\n"
    )


def _marked(text: str) -> str:
    """Turn what is bold or code in Markdown into HTML."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def _table(figures: Sequence[Figure]) -> list[str]:
    rows = [
        f"| {f.name} | {f.value:,.4g} {f.unit} | {f.spread:.0%} | {f.peer} | {f.ratio:.3g} |"
        for f in figures
    ]
    head = ["| figure | median | spread | beside | ratio |", "|---|---|---|---|---|"]
    return [*head, *rows, ""]


def _draw(folder: Path, figures: Sequence[Figure]) -> list[Path]:
    """Draw the curves that the figures hold; none where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure as Picture
    except ImportError:
        return []
    drawn = []
    for name, pattern, x_label, y_label in _CURVES:
        curves: dict[str, list[tuple[float, float]]] = {}
        for figure in figures:
            if found := re.match(pattern, figure.name):
                x, *of = found.groups()
                curves.setdefault(", ".join(of), []).append((float(x), figure.value))
        if not curves:
            continue
        picture = Picture(figsize=(6, 3.6), layout="constrained")
        axes = picture.subplots()
        for label, points in curves.items():
            x_of, y_of = zip(*sorted(points), strict=True)
            axes.plot(x_of, y_of, marker="o", label=f"frames of {label} s" if label else None)
        scale = "linear" if name == "cores.png" else "log"
        axes.set(xscale=scale, xlabel=x_label, ylabel=y_label)
        if y_label.endswith("ms"):
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        if any(curves):
            axes.legend()
        axes.grid(alpha=0.3)
        picture.savefig(folder / name, dpi=110)
        drawn.append(folder / name)
    return drawn
