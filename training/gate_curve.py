"""What a gate costs and saves: sensitivity against multiply-adds, on patients of DS1 left out.

``python -m training.gate_curve CONFIG`` trains a classifier behind its gate, leaving each patient
out once, and beside it the same classifier without a gate; then it moves the gate's limit. It
writes a table and a picture. Reference R-peaks, first five minutes left out, never DS2.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inference.ticks import AAMI, F, N, Q, S, V
from ingest.errors import InputError
from training.config import TrainConfig, load_config
from training.crossval import LeftOut, fold_tasks, leave_out
from training.datasets import LabelledSignal
from training.gated_task import GatedBeatTask
from training.sources import read_split
from training.survey.fit_gated import Scored, costs, score_gated

LIMITS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Strangeness that is passed, as tried."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one limit gives, over all patients left out."""

    limit: float
    """Largest strangeness that is passed."""
    passed: float
    """Share of beats that is passed."""
    cost: float
    """Multiply-adds a beat, over those of the classifier without a gate."""
    se: tuple[float, float]
    """Sensitivity of S and of V, percent."""
    ppv: tuple[float, float]
    """Positive predictivity of S and of V, percent."""
    lost: tuple[int, int]
    """S and V beats that were passed as N."""


def point(scored: Scored, config: TrainConfig, limit: float, gate_share: float) -> Point:
    """Sum up one limit.

    Parameters
    ----------
    scored : Scored
        Records left out, with what was passed.
    config : TrainConfig
        Gives the thresholds.
    limit : float
        The gate's limit.
    gate_share : float
        Multiply-adds of the gate over those of the classifier.
    """
    passed = np.concatenate([beats for _, beats in scored])
    aami = np.concatenate([record.aami for record, _ in scored])
    se, ppv = rates([record for record, _ in scored], config)
    lost = tuple(int((passed & (aami == code)).sum()) for code in (S, V))
    cost = gate_share + 1 - float(passed.mean())
    return Point(limit, float(passed.mean()), cost, se, ppv, (lost[0], lost[1]))


def rates(
    records: Sequence[LeftOut], config: TrainConfig
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Sensitivity and positive predictivity of S and V in percent; F and Q held against neither."""
    limits = {"S": 0.5, "V": 0.5} | config.thresholds
    called = np.concatenate([record.called(limits["V"], limits["S"]) for record in records])
    aami = np.concatenate([record.aami for record in records])
    pairs = [_rates(aami, called, code) for code in (S, V)]
    return (pairs[0][0], pairs[1][0]), (pairs[0][1], pairs[1][1])


def _rates(aami: NDArray[np.int8], called: NDArray[np.int64], code: int) -> tuple[float, float]:
    hit = int(((aami == code) & (called == code)).sum())
    false = int((~np.isin(aami, (code, F, Q)) & (called == code)).sum())
    return 100 * hit / max(int((aami == code).sum()), 1), 100 * hit / max(hit + false, 1)


def trace(
    config: TrainConfig, signals: Sequence[LabelledSignal], n_folds: int
) -> tuple[list[Point], Point]:
    """Train and score with a gate at each of ``LIMITS``, and without.

    Returns
    -------
    curve : list of Point
    plain : Point
        The same classifier, trained and scored without a gate.

    Raises
    ------
    ingest.errors.InputError
        If the configuration is not of the task ``gated-beat``.
    """
    if config.task != "gated-beat":
        raise InputError(f"task is {config.task!r}; allowed here: 'gated-beat'")
    scored: list[Scored] = [[] for _ in LIMITS]
    gate_share = 0.0
    for task, split in fold_tasks(config, signals, n_folds):
        if not isinstance(task, GatedBeatTask):
            raise TypeError(f"task 'gated-beat' is a {type(task).__name__}")
        found = score_gated(task, list(split.validation), list(LIMITS))
        scored = [rows + new for rows, new in zip(scored, found, strict=True)]
        if not gate_share:
            with tempfile.TemporaryDirectory() as folder:
                task.write(Path(folder) / "model.onnx", "0" * 64)
                full, gate = costs(Path(folder) / "model.onnx")
            gate_share = gate / full
    curve = [
        point(rows, config, limit, gate_share) for limit, rows in zip(LIMITS, scored, strict=True)
    ]
    bare = list(leave_out(config.model_copy(update={"task": "beat"}), signals, n_folds))
    se, ppv = rates(bare, config)
    return curve, Point(0.0, 0.0, 1.0, se, ppv, (0, 0))


def table(curve: Sequence[Point], plain: Point, config: TrainConfig, aami: NDArray[np.int8]) -> str:
    """Lay the figures out as Markdown."""
    counts = ", ".join(f"{int((aami == code).sum())} {AAMI[code]}" for code in (N, S, V))
    fit = config.fit
    lines = [
        "# What a gate costs and saves",
        "",
        "Written by `python -m training.gate_curve`; do not edit. Patients of DS1, each left out",
        f"once, reference R-peaks, first five minutes left out: {counts} beats. Fitted on",
        f"{fit.epochs * fit.steps * fit.batch:,} sequences of {fit.length} beats, seed {fit.seed},",
        f"thresholds {dict({'S': 0.5, 'V': 0.5} | config.thresholds)}. Cost is in multiply-adds",
        "a beat of the exported graphs, over those of the classifier without a gate. Lost are",
        "beats that were passed as N. Mapping of de Chazal 2004.",
        "",
        "| limit | passed | cost | S Se | S +P | V Se | V +P | lost S | lost V |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        _line("no gate", plain),
        *(_line(f"{each.limit:g}", each) for each in curve),
        "",
        "![Sensitivity against cost](gate.png)",
    ]
    return "\n".join(lines) + "\n"


def _line(name: str, p: Point) -> str:
    cells = [f"{100 * p.passed:.1f} %", f"{p.cost:.3f}"]
    cells += [f"{value:.1f}" for pair in zip(p.se, p.ppv, strict=True) for value in pair]
    return f"| {' | '.join([name, *cells, *map(str, p.lost)])} |"


def draw(curve: Sequence[Point], plain: Point, picture: Path) -> None:
    """Draw sensitivity against cost as a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4))
    for at, (name, colour) in enumerate((("S", "tab:orange"), ("V", "tab:blue"))):
        costs_, ses = [p.cost for p in curve], [p.se[at] for p in curve]
        axis.plot(costs_, ses, marker="o", color=colour, label=f"{name} beats")
        axis.plot(plain.cost, plain.se[at], "x", color=colour, label=f"{name} beats, no gate")
    for p in curve[::2]:
        axis.annotate(f"{p.limit:g}", (p.cost, p.se[1]), textcoords="offset points", xytext=(0, 6))
    axis.set_xlabel("multiply-adds a beat, over those without a gate (at points: the limit)")
    axis.set_ylabel("sensitivity, %")
    axis.set_ylim(0, 101)
    axis.grid(visible=True, alpha=0.3)
    axis.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    plt.close(figure)


def write(
    config: TrainConfig, signals: Sequence[LabelledSignal], n_folds: int, out: Path
) -> list[Point]:
    """Make the curve and write ``gate.md`` and ``gate.png`` into a folder."""
    curve, plain = trace(config, signals, n_folds)
    aami = np.concatenate([s.aami[s.r_ms >= 300_000] for s in signals if s.first])
    out.mkdir(parents=True, exist_ok=True)
    (out / "gate.md").write_text(table(curve, plain, config, aami), "utf-8")
    draw(curve, plain, out / "gate.png")
    return curve


def main(argv: Sequence[str] | None = None) -> None:
    """Make the curve from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    arguments = parser.parse_args(argv)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    torch.set_num_threads(1)
    config = load_config(arguments.config)
    signals = read_split(config.data, arguments.data).training
    write(config, signals, arguments.folds, arguments.out)
    print((arguments.out / "gate.md").read_text("utf-8"))


if __name__ == "__main__":
    main()
