"""Made-up patients for tests of forecasters: rates that swing about a level of their own."""

from __future__ import annotations

import numpy as np

from training.config import TrainConfig
from training.forecast.series import SensorSeries

CHANNELS = ("HR", "PULSE", "RESP", "SpO2")


def patient(seed: int, n_steps: int = 400) -> SensorSeries:
    """Swing slowly about a level, rounded as monitors do; pulse follows heart rate."""
    rng = np.random.default_rng(seed)
    step = np.arange(n_steps)
    period, swing = rng.uniform(60, 90), rng.uniform(3, 6)
    hr = rng.uniform(60, 100) + swing * np.sin(2 * np.pi * step / period + rng.uniform(0, 6))
    resp = rng.uniform(12, 22) + 2 * np.sin(2 * np.pi * step / (0.7 * period))
    spo2 = np.full(n_steps, rng.integers(93, 100))
    values = np.stack([hr, hr + rng.normal(0, 0.5, n_steps), resp, spo2], axis=1)
    return SensorSeries(
        f"p{seed:02d}n", f"p{seed:02d}", CHANNELS, np.round(values).astype(np.float32)
    )


def cohort(n: int, n_steps: int = 400) -> list[SensorSeries]:
    """Several of them."""
    return [patient(seed, n_steps) for seed in range(n)]


def small_run(**update: object) -> TrainConfig:
    """Return a run that takes seconds."""
    plain = {
        "task": "forecast",
        "name": "forecast-small",
        "version": "1.0.0",
        "data": {"database": "bidmc", "records": "all"},
        "fit": {"epochs": 1, "steps": 50, "batch": 8, "length": 10, "learning_rate": 1e-2},
        "architecture": {"hidden": 12, "context": 8},
        "enrichment": {"copies": 1},
    }
    return TrainConfig.model_validate(plain | update)
