"""The picture of ``docs/alarm-policy.md``: what is spared against what is missed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.alarm_policy.choices import STEPS

MARKS = {"default": "s", "best fixed choice": "D", "per patient": "*"}


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Draw each fixed choice and each policy by nuisances an hour and by what is missed."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for step in STEPS:
        rows = {name: row for name, row in found["choices"].items() if name.endswith(step)}
        x = [row["nuisances_per_h"] for row in rows.values()]
        y = [row["missed_percent"] for row in rows.values()]
        axes.plot(x, y, "o-", alpha=0.6, label=f"fixed, limits {step}")
        for name, at in zip(rows, zip(x, y, strict=True), strict=True):
            delay = name.split(",")[0]
            axes.annotate(delay, at, xytext=(5, 4), textcoords="offset points", fontsize=8)
    for name, mark in MARKS.items():
        row = found["policies"][name]
        at = row["nuisances_per_h"], row["missed_percent"]
        axes.plot(*at, mark, color="black", fillstyle="none", markersize=11, label=name)
    axes.set_xlabel("signals an hour that tell nothing worth telling")
    axes.set_ylabel("missed of what is worth telling, %")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
