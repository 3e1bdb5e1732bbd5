"""Figures of ``docs/forecasting.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from inference.calibration import Calibration
from inference.model import builtin
from inference.session import StreamSession
from inference.surprise import COMPONENTS
from training.config import TrainConfig
from training.forecast.channels import NAMES, UNITS
from training.forecast.detectors.forecasting import components
from training.forecast.folds import OUTER, PRIMARY, deal, forecaster, without
from training.forecast.planted import KINDS, plant
from training.forecast.predict import forecast
from training.forecast.series import SensorSeries

SHOWN = ("HR", "RESP", "SpO2")
EXAMPLE = "bidmc04n"
"""The record that forecasts are drawn of: the first whose heart rate moves by more than 3 bpm."""


def draw(
    kept: dict[str, Any],
    config: TrainConfig,
    series: Sequence[SensorSeries],
    models: Path,
    folder: Path,
) -> None:
    """Draw what has been measured, and one patient.

    Parameters
    ----------
    kept : dict
        As :mod:`training.forecast.measure` made it.
    config : TrainConfig
        The run.
    series : sequence of SensorSeries
        Of all patients.
    models : Path
        Where fitted forecasters are kept.
    folder : Path
        Where figures go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if "errors" in kept:
        draw_skill(kept["errors"], folder / "forecast-skill.png")
    if "ablation" in kept:
        draw_ablation(kept["ablation"], folder / "forecast-ablation.png")
    if "detection" in kept:
        draw_detection(kept["detection"], folder / "forecast-detection.png")
    names = [each.name for each in series]
    if EXAMPLE in names:
        draw_patient(series[names.index(EXAMPLE)], series, config, models, folder)


def draw_skill(errors: dict[str, Any], path: Path) -> None:
    """Draw skill against how far ahead, with intervals over patients."""
    figure, axes = plt.subplots(1, len(SHOWN), figsize=(10, 3), sharey=True)
    for axis, channel in zip(axes, SHOWN, strict=True):
        told = 100 * np.array(errors["curve"][channel])
        axis.axhline(0, color="0.5", lw=0.8)
        axis.fill_between(errors["leads"], told[:, 1], told[:, 2], alpha=0.25, lw=0)
        axis.plot(errors["leads"], told[:, 0], marker="o", ms=3)
        axis.set(title=NAMES[channel], xlabel="ahead, s", xlim=(0, 62))
    axes[0].set_ylabel("less absolute error\nthan the last value, %")
    _save(figure, path)


def draw_ablation(ablation: dict[str, Any], path: Path) -> None:
    """Draw the free-running loss of each arm, seed by seed."""
    names = list(ablation)
    figure, axis = plt.subplots(figsize=(7, 3.2))
    for row, name in enumerate(names):
        seeds = ablation[name]["quantile_by_seed"]
        axis.plot(seeds, [row] * len(seeds), "o", ms=4, color="C0", alpha=0.6)
        axis.plot(np.mean(seeds), row, "|", ms=14, color="C3")
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set_xlabel("free-running quantile loss over the naive forecast's (less is better)")
    axis.grid(axis="x", alpha=0.3)
    _save(figure, path)


def draw_detection(detection: dict[str, Any], path: Path) -> None:
    """Draw the area under precision and recall by detector and kind."""
    kinds = [*KINDS, "real"]
    figure, axes = plt.subplots(1, len(kinds), figsize=(12, 3), sharey=True)
    names = sorted(detection, key=lambda name: not name.startswith("forecaster"))
    for axis, kind in zip(axes, kinds, strict=True):
        told = [
            d["real"] if kind == "real" else d["planted"][kind]
            for d in (detection[name] for name in names)
        ]
        for row, each in enumerate(told):
            axis.plot([each["low"], each["high"]], [row, row], color="C0", lw=2)
            axis.plot(each["auprc"], row, "o", ms=4, color="C3" if row < 2 else "C0")
        axis.axvline(told[0]["share"], color="0.6", lw=0.8, ls="--")
        axis.set(title=kind, xlim=(0, 1), xlabel="AUPRC")
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    _save(figure, path)


def draw_patient(
    own: SensorSeries,
    series: Sequence[SensorSeries],
    config: TrainConfig,
    models: Path,
    folder: Path,
) -> None:
    """Draw forecasts of a patient never learned from, and one with a planted desaturation."""
    fold = next(f for f in deal(series, OUTER) if own.patient in {s.patient for s in f})
    model = forecaster(PRIMARY.config(config, config.fit.seed), without(series, fold), models)
    stride, given = model.size.stride, forecast(model, [own])[0]
    figure, axes = plt.subplots(len(SHOWN), 1, figsize=(9, 5.5), sharex=True)
    for axis, channel in zip(axes, SHOWN, strict=True):
        at = own.channels.index(channel)
        axis.plot(own.values[:, at], color="k", lw=0.9)
        for start in range(80, len(own.values) - 60, 90):
            ahead = start + stride * np.arange(1, given.shape[1] + 1)
            axis.fill_between(ahead, given[start, :, at, 0], given[start, :, at, -1], alpha=0.25)
            axis.plot(ahead, given[start, :, at, 2], lw=1.2)
            axis.plot(start, own.values[start, at], "o", ms=3, color="C3")
        axis.set_ylabel(f"{channel}, {UNITS[channel]}")
    axes[-1].set_xlabel("s")
    _save(figure, folder / "forecast-patient.png")
    _draw_planted(own, model, folder / "forecast-anomaly.png")


def _draw_planted(own: SensorSeries, model: Any, path: Path) -> None:
    one = plant(own, "desaturation", 0)
    calibration = Calibration.of(
        StreamSession(builtin("forecast"), "forecast").metadata,
        len(own.channels) * len(COMPONENTS),
        "forecast",
    )
    given = forecast(model, [one.series])[0]
    score = calibration.score(components(given, one.series, model.size.stride))
    at = own.channels.index("SpO2")
    figure, axes = plt.subplots(2, 1, figsize=(9, 3.6), sharex=True)
    axes[0].plot(one.series.values[:, at], color="k", lw=1)
    for lead in (10, 30, 60):
        steps = np.arange(lead, len(score))
        axes[0].plot(steps, given[:-lead, lead // model.size.stride - 1, at, 2], lw=0.9,
                     label=f"forecast {lead} s before")  # fmt: skip
    axes[0].legend(fontsize=7, loc="lower left")
    axes[0].set_ylabel("SpO2, %")
    axes[1].plot(score, lw=1)
    axes[1].axhline(calibration.limits["4"], color="C3", lw=0.8, label="4 false alarms an hour")
    axes[1].legend(fontsize=7, loc="upper left")
    axes[1].set(ylabel="1 in 10^score", xlabel="s")
    for axis in axes:
        axis.axvspan(one.begin, one.end, color="C1", alpha=0.15, lw=0)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
