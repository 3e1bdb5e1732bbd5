"""Give an exported forecaster its tables and limits: ``python -m training.forecast.calibrated``.

They are learned by leaving patients out: forecasters of the same run, each of which never saw the
patients that it is asked about, so that no patient serves as what is usual and as its test.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import onnx

from inference.calibration import KEY, Calibration
from training.config import TrainConfig, load_config
from training.forecast.conformal import calibrated
from training.forecast.detectors.base import Scores
from training.forecast.detectors.forecasting import components
from training.forecast.disturbed import undisturbed
from training.forecast.folds import OUTER, deal, forecaster, without
from training.forecast.predict import forecast
from training.forecast.series import SensorSeries, read_series_split
from training.forecast.trial import ASKED_PER_H


def of_patients_left_out(
    config: TrainConfig, series: Sequence[SensorSeries], models: Path, folds: int = OUTER
) -> Calibration:
    """Make tables and limits of patients whom the forecasters did not see.

    Parameters
    ----------
    config : TrainConfig
        The run of the forecaster that ships.
    series : sequence of SensorSeries
        What it learned from.
    models : Path
        Where the folds' forecasters are kept.
    folds : int
        Folds.
    """
    found: list[Scores] = []
    ordered: list[SensorSeries] = []
    for fold in deal(series, folds):
        model = forecaster(config, without(series, fold), models)
        for given, each in zip(forecast(model, fold), fold, strict=True):
            found.append(components(given, each, model.size.stride))
            ordered.append(each)
    clean = [undisturbed(each) for each in ordered]
    return calibrated(found, clean, [each.patient for each in ordered], ASKED_PER_H)


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Put tables and limits into the metadata of an ONNX file."""
    graph = onnx.load(str(path))
    props = {prop.key: prop.value for prop in graph.metadata_props} | {KEY: calibration.to_json()}
    onnx.helper.set_model_props(graph, props)
    onnx.save(graph, str(path))


def main(argv: Sequence[str] | None = None) -> None:
    """Calibrate one model from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="ONNX file, as vigil train wrote it")
    parser.add_argument("--config", type=Path, default=Path("training/configs/forecast.toml"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("runs/forecast/models"))
    options = parser.parse_args(argv)
    config = load_config(options.config)
    series = read_series_split(config, options.data).training
    calibration = of_patients_left_out(config, series, options.models)
    write_calibration(options.model, calibration)
    told = ", ".join(f"{value:.2f} for {key}/h" for key, value in calibration.limits.items())
    levels = f"rarities up to 1 in {math.floor(10 ** calibration.rarity[-1]):,} s"
    print(f"{options.model.name}: {levels}; limits {told}")


if __name__ == "__main__":
    main()
