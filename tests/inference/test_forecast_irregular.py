"""Values that are missing, or come when they like: forecasts go on, and nobody is alarmed by it."""

from __future__ import annotations

import numpy as np

from inference.forecast import ForecastStage
from inference.model import builtin
from inference.session import StreamSession

N = 300
HABIT_S = 120
"""When it is known how seldom a channel comes, s."""
USUAL = np.array([80.0, 80.0, 17.0, 96.0])
SPREAD = np.array([1.0, 1.0, 0.7, 0.4])


def whole(seed: int) -> np.ndarray:
    """Five calm minutes of numerics, array of shape (N, 4)."""
    rng = np.random.default_rng(seed)
    return np.round(USUAL + rng.normal(0, SPREAD, (N, 4))).astype(np.float32)


def at_irregular_times(values: np.ndarray, mean_s: float, seed: int) -> np.ndarray:
    """Keep values at times drawn for each channel on its own, so far apart on average."""
    keep = np.random.default_rng(seed).random(values.shape) < 1 / mean_s
    return np.where(keep, values, np.nan).astype(np.float32)


def run(streams: list[np.ndarray]) -> tuple[ForecastStage, np.ndarray, np.ndarray]:
    """Step streams side by side; return the stage, the last forecasts, and who is anomalous."""
    stage = ForecastStage(StreamSession(builtin("forecast"), "forecast"), n_slots=len(streams))
    slots, anomalous = np.arange(len(streams)), []
    for step in range(N):
        told = stage.step(slots, np.stack([each[step] for each in streams]))
        anomalous.append(told.anomalous)
    return stage, told.forecast, np.array(anomalous)


def test_a_stream_sampled_when_it_likes_is_forecast_like_the_whole_one() -> None:
    full = [whole(seed) for seed in range(4)]
    thin = [at_irregular_times(each, 4.0, seed) for seed, each in enumerate(full)]

    _, forecast, anomalous = run([*full, *thin])

    assert np.isfinite(forecast).all()
    median = forecast[..., forecast.shape[-1] // 2]
    away = np.abs(median[4:] - USUAL).max(axis=(0, 1))
    assert (away < 4 * SPREAD).all(), away
    assert anomalous[HABIT_S:].mean() < 0.1  # 0.4 where each missing second counts as gone


def test_a_channel_that_came_each_second_is_told_as_gone_within_seconds() -> None:
    lost = whole(0)
    lost[200:, 3] = np.nan
    _, _, anomalous = run([lost])
    assert anomalous[203:210, 0].any()


def test_quantiles_of_channels_that_come_seldom_stay_apart_and_finite() -> None:
    full = [whole(seed) for seed in range(6)]
    thin = [at_irregular_times(each, 15.0, seed) for seed, each in enumerate(full)]

    _, forecast, _ = run([*full, *thin])

    width = forecast[..., -1] - forecast[..., 0]
    assert (width > 0).all()
    assert np.isfinite(width).all()


def test_a_channel_never_heard_is_not_forecast_and_takes_nothing_from_the_others() -> None:
    full = whole(0)
    without = full.copy()
    without[:, 2] = np.nan

    stage, forecast, _ = run([full, without])

    missing = [name == "RESP" for name in stage.info.channels]
    assert np.isnan(forecast[1][:, missing]).all()
    assert np.isfinite(forecast[1][:, ~np.array(missing)]).all()
