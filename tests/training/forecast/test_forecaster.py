"""A forecaster: learned, exported, and stepped with the bits of any batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from deploy.services.verify import why_not_batch_invariant
from inference.calibration import Calibration
from inference.forecast import ForecastStage
from inference.session import StreamSession
from ingest.errors import InputError
from tests.training.forecast.sensors import CHANNELS, cohort, small_run
from training.architectures.forecaster import MEDIAN, Forecaster, ForecasterSize, fit_normaliser
from training.forecast.calibrated import of_patients_left_out, write_calibration
from training.forecast.conformal import calibrated
from training.forecast.detectors.forecasting import components
from training.forecast.errors import by_patient, error_table, naive_table, skill
from training.forecast.predict import forecast
from training.forecast.series import SensorSeries
from training.forecast.task import ForecastTask
from training.quiet import fitted

LEADS = [5 * (k + 1) for k in range(12)]


@pytest.fixture(scope="module")
def series() -> list[SensorSeries]:
    return cohort(10, 320)


@pytest.fixture(scope="module")
def task(series: list[SensorSeries]) -> ForecastTask:
    torch.set_num_threads(1)
    return fitted(lambda: ForecastTask(small_run(), series[:8], []), small_run().fit)


@pytest.fixture(scope="module")
def shipped(
    task: ForecastTask, series: list[SensorSeries], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Export it with a calibration of its own training patients."""
    path = tmp_path_factory.mktemp("forecast") / "forecast-small.onnx"
    task.write(path, "0" * 64)
    components_of = [
        components(given, each, 5)
        for given, each in zip(forecast(task.model, series), series, strict=True)
    ]
    clean = [np.arange(len(each.values)) >= 60 for each in series]
    names = [each.patient for each in series]
    write_calibration(path, calibrated(components_of, clean, names, [4.0]))
    return path


def holed(series: SensorSeries, seed: int = 0) -> SensorSeries:
    """Take values out at random, and a channel for a minute."""
    rng = np.random.default_rng(seed)
    values = series.values.copy()
    values[rng.random(values.shape) < 0.2] = np.nan
    values[70:100, 3] = np.nan
    return SensorSeries(series.name, series.patient, series.channels, values)


def streamed(path: Path, series: list[SensorSeries], groups: list[list[int]]) -> list[np.ndarray]:
    """Step streams in groups; give forecasts and components, stream by stream."""
    stage = ForecastStage(StreamSession(path, "forecast"), n_slots=len(series))
    parts: list[list[np.ndarray]] = [[] for _ in series]
    for step in range(len(series[0].values)):
        for group in groups:
            values = np.stack([series[i].values[step] for i in group])
            told = stage.step(np.array(group), values)
            for row, i in enumerate(group):
                parts[i].append(
                    np.concatenate([told.forecast[row].ravel(), told.components[row],
                                    told.score[row, None], told.anomalous[row, None]])
                )  # fmt: skip
    return [np.stack(rows) for rows in parts]


def test_it_beats_the_naive_forecast_on_patients_whose_rates_swing(task, series):
    left = series[8:]
    given = forecast(task.model, left)
    ours = by_patient(
        [error_table(g, s, LEADS) for g, s in zip(given, left, strict=True)], ["a", "b"]
    )
    naive = by_patient([naive_table(s, LEADS) for s in left], ["a", "b"])

    at_30_s = skill(ours[:, 5, 0, 0], naive[:, 5, 0, 0])[0]

    assert at_30_s > 0.2


def test_streaming_gives_what_whole_series_give(task, shipped, series):
    some = [holed(series[8]), holed(series[9], 1), series[0]]
    whole = forecast(task.model, some)

    steps = streamed(shipped, some, [[0, 1, 2]])

    for given, each, rows in zip(whole, some, steps, strict=True):
        n = given[0].size
        np.testing.assert_allclose(rows[:, :n].reshape(given.shape), given, atol=2e-3)
        np.testing.assert_allclose(rows[:, n : n + 12], components(given, each, 5), atol=2e-2)


def test_streams_have_the_same_bits_alone_and_together(shipped, series):
    some = [holed(each, i) for i, each in enumerate(cohort(5, 100))]

    together = streamed(shipped, some, [[0, 1, 2, 3, 4]])
    apart = streamed(shipped, some, [[3], [0, 4], [2, 1]])

    for one, other in zip(together, apart, strict=True):
        assert one.tobytes() == other.tobytes()


def test_the_models_scores_do_not_depend_on_the_batch(shipped):
    assert why_not_batch_invariant(shipped) is None


@pytest.mark.parametrize(("cell", "context"), [("gru", 8), ("lstm", 0)])
def test_every_form_exports_and_keeps_its_bits(tmp_path, series, cell, context):
    run = small_run(
        architecture={"hidden": 8, "context": context, "cell": cell},
        fit={"epochs": 1, "steps": 2, "batch": 4, "length": 8},
    )
    made = fitted(lambda: ForecastTask(run, series[:4], []), run.fit)

    assert made.write(tmp_path / "own.onnx", "0" * 64) < 1e-5
    assert why_not_batch_invariant(tmp_path / "own.onnx") is None


def test_an_untrained_forecaster_is_the_naive_forecast(series):
    values = torch.from_numpy(series[0].values)
    model = Forecaster(fit_normaliser([values], [1.0] * 4), ForecasterSize())

    given = forecast(model, series[:1])[0]

    np.testing.assert_allclose(given[:, 7, :, MEDIAN], series[0].values, atol=1e-4)


def test_quantiles_never_cross(task, series):
    given = forecast(task.model, [holed(series[9])])[0]
    there = given[~np.isnan(given).any(axis=(1, 2, 3))]

    assert len(there) > 100
    assert (np.diff(there, axis=3) > 0).all()


def test_what_is_missing_is_never_forecast_from_the_future(task, series):
    cut = SensorSeries("cut", "cut", CHANNELS, series[9].values[:200])

    whole, part = forecast(task.model, [series[9]])[0], forecast(task.model, [cut])[0]

    np.testing.assert_allclose(whole[:200], part, atol=1e-4)


def test_a_fall_of_spo2_is_an_anomaly_and_quiet_time_is_not(shipped):
    quiet = cohort(10, 320)[9]
    values = quiet.values.copy()
    values[200:230, 3] -= np.linspace(0, 10, 30).round()
    values[230:260, 3] -= 10
    fallen = SensorSeries("f", "f", CHANNELS, values)

    rows = streamed(shipped, [quiet, fallen], [[0, 1]])

    assert not rows[0][60:, -1].any()
    assert rows[1][200:260, -1].any()
    assert not rows[1][60:200, -1].any()


def test_a_model_without_calibration_is_refused_with_what_makes_one(task, tmp_path):
    path = tmp_path / "bare.onnx"
    task.write(path, "0" * 64)

    with pytest.raises(InputError, match=r"training\.forecast\.calibrated"):
        ForecastStage(StreamSession(path, "forecast"))


def test_calibrating_leaves_patients_out(tmp_path):
    run = small_run(fit={"epochs": 1, "steps": 2, "batch": 4, "length": 8})

    calibration = of_patients_left_out(run, cohort(4, 200), tmp_path, folds=2)

    assert len(list(tmp_path.glob("*.pt"))) == 2
    assert isinstance(calibration, Calibration)
    assert list(calibration.limits) == ["2", "4", "8", "16"]


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ({"cell": "rnn"}, "architecture.cell"),
        ({"hidden": 10}, "multiples of 4"),
        ({"context": 6}, "multiples of 4"),
        ({"normalisation": "none"}, "architecture.normalisation"),
        ({"steps": 0}, "steps and stride"),
    ],
)
def test_sizes_that_cannot_be_are_refused(size, told):
    with pytest.raises(InputError, match=told):
        ForecasterSize(**size)
