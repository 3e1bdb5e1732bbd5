"""Learning curves as a picture."""

from __future__ import annotations

import csv
from pathlib import Path


def gather_metrics(log: Path, metrics: Path) -> None:
    """Put what every start of a run logged one behind the other.

    Parameters
    ----------
    log : Path
        Folder with ``version_N/metrics.csv`` for each start, N from 0.
    metrics : Path
        CSV to write, with the columns of all of them.
    """
    rows: list[dict[str, str]] = []
    for start in range(len(list(log.glob("version_*")))):
        part = log / f"version_{start}" / "metrics.csv"
        if part.exists():  # a start may be cut off before it logs
            with part.open(newline="") as file:
                rows += csv.DictReader(file)
    with metrics.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)


def draw_curves(metrics: Path, picture: Path, title: str) -> None:
    """Draw every logged quantity against the epoch.

    Parameters
    ----------
    metrics : Path
        CSV with a column ``epoch`` and one a quantity, empty where it was not logged.
    picture : Path
        PNG to write.
    title : str
        Heading.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    curves: dict[str, list[tuple[float, float]]] = {}
    with metrics.open(newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name not in ("epoch", "step") and not name.endswith("_step"):
                    point = (float(row["epoch"]), float(value))
                    curves.setdefault(name.removesuffix("_epoch"), []).append(point)
    losses = {name: points for name, points in curves.items() if "loss" in name}
    scores = {name: points for name, points in curves.items() if "loss" not in name}
    panels = [panel for panel in (losses, scores) if panel]
    figure, axes = plt.subplots(1, max(len(panels), 1), figsize=(5 * max(len(panels), 1), 3.5))
    for axis, panel in zip([axes] if len(panels) < 2 else axes, panels, strict=False):
        for name, points in panel.items():
            axis.plot(*zip(*points, strict=True), marker=".", label=name)
        axis.set_xlabel("epoch")
        axis.set_yscale("log" if panel is losses else "linear")
        axis.grid(visible=True, alpha=0.3)
        axis.legend(frameon=False)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    plt.close(figure)
