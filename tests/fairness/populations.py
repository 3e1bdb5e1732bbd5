"""Simulated patients for the audit's tests: beats, scores, delays, and who the patients are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fairness.declaration import Declaration

EVERY_METRIC = (
    "sensitivity", "specificity", "ppv", "fnr", "fpr", "f1", "accuracy", "selection_rate", "auroc",
    "auprc", "brier", "ece", "calibration_intercept", "calibration_slope", "false_alarms_per_h",
    "mean_delay_s", "median_delay_s", "exclusion_rate",
)  # fmt: skip


def population(
    patients: int = 60,
    units: int = 30,
    seed: int = 0,
    *,
    worse: float = 0.0,
    spread: float = 0.5,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make predictions of VEB and the subjects; women's beats are told ``worse`` (log-odds)."""
    rng = np.random.default_rng(seed)
    names = np.array([f"p{i:03d}" for i in range(patients)])
    sex = rng.permutation(np.arange(patients) % 2)
    of = np.maximum(3, rng.lognormal(np.log(units), 0.7, patients).astype(int))
    who = np.repeat(np.arange(patients), of)
    truth = rng.random(len(who)) < rng.beta(2, 4, patients)[who]
    ease = rng.normal(1.8, spread, patients) - worse * sex
    score = 1 / (1 + np.exp(-(np.where(truth, 1, -1) * ease[who] + rng.normal(0, 1, len(who)))))
    score = score.round(3)
    called = score >= 0.5
    excluded = rng.random(len(who)) < 0.03
    found = truth & called & ~excluded
    predictions = pd.DataFrame(
        {
            "patient": names[who],
            "condition": "VEB",
            "truth": truth.astype(int),
            "prediction": called.astype(int),
            "score": score,
            "delay_s": np.where(found, rng.gamma(3, 2, len(who)), np.nan),
            "excluded": excluded.astype(int),
        }
    )
    subjects = pd.DataFrame(
        {
            "patient": names,
            "sex": np.where(sex, "F", "M"),
            "age": rng.integers(20, 90, patients),
            "site": np.array(["A", "B", "C"])[rng.integers(0, 3, patients)],
            "monitored_h": rng.uniform(2, 24, patients).round(2),
        }
    )
    return predictions, subjects


def declared(*names: str, margin: float = 0.1, **keys: Any) -> Declaration:
    """Declare metrics of VEB by sex, or whatever ``keys`` say."""
    metrics = [{"name": name, "condition": "VEB", "margin": margin} for name in names]
    usual: dict[str, Any] = {
        "title": "Simulated",
        "metrics": metrics,
        "groups": [{"attribute": "sex"}],
        "rounds": 200,
    }
    return Declaration.model_validate(usual | keys)
