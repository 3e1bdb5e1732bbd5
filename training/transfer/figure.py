"""The picture of ``docs/transfer.md``: F1 by how many patients of the target were learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.transfer.sides import TITLES

FIGURE = Path(__file__).parents[2] / "docs" / "figures" / "transfer.png"
KINDS = {"veb": "ventricular beats", "sveb": "supraventricular beats"}
SERIES = {True: ("source, then tuned", "o-", "#0b5394"), False: ("from scratch", "s--", "#c05010")}
"""Label, mark and colour of arms that go on from the source's model, and of those that do not."""


def draw(found: Mapping[str, Any], path: Path) -> Path:
    """Draw F1 with its interval, a row of panels a target.

    Parameters
    ----------
    found : mapping
        From :func:`training.transfer.table.compared`.
    path : Path
        PNG file to write.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    directions = found["directions"]
    figure, axes = plt.subplots(
        len(directions),
        len(KINDS),
        figsize=(9, 3.4 * len(directions)),
        squeeze=False,
        layout="constrained",
    )
    for row, direction in zip(axes, directions, strict=True):
        for panel, kind in zip(row, KINDS, strict=True):
            _panel(panel, direction, kind, found["few"])
    figure.legend(
        *axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _panel(panel: Any, direction: Mapping[str, Any], kind: str, few: list[int]) -> None:
    """Draw one target's arms in one kind of beats."""
    arms = {arm["name"]: arm for arm in direction["arms"]}
    at = {k: place + 1 for place, k in enumerate(few)}
    for goes_on, (label, style, colour) in SERIES.items():
        chosen = [arm for arm in direction["arms"] if arm["few"] and arm["goes_on"] == goes_on]
        points = [(at[arm["few"]], arm[kind]["f1"]) for arm in chosen]
        if goes_on:
            points.insert(0, (0, arms["source"][kind]["f1"]))
        shift = 0.06 if goes_on else -0.06
        _bars(panel, [(x + shift, f1) for x, f1 in points], label, style, colour)
    own = [(len(few) + 1, arms["own"][kind]["f1"])]
    _bars(panel, own, "half of the target's own patients", "D", "#38761d")
    ticks = ["none", *map(str, few), f"half ({_half(arms['own'])})"]
    panel.set_xticks(range(len(few) + 2), ticks)
    panel.set_ylim(0, 102)
    panel.set_xlabel(f"patients of {TITLES[direction['target']]} learned from")
    panel.set_ylabel("gross F1, %")
    panel.set_title(
        f"{TITLES[direction['source']]} to {TITLES[direction['target']]}: {KINDS[kind]}",
        fontsize=10,
    )
    panel.grid(axis="y", color="#d9dde0", linewidth=0.6)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _half(own: Mapping[str, Any]) -> str:
    """Tell how many patients half of them are.

    Examples
    --------
    >>> _half({"learned_from": [["a"] * 21, ["a"] * 22]})
    '21–22'
    """
    sizes = sorted({len(patients) for patients in own["learned_from"]})
    return "–".join(map(str, sizes))


def _bars(
    panel: Any,
    points: Sequence[tuple[float, Mapping[str, float | None]]],
    label: str,
    style: str,
    colour: str,
) -> None:
    """Draw values with their intervals; a rate that is not defined is left out."""
    known = [(x, f1) for x, f1 in points if f1["value"] is not None]
    for x, f1 in known:
        panel.plot([x, x], [f1["low"], f1["high"]], color=colour, linewidth=1.2, alpha=0.7)
    panel.plot(
        [x for x, _ in known],
        [f1["value"] for _, f1 in known],
        style,
        color=colour,
        markersize=5,
        label=label,
    )
