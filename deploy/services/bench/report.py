"""The report of a run: JSON for the guard, Markdown with pictures for people."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.services.bench.figure import Figure
from deploy.services.bench.machine import BUSY_SHARE, Calibration

JSON_NAME, PAGE_NAME = "bench.json", "README.md"
"""Files of a report."""
_CURVES = (
    ("batch.png", r"^batch of (\d+)$", "streams in one push", "patients a core"),
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
    lines = [*_head(machine, calibration, absent, of), *_table(figures)]
    if (folder / "flame.svg").exists():
        pictures.append(folder / "flame.svg")
    lines += [f"![{path.stem}]({path.name})\n" for path in pictures]
    (folder / PAGE_NAME).write_text("\n".join(lines))
    return [folder / JSON_NAME, folder / PAGE_NAME, *pictures]


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
        axes.set(xscale="log", xlabel=x_label, ylabel=y_label)
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
