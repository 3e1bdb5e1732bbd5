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
from training.forecast.folds import (
    ARMS,
    INNER,
    OUTER,
    PRIMARY,
    Arm,
    deal,
    forecaster,
    kept_at,
    without,
)
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


def needed(
    config: TrainConfig, series: Sequence[SensorSeries], seeds: int
) -> Iterator[tuple[TrainConfig, list[SensorSeries]]]:
    """List all fits that the page needs, those of the arm that ships first."""
    first = PRIMARY.config(config, config.fit.seed)
    outer = [without(series, fold) for fold in deal(series, OUTER)]
    yield from ((first, rest) for rest in outer)
    yield from ((first, without(rest, fold)) for rest in outer for fold in deal(rest, INNER))
    for arm, seed in runs(seeds):
        yield from ((arm.config(config, seed), rest) for rest in outer)


def main(argv: Sequence[str] | None = None) -> None:
    """Fit all that is needed from the command line; what was fitted before is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("training/configs/forecast.toml"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("runs/forecast/models"))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--most", type=int, help="fit no more than this; call again for the rest")
    options = parser.parse_args(argv)
    config = load_config(options.config)
    series = read_series_split(config, options.data).training
    fits = list(needed(config, series, options.seeds))
    missing = [fit for fit in fits if not kept_at(*fit, options.models).exists()]
    for run, rest in track(missing[: options.most], description="fits"):
        forecaster(run, rest, options.models)
    print(
        f"{max(0, len(missing) - (options.most or len(missing)))} of {len(fits)} fits are missing"
    )


if __name__ == "__main__":
    main()
