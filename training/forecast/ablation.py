"""The arms of the comparison, each fitted with each seed on each fold, measured free-running."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from training.config import TrainConfig, load_config
from training.forecast.errors import error_table
from training.forecast.folds import ARMS, OUTER, PRIMARY, Arm, deal, forecaster, without
from training.forecast.predict import forecast
from training.forecast.series import SensorSeries, read_series_split

SEEDS = 3
"""Seeds of the schedules; the other arms have one."""


def runs(seeds: int) -> Iterator[tuple[Arm, int]]:
    """List the runs, those of the arm that ships first."""
    for seed in range(seeds):
        for arm in sorted(ARMS, key=lambda a: a is not PRIMARY):
            is_schedule = arm.cell == "lstm" and arm.attention and arm.normalisation == "running"
            if seed == 0 or is_schedule:
                yield arm, seed


def left_out_tables(
    config: TrainConfig, series: Sequence[SensorSeries], models: Path, arm: Arm, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Measure one run on patients left out: a table a record, by its name."""
    run = arm.config(config, seed)
    found = {}
    for fold in deal(series, OUTER):
        model = forecaster(run, without(series, fold), models)
        size = model.size
        leads = [size.stride * (k + 1) for k in range(size.steps)]
        for given, each in zip(forecast(model, fold), fold, strict=True):
            found[each.name] = error_table(given, each, leads)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Fit all arms from the command line; those that were fitted before are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("training/configs/forecast.toml"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("runs/forecast/models"))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args(argv)
    config = load_config(options.config)
    series = read_series_split(config, options.data).training
    for arm, seed in track(list(runs(options.seeds)), description="arms"):
        left_out_tables(config, series, options.models, arm, seed)


if __name__ == "__main__":
    main()
