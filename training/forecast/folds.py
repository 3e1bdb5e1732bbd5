"""Patients dealt out to folds, and forecasters that are fitted once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from training.architectures.forecaster import Forecaster
from training.config import TrainConfig
from training.forecast.series import SensorSeries, series_digest
from training.forecast.task import ForecastTask
from training.quiet import fitted

TELLING = {"fit", "architecture", "forecast", "enrichment"}
"""Tables of a configuration that a forecaster's weights depend on."""
OUTER, INNER = 5, 3
"""Folds that are tested on, and folds within what remains that limits are calibrated on."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of making a forecaster."""

    name: str
    """What tables call it."""
    schedule: str = "inverse-sigmoid"
    """How its decoder is taught."""
    cell: str = "lstm"
    """Its cells."""
    attention: bool = True
    """Its decoder looks back."""
    normalisation: str = "running"
    """What values are held against."""

    def config(self, base: TrainConfig, seed: int) -> TrainConfig:
        """Return the run of this arm."""
        size = {"cell": self.cell, "normalisation": self.normalisation}
        if not self.attention:
            size["context"] = 0  # type: ignore[assignment]
        told = base.forecast.model_copy(update={"schedule": self.schedule})
        update = {"architecture": base.architecture | size, "forecast": told}
        return base.model_copy(update=update).with_seed(seed)


PRIMARY = Arm("inverse sigmoid")
"""The one that ships, named before anything was measured on the test patients."""
ARMS = (
    Arm("teacher forcing", "teacher"),
    Arm("linear", "linear"),
    Arm("exponential", "exponential"),
    PRIMARY,
    Arm("free-running", "free"),
    Arm("GRU", cell="gru"),
    Arm("no attention", attention=False),
    Arm("population", normalisation="population"),
)
"""All that are compared: schedules, then the cell, attention, and normalisation."""


def deal(series: Sequence[SensorSeries], n: int) -> list[list[SensorSeries]]:
    """Deal patients out to folds in order of their names, all records of one to the same."""
    people = sorted({each.patient for each in series})
    return [[s for s in series if s.patient in set(people[i::n])] for i in range(n)]


def without(series: Sequence[SensorSeries], left: Sequence[SensorSeries]) -> list[SensorSeries]:
    """Return the series of everybody who is not left out."""
    people = {each.patient for each in left}
    return [each for each in series if each.patient not in people]


def forecaster(config: TrainConfig, series: Sequence[SensorSeries], folder: Path) -> Forecaster:
    """Fit a forecaster, or take the one that was fitted of the same run and series.

    Parameters
    ----------
    config : TrainConfig
        The run.
    series : sequence of SensorSeries
        Learned from.
    folder : Path
        Where fitted ones are kept.
    """
    torch.set_num_threads(1)
    path = kept_at(config, series, folder)
    task = ForecastTask(config, series, [])
    if path.exists():
        task.model.load_state_dict(torch.load(path))
        task.model.eval()
        return task.model
    model = fitted(lambda: ForecastTask(config, series, []), config.fit).model
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(model.state_dict(), part)
    part.replace(path)
    return model


def kept_at(config: TrainConfig, series: Sequence[SensorSeries], folder: Path) -> Path:
    """Name the file of the forecaster of a run on series."""
    told = config.model_dump_json(include=TELLING) + series_digest(series)
    return folder / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.pt"
