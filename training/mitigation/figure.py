"""The comparison drawn: what every arm changes, for every group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.mitigation.arms import PLAIN

KINDS = {"veb": "ventricular beats", "sveb": "supraventricular beats"}
RATES = {"se": ("sensitivity", "o", "#0b5394"), "ppv": ("positive predictivity", "s", "#c05010")}
"""What is drawn of each kind: its name, mark and colour."""
WIDEST = 60.0
"""Largest change that is drawn in full, points of percent; an arrow stands for a larger one."""


def draw(found: Mapping[str, Any], path: Path) -> Path:
    """Draw each arm's paired changes of Se and +P with their intervals, a panel a group.

    Parameters
    ----------
    found : mapping
        From :func:`training.mitigation.table.compare`.
    path : Path
        PNG file to write.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    arms = [arm for arm in found["arms"] if arm["name"] != PLAIN]
    groups = found["groups"]
    figure, axes = plt.subplots(
        len(KINDS),
        len(groups),
        figsize=(2.3 * len(groups) + 3.2, (0.27 * len(arms) + 1.3) * len(KINDS)),
        sharey=True,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for row, (kind, title) in enumerate(KINDS.items()):
        for column, group in enumerate(groups):
            panel = axes[row][column]
            _panel(panel, arms, group["key"], kind)
            n = group["with_beats"][kind]
            told = f"{group['key']}\n{n} of {len(group['patients'])} patients have them"
            panel.set_title(told, fontsize=8)
        axes[row][0].set_yticks(range(len(arms)), [arm["title"] for arm in arms], fontsize=8)
        axes[row][0].set_ylabel(title, fontsize=10)
    axes[0][0].invert_yaxis()
    axes[0][0].set_xlim(-WIDEST, WIDEST)
    for panel in axes[-1]:
        panel.set_xlabel("change, points", fontsize=8)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    figure.suptitle(
        "Change from plain training, with 95 % intervals over patients; filled where 0 is outside",
        fontsize=11,
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _panel(panel: Any, arms: Sequence[Mapping[str, Any]], group: str, kind: str) -> None:
    """Draw one group's changes in one kind of beats."""
    panel.axvline(0, color="#1d2328", linewidth=0.8)
    for at, (rate, (name, mark, colour)) in enumerate(RATES.items()):
        for y, arm in enumerate(arms):
            told = arm["groups"][group][kind][rate]["change"]
            label = name if y == 0 else None
            if told["value"] is None:
                panel.plot([], [], mark, color=colour, label=label)
                continue
            outside = told["low"] > 0 or told["high"] < 0
            panel.plot(
                [told["low"], told["high"]], [y + 0.3 * at - 0.15] * 2, color=colour, linewidth=1.2
            )
            beyond = abs(told["value"]) > WIDEST
            panel.plot(
                max(min(told["value"], WIDEST), -WIDEST),
                y + 0.3 * at - 0.15,
                mark if not beyond else ">" if told["value"] > 0 else "<",
                color=colour,
                markerfacecolor=colour if outside else "white",
                markersize=4.5,
                clip_on=False,
                label=label,
            )
    panel.grid(axis="x", color="#d9dde0", linewidth=0.6)
    panel.tick_params(axis="x", labelsize=7)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
